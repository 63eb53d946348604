"""The broker that all Kafka tests share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

_NUMBERS = count()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    pytest.importorskip("confluent_kafka")
    from tests.kafka.broker import Broker, broker_binary

    if broker_binary() is None:
        pytest.skip("no broker binary for this machine")
    with Broker(tmp_path_factory.mktemp("broker") / "log") as running:
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # a member that vanished is noticed after this
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_SESSION_TIMEOUT_MS", "6000")


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"t{next(_NUMBERS)}"
