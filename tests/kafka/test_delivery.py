"""Delivery against a real broker: all is delivered, and only what is delivered is committed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ck = pytest.importorskip("confluent_kafka")

from morpheus_gae.errors import GaeError, InputError, OutputError  # noqa: E402
from morpheus_gae.kafka.source import KafkaSource  # noqa: E402
from tests.kafka.run import Run, alert, lines, origin, wait_until  # noqa: E402

if TYPE_CHECKING:
    from tests.kafka.broker import Broker


def three_topics(broker: Broker, name: str, partitions: int = 1) -> tuple[str, str]:
    broker.topic(f"{name}.out.dead")
    return broker.topic(f"{name}.in", partitions), broker.topic(f"{name}.out", partitions)


def test_topic_to_topic(broker: Broker, name: str) -> None:
    given, out = three_topics(broker, name, 2)
    for p in (0, 1):
        broker.produce(f"{name}.in", [lines(1500 * p + i, 100) for i in range(0, 1500, 100)], partition=p)
    broker.produce(f"{name}.in", [b"garbage", lines(0, 2) + b'{"x"', b"\x08\xff\xff", None], partition=1)
    with Run(given, out, group=name) as run:
        run.until(lambda run: run.metrics.flows == 3002)
        wait_until(lambda: broker.committed(name, f"{name}.in", 2) == [15, 19], "everything is committed")
        run.until(lambda run: run.metrics.lag == {(f"{name}.in", 0): 0, (f"{name}.in", 1): 0}, "the lag is 0")
    messages = broker.read(f"{name}.out", 3002, partitions=2)
    found = [alert(m) for m in messages]
    assert len({origin(row) for row in found}) == len(found) == 3002
    expected = {(f"{name}.in", p, i // 100, i % 100): 1500 * p + i for p in (0, 1) for i in range(1500)}
    expected.update({(f"{name}.in", 1, 16, row): row for row in (0, 1)})
    assert {origin(row): row["IN_BYTES"] for row in found} == expected
    # a pair of hosts is in one partition, whoever began
    keys = {
        (m.key(), row["IPV4_SRC_ADDR"], row["IPV4_DST_ADDR"]) for m, row in zip(messages, found, strict=True)
    }
    assert len(keys) == len({key for key, _, _ in keys}) == 3000
    assert (b"10.0.0.7|2001:db8::7", "10.0.0.7", "2001:db8::7") in keys
    headers = dict(messages[0].headers())
    assert headers == {"content-type": b"application/json", "model": found[0]["model"].encode()}
    dead_letters = broker.read(f"{name}.out.dead", 3)
    told = sorted((dict(m.headers())["offset"], dict(m.headers())["row"], m.value()) for m in dead_letters)
    assert told == [(b"15", b"-1", b"garbage"), (b"16", b"2", b'{"x"'), (b"17", b"-1", b"\x08\xff\xff")]
    reasons = Counter(dict(m.headers())["reason"] for m in dead_letters)
    assert reasons == {b"unreadable_message": 2, b"broken_json": 1}
    assert run.metrics.skipped == {"tombstone": 1}


def test_exactly_once(broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID", name)
    given, out = three_topics(broker, name)
    broker.produce(f"{name}.in", [lines(i, 100) for i in range(0, 2000, 100)] + [b"garbage"])
    with Run(given, out, group=name, exactly_once=True) as run:
        wait_until(lambda: broker.committed(name, f"{name}.in") == [21], "the offsets are committed")
        # whoever comes with the same name takes over, and the first one ends
        other = ck.Producer({"bootstrap.servers": broker.servers, "transactional.id": name})
        other.init_transactions(30)
        broker.produce(f"{name}.in", [lines(2000, 1000)])
        run.join()
    assert isinstance(run.error, OutputError)
    assert "another process uses the transactional.id" in str(run.error)
    assert broker.committed(name, f"{name}.in") == [21]
    found = [origin(alert(m)) for m in broker.read(f"{name}.out", 2000)]
    assert len(set(found)) == len(found) == 2000
    assert len(broker.read(f"{name}.out.dead", 1)) == 1


class Failing:
    """A sink that fails from some table on."""

    def __init__(self, sink: Any, after: int) -> None:
        self._sink, self._left = sink, after

    def add(self, table: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise OutputError("the disk is full")
        self._sink.add(table)

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        self._sink.close()


def test_nothing_is_committed_that_is_not_delivered(broker: Broker, name: str) -> None:
    given, out = three_topics(broker, name)
    broker.produce(f"{name}.in", [lines(i, 500) for i in range(0, 5000, 500)])
    # the clock ends no window early
    run = Run(given, out, group=name, window_seconds=30.0)
    to_alerts = run.pipeline.engine.operators[-1]
    to_alerts._sink = Failing(to_alerts._sink, 2)
    run.join()
    assert isinstance(run.error, OutputError)
    # two windows of two messages each
    assert broker.committed(name, f"{name}.in") == [4]
    with Run(given, out, group=name) as run:
        wait_until(lambda: broker.committed(name, f"{name}.in") == [10], "the rest is read again")
    rows = [alert(m) for m in broker.read(f"{name}.out", 5000)]
    assert Counter(origin(row) for row in rows) == Counter(
        {(f"{name}.in", 0, i // 500, i % 500): 1 for i in range(5000)}
    )


def test_a_note_that_cannot_be_made_drops_no_window(
    broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as while a rebalance goes on, and the partition stays
    monkeypatch.setattr(KafkaSource, "_note_cut", lambda *_: False)
    given, out = three_topics(broker, name)
    with Run(given, out, group=name, window_seconds=0.2) as run:
        for first in (0, 300):
            broker.produce(f"{name}.in", [lines(first, 300)])
            run.until(lambda run, first=first: run.metrics.flows >= first + 300)
        wait_until(lambda: broker.committed(name, f"{name}.in") == [2], "both are committed")
    assert {alert(m)["IN_BYTES"] for m in broker.read(f"{name}.out", 600)} == set(range(600))


def test_two_consumers_share(broker: Broker, name: str) -> None:
    given, out = three_topics(broker, name, 2)

    def give(first: int) -> None:
        for p in (0, 1):
            broker.produce(f"{name}.in", [lines(first + i, 100) for i in range(0, 1000, 100)], partition=p)

    give(0)
    with Run(given, out, group=name) as one:
        one.until(lambda _: broker.committed(name, f"{name}.in", 2) == [10, 10])
        with Run(given, out, group=name) as other:
            wait_until(
                lambda: len(one.pipeline.topics.source.ledger.keys()) == 1, "one partition is given away"
            )
            wait_until(lambda: len(other.pipeline.topics.source.ledger.keys()) == 1, "and taken")
            give(1000)
            wait_until(lambda: broker.committed(name, f"{name}.in", 2) == [20, 20], "both go on")
            assert other.metrics.flows == 1000
        # who leaves is done with its own, and the other one has both again
        wait_until(lambda: len(one.pipeline.topics.source.ledger.keys()) == 2, "both are back")
        give(2000)
        wait_until(lambda: broker.committed(name, f"{name}.in", 2) == [30, 30], "one goes on alone")
    found = Counter(origin(alert(m)) for m in broker.read(f"{name}.out", 6000, partitions=2))
    assert set(found.values()) == {1}


def test_waits_for_what_is_missing(broker: Broker, name: str, tmp_path: Path) -> None:
    out = tmp_path / "alerts.jsonl"
    # torn by a crash of the run before
    out.write_bytes(b'{"whole": 1}\n{"torn": ')
    given = f"kafka://{broker.servers}/{name}.in"
    with Run(given, str(out), group=name, window_seconds=0.5) as run:
        line = f"Waiting: {broker.servers} has no topic {name}.in; create it, or correct the URL"
        run.until(lambda run: line in run.said, "it says what it waits for")
        broker.topic(f"{name}.in")
        broker.produce(f"{name}.in", [lines(0, 3)])
        wait_until(lambda: broker.committed(name, f"{name}.in") == [1], "it goes on by itself")
        assert run.said.count(line) == 1
        assert "Waiting is over: the broker answers and the topics are there" in run.said
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert found[0] == {"whole": 1}
    assert [row["IN_BYTES"] for row in found[1:]] == [0, 1, 2]


@pytest.mark.parametrize("missing", ["topic", "broker"])
def test_fail_fast(broker: Broker, name: str, missing: str) -> None:
    servers = broker.servers if missing == "topic" else "127.0.0.1:9"
    run = Run(f"kafka://{servers}/{name}", None, fail_fast=True, dead_letters=None)
    run.join()
    assert isinstance(run.error, InputError)
    assert ("has no topic" if missing == "topic" else "no broker answers") in str(run.error)


def test_a_slow_sink_pauses_reading(broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    # a message at a time, so that not all of them fit between the stages
    monkeypatch.setattr("morpheus_gae.kafka.source.TAKE_FLOWS", 1)
    monkeypatch.setattr("morpheus_gae.kafka.source.LEAST_BYTES", 1)

    given, out = three_topics(broker, name)
    broker.produce(f"{name}.in", [lines(i, 1000) for i in range(0, 40_000, 1000)])
    run = Run(given, out, group=name)
    source = run.pipeline.topics.source
    source._buffer._high, source._buffer._low = 300_000, 100_000
    to_alerts, gate = run.pipeline.engine.operators[-1], threading.Event()
    admit = to_alerts._admit
    to_alerts._admit = lambda window: gate.wait(120) and admit(window)
    with run:
        wait_until(lambda: source._fetcher._paused, "fetching pauses")
        assert broker.committed(name, f"{name}.in") == [-1001]
        gate.set()
        wait_until(lambda: broker.committed(name, f"{name}.in") == [40], "everything is delivered")
        assert source._buffer._bytes == 0
    assert len({origin(alert(m)) for m in broker.read(f"{name}.out", 40_000)}) == 40_000


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"exactly_once": True}, "same Kafka cluster"),
        ({"checkpoint": "folder"}, "--checkpoint reads files"),
        ({"output": "alerts.parquet"}, "give .jsonl or kafka://"),
        ({"output": "kafka://127.0.0.1:9/in"}, "read as input"),
        ({"dead_letters": "kafka://127.0.0.1:9/in"}, "cannot hold the dead letters"),
    ],
)
def test_what_does_not_fit_together(other: dict[str, Any], words: str) -> None:
    output = other.pop("output", None)
    with pytest.raises(GaeError, match=words):
        Run("kafka://127.0.0.1:9/in", output, **other)
