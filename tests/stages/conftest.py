"""The host of the stages: NVIDIA Morpheus' own Python layer where it can be imported, else the double."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import pytest

import morpheus_gae.executors.open
from morpheus_gae.engine.run.defaults import morpheus_installed
from morpheus_gae.testing.double import installed
from tests.engine.toys import ToyExecutor


@pytest.fixture(scope="package")
def host() -> Iterator[ModuleType]:
    """Test stages, and our own, on one of the two."""
    with nullcontext() if morpheus_installed() else installed():
        from tests.stages import host

        yield host


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The engine blocks SIGINT and SIGTERM where it is made; what a test starts would inherit that."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """In the place of every model: a flow's surprise is its forward bytes."""
    executor = ToyExecutor()
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", lambda model, kind: executor)
    # the stand-in of the compiled engine pins its threads only when told to; the engine always does
    monkeypatch.setenv("MRC_STANDIN_PIN", "1")
    return executor
