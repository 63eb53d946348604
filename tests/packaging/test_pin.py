"""docker/pin.sh, with a docker that answers what the test says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.composed import composed, environment
from tests.packaging.test_docker import BY_TAG

DOCKER = Path(__file__).resolve().parents[2] / "docker"
DIGEST = f"sha256:{'0a' * 32}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder docker/, as far as the script needs it."""
    (tmp_path / "docker").mkdir()
    for name in ("pin.sh", ".env.example"):
        shutil.copy(DOCKER / name, tmp_path / "docker" / name)
    return tmp_path / "docker"


def pin(folder: Path, *names: str, answer: str = DIGEST) -> subprocess.CompletedProcess[str]:
    docker = folder.parent / "bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text(f'#!/bin/sh\necho "$@" >> "{folder.parent}/asked"\necho "{answer}"\n', encoding="utf-8")
    docker.chmod(0o755)
    env = {**os.environ, "PATH": f"{docker.parent}:{os.environ['PATH']}"}
    command = [str(folder / "pin.sh"), *names]
    return subprocess.run(command, env=env, cwd=folder.parent, capture_output=True, text=True, check=False)


def test_pins_what_the_project_names_by_tag(folder: Path) -> None:
    (folder / ".env").write_text(
        "ALERT_RATE=0.01\nGOFLOW2_IMAGE=netsampler/goflow2:v2.2.2\n", encoding="utf-8"
    )
    done = pin(folder)
    assert (done.returncode, done.stderr) == (0, "")
    told = environment(folder / ".env")
    assert told.pop("ALERT_RATE") == "0.01"
    assert told["GOFLOW2_IMAGE"] == f"netsampler/goflow2:v2.2.2@{DIGEST}"
    assert {image.split(":")[0] for image in told.values()} == BY_TAG
    asked = (folder.parent / "asked").read_text(encoding="utf-8").splitlines()
    assert asked[0].split()[:3] == ["buildx", "imagetools", "inspect"]
    assert asked[0].endswith(" netsampler/goflow2:v2.2.2")
    before = (folder / ".env").read_text(encoding="utf-8")
    assert pin(folder).returncode == 0
    assert sorted((folder / ".env").read_text(encoding="utf-8").splitlines()) == sorted(before.splitlines())
    images = [service["image"] for service in composed([DOCKER / "compose.yaml"], told)["services"].values()]
    assert f"netsampler/goflow2:v2.2.2@{DIGEST}" in images


def test_pins_another_one_anew(folder: Path) -> None:
    assert pin(folder, "KAFKA_IMAGE").returncode == 0
    assert environment(folder / ".env") == {"KAFKA_IMAGE": f"apache/kafka:4.1.0@{DIGEST}"}


@pytest.mark.parametrize(
    ("names", "answer", "code", "said"),
    [(("KAFKA",), DIGEST, 2, "KAFKA is no image"), ((), "not found", 1, "not found is no digest")],
)
def test_writes_nothing_that_is_no_digest(
    folder: Path, names: tuple[str, ...], answer: str, code: int, said: str
) -> None:
    done = pin(folder, *names, answer=answer)
    assert done.returncode == code
    assert said in done.stderr
    assert (folder / ".env").read_text(encoding="utf-8") == ""
