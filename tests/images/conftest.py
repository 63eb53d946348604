"""The images that the tests run, built once."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.engine import ROOT, base_image, build, docker, why_not
from tests.kafka.broker import broker_binary, storage_binary

CPU, VENV, STANDIN = (f"morpheus-gae-test:{name}" for name in ("cpu", "venv", "standin"))
HOST, MORPHEUS = "morpheus-gae-test:host", "morpheus-gae-test:morpheus"
KERNELS = "morpheus-gae-test-kernels"
PROGRAMS = {
    "tini": '#!/bin/sh\nshift\nexec "$@"\n',
    "entrypoint.sh": '#!/bin/sh\nexec "$@"\n',
    "morpheus": "#!/bin/sh\necho the stock command\n",
}
"""Of NVIDIA's image, which is not here."""


@pytest.fixture(scope="session")
def base() -> str | None:
    """The image below ours."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    return base_image()


@pytest.fixture(scope="session")
def cpu(base: str | None) -> str:
    """The image ``cpu``, built unless TEST_IMAGES says that it is."""
    if os.environ["TEST_IMAGES"] == "built":
        return CPU
    begun = time.monotonic()
    build("cpu", CPU, **_below(base))
    print(f"cpu: built in {time.monotonic() - begun:.0f} s")
    return CPU


@pytest.fixture(scope="session")
def kernels(cpu: str) -> Iterator[tuple[str, ...]]:
    """Options for a volume of compiled kernels, which is filled from the image."""
    docker("volume", "rm", "--force", KERNELS)
    yield ("--volume", f"{KERNELS}:/var/cache/morpheus-gae")
    docker("volume", "rm", "--force", KERNELS)


def _below(base: str | None) -> dict[str, str]:
    return {} if base is None else {"PYTHON_IMAGE": base}


@pytest.fixture(scope="session")
def standin(cpu: str, base: str | None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """In the place of Kafka, goflow2, Prometheus and Grafana."""
    binary, store = broker_binary(), storage_binary()
    if binary is None or store is None:
        pytest.skip("the broker of the tests, or its store, has no program for this machine")
    folder: Path = tmp_path_factory.mktemp("standin")
    for file in (ROOT / "tests" / "images" / "standin").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    for name, program in (("broker", binary), ("weed", store)):
        shutil.copy(program, folder / name)
    # the image itself has nothing to build another on
    build("venv", VENV, **_below(base))
    docker("build", "--build-arg", f"BASE={VENV}", "--tag", STANDIN, str(folder))
    return STANDIN


@pytest.fixture(scope="session")
def morpheus(base: str | None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image ``morpheus`` on a stand-in for NVIDIA's."""
    if base is None:
        pytest.skip("no base image with Python: set PYTHON_IMAGE")
    folder: Path = tmp_path_factory.mktemp("host")
    (folder / "Dockerfile").write_bytes((ROOT / "tests/images/host/Dockerfile").read_bytes())
    (folder / "constraints.txt").write_bytes((ROOT / "constraints-host.txt").read_bytes())
    for name, text in PROGRAMS.items():
        (folder / name).write_text(text, encoding="utf-8")
    docker("build", "--build-arg", f"BASE={base}", "--tag", HOST, str(folder), seconds=1800)
    build("morpheus", MORPHEUS, PYTHON_IMAGE=base, MORPHEUS_IMAGE=HOST)
    return MORPHEUS
