"""The image ``morpheus`` on a stand-in for NVIDIA's: every step of its build, under the host's pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.engine import ROOT, build, docker

HOST, IMAGE = "morpheus-gae-test:host", "morpheus-gae-test:morpheus"
PROGRAMS = {
    "tini": '#!/bin/sh\nshift\nexec "$@"\n',
    "entrypoint.sh": '#!/bin/sh\nexec "$@"\n',
    "morpheus": "#!/bin/sh\necho the stock command\n",
}
LOCKED = ("--rm", "--read-only", "--cap-drop", "ALL", "--network", "none", "--tmpfs", "/tmp:noexec")


@pytest.fixture(scope="module")
def image(base: str | None, tmp_path_factory: pytest.TempPathFactory) -> str:
    if base is None:
        pytest.skip("no base image with Python: set PYTHON_IMAGE")
    folder: Path = tmp_path_factory.mktemp("host")
    (folder / "Dockerfile").write_bytes((ROOT / "tests/images/host/Dockerfile").read_bytes())
    (folder / "constraints.txt").write_bytes((ROOT / "constraints-host.txt").read_bytes())
    for name, text in PROGRAMS.items():
        (folder / name).write_text(text, encoding="utf-8")
    docker("build", "--build-arg", f"BASE={base}", "--tag", HOST, str(folder), seconds=1800)
    build("morpheus", IMAGE, PYTHON_IMAGE=base, MORPHEUS_IMAGE=HOST)
    return IMAGE


def test_it_is_healthy(image: str) -> None:
    done = docker("run", *LOCKED, "--entrypoint", "morpheus-gae-health", image)
    assert "alerts" in done.stderr


def test_the_pins_are_as_they_were(image: str) -> None:
    told = docker(
        "run", *LOCKED, "--entrypoint", "python", image, "-m", "pip", "list", "--format=freeze"
    ).stdout
    pins = (ROOT / "constraints-host.txt").read_text(encoding="utf-8").splitlines()
    assert {pin for pin in pins if pin and not pin.startswith("#")} <= set(told.lower().split())


def test_the_stock_command_is_kept(image: str) -> None:
    words = ("--entrypoint", "/workspace/docker/entrypoint.sh", image, "morpheus-stock")
    assert docker("run", *LOCKED, *words).stdout == "the stock command\n"
    done = docker("run", *LOCKED, image, "run", "pipeline-gae", "--help")
    assert "Usage: morpheus run pipeline-gae" in done.stdout
