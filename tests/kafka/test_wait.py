"""What is told while it waits: each cause once in half a minute, whichever connection tells it."""

from __future__ import annotations

import pytest

from morpheus_gae.kafka.client import Trouble
from morpheus_gae.kafka.wait import AGAIN_SECONDS, Patience

kafka = pytest.importorskip("confluent_kafka")

WHY = "SASL authentication error: Authentication failed: Invalid username or password"


@pytest.mark.parametrize(
    "who", ["sasl_ssl://[::1]:9093/111", "GroupCoordinator: 10.0.0.1:9093", "TxnCoordinator: k:9"]
)
@pytest.mark.parametrize(
    "age", ["0ms in state AUTH_REQ", "7ms in state AUTH_REQ, 4 identical error(s) suppressed"]
)
def test_a_cause_is_the_same_from_all_connections(who: str, age: str) -> None:
    trouble = Trouble("k:9093")
    assert trouble.note(kafka.KafkaError(kafka.KafkaError._AUTHENTICATION, f"{who}: {WHY} (after {age})"))
    assert trouble.cause == f"no connection to k:9093: {WHY}; see the security options (--kafka_config)"


def test_a_cause_ends_with_the_connection() -> None:
    trouble = Trouble("k:9093")
    trouble.note(kafka.KafkaError(kafka.KafkaError._AUTHENTICATION, WHY))
    trouble.over()
    assert not trouble.note(kafka.KafkaError(kafka.KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert trouble.cause is None


def test_causes_in_turns_are_told_once() -> None:
    said: list[str] = []
    now = 0.0
    patience = Patience(said.append, lambda: now)
    for i in range(100):
        patience.tell("no broker answers" if i % 2 else "no password")
    assert said == ["Waiting: no password", "Waiting: no broker answers"]
    now = AGAIN_SECONDS
    patience.tell("no password")
    assert said[2:] == ["Waiting: no password"]
    patience.over()
    patience.over()
    patience.tell("no password")
    assert said[3:] == [
        "Waiting is over: the broker answers and the topics are there",
        "Waiting: no password",
    ]
