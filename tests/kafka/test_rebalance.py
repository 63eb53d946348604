"""Rebalances while flows run: scorers come and go, and every flow is written once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

ck = pytest.importorskip("confluent_kafka")

from tests.kafka.run import Run, alert, lines, origin, wait_until  # noqa: E402

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

PARTITIONS = 4
PER_MESSAGE = 50


@contextmanager
def feed(broker: Broker, topic: str, ends: list[int]) -> Iterator[None]:
    """Flows into all partitions, again and again, until the ``with`` block ends."""
    over = threading.Event()
    message = lines(0, PER_MESSAGE)

    producer = ck.Producer({"bootstrap.servers": broker.servers, "enable.idempotence": True})

    def give() -> None:
        while not over.wait(0.05):
            for p in range(PARTITIONS):
                for value in (message, b"garbage"):
                    producer.produce(topic, value, partition=p)
                    ends[p] += 1
            producer.flush(10)

    feeder = threading.Thread(target=give, daemon=True)
    feeder.start()
    try:
        yield
    finally:
        over.set()
        feeder.join(120)


def held(run: Run) -> int:
    topics = run.pipeline.topics
    assert topics is not None
    assert topics.source is not None
    return len(topics.source.ledger.keys())


def test_scorers_come_and_go(broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # a rebalance is heard of with the next beat
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_CONSUMER_HEARTBEAT_INTERVAL_MS", "300")
    for topic in (name, f"{name}.out", f"{name}.out.dead"):
        broker.topic(topic, PARTITIONS)
    url, ends = f"kafka://{broker.servers}/{name}", [0] * PARTITIONS

    def start() -> Run:
        return Run(url, f"{url}.out", group=name, window_seconds=0.3, graph_size=200)

    def goes_on(run: Run, share: int) -> None:
        run.until(lambda run: held(run) == share, f"it has {share}")
        before = run.metrics.flows
        run.until(lambda run: run.metrics.flows > before + 500, "flows run")

    with feed(broker, name, ends), start() as first:
        goes_on(first, 4)
        second = start()
        goes_on(second, 2)
        goes_on(first, 2)
        # the elder one leaves, in the middle of it
        first.stop()
        goes_on(second, 4)
    with second:
        wait_until(lambda: broker.committed(name, name, PARTITIONS) == ends, "everything is committed")
    flows = sum(ends) // 2 * PER_MESSAGE
    seen = Counter(origin(alert(m)) for m in broker.messages(f"{name}.out", 60.0, PARTITIONS, to_end=True))
    assert len(seen) == flows
    assert set(seen.values()) == {1}
    dead_letters = [
        dict(m.headers()) for m in broker.messages(f"{name}.out.dead", 60.0, PARTITIONS, to_end=True)
    ]
    told = Counter((m["partition"], m["offset"]) for m in dead_letters)
    assert len(told) == sum(ends) // 2
    assert set(told.values()) == {1}
