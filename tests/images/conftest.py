"""The images that the tests run, built once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.images.engine import ROOT, base_image, build, docker, why_not
from tests.kafka.broker import broker_binary

CPU, VENV, STANDIN = (f"morpheus-gae-test:{name}" for name in ("cpu", "venv", "standin"))


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


def _below(base: str | None) -> dict[str, str]:
    return {} if base is None else {"PYTHON_IMAGE": base}


@pytest.fixture(scope="session")
def standin(cpu: str, base: str | None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """In the place of Kafka, goflow2, Prometheus and Grafana."""
    binary = broker_binary()
    if binary is None:
        pytest.skip("the broker of the tests has no program for this machine")
    folder: Path = tmp_path_factory.mktemp("standin")
    for file in (ROOT / "tests" / "images" / "standin").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "broker").write_bytes(binary.read_bytes())
    # the image itself has nothing to build another on
    build("venv", VENV, **_below(base))
    docker("build", "--build-arg", f"BASE={VENV}", "--tag", STANDIN, str(folder))
    return STANDIN
