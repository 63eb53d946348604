"""Parts in a compacted topic: the last of each counts, unless it is of flows that will be read again."""

from __future__ import annotations

import threading
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("confluent_kafka")

from morpheus_gae.errors import InputError
from morpheus_gae.kafka import changelog
from morpheus_gae.kafka.changelog import Changelog
from morpheus_gae.kafka.client import make_producer
from morpheus_gae.kafka.config import KafkaConfig
from morpheus_gae.kafka.outbox import Outbox
from morpheus_gae.kafka.transactions import Transactions

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

CONFIG = KafkaConfig()


def opened(
    broker: Broker, name: str, group: str = "g", transactional: bool = False
) -> tuple[Outbox, Changelog]:
    options = CONFIG.producer(broker.servers)
    if transactional:
        options["transactional.id"] = name
    make = partial(make_producer, options)
    outbox = Transactions(make, broker.servers, name) if transactional else Outbox(make, broker.servers)
    return outbox, Changelog(outbox, name, group, CONFIG.consumer(broker.servers))


def test_the_last_that_is_not_beyond_an_offset_counts(broker: Broker, name: str) -> None:
    broker.topic(name, 2)
    outbox, log = opened(broker, name)
    assert log.read("in", 3, 100) == ({}, set(), False)
    log.write("in", 3, 5, {"a": [1], "b": {"é": 0.1}})
    log.write("in", 3, 9, {"a": [2], "c": None}, gone={"b"})
    # in the same partition of the topic, and none of ours
    log.write("in", 1, 4, {"d": 1})
    log.write("in3", 3, 4, {"e": 1})
    opened(broker, name, "g/in")[1].write("3", 3, 4, {"f": 1})
    outbox.flush()
    there = {"a", "c"}
    assert log.read("in", 3, 9) == ({"a": [2], "c": None}, there, False)
    assert log.read("in", 3, 8) == ({"a": [1], "b": {"é": 0.1}}, there, True)
    assert log.read("in", 3, 0) == ({}, there, True)
    assert log.read("in", 1, 4) == ({"d": 1}, {"d"}, False)
    outbox.close()


def test_a_long_topic_is_read_as_long_as_messages_come(
    broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.topic(name)
    outbox, log = opened(broker, name)
    for at in range(40):
        log.write("in", 0, at, {"a": at})
    outbox.flush()
    # each look at the clock takes as long as a fifth of what is waited for
    clock = count(step=changelog.READ_SECONDS / 5)
    monkeypatch.setattr(changelog, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(changelog, "POLL_SECONDS", 30.0)
    assert log.read("in", 0, 39) == ({"a": 39}, {"a"}, False)
    outbox.close()


def test_a_transaction_that_is_open_is_waited_for(broker: Broker, name: str) -> None:
    broker.topic(name)
    outbox, log = opened(broker, name, transactional=True)
    assert isinstance(outbox, Transactions)
    outbox.begin()
    log.write("in", 0, 5, {"a": 1})
    Outbox.flush(outbox)
    found: list[Any] = []
    reading = threading.Thread(
        target=lambda: found.append(opened(broker, name)[1].read("in", 0, 5)), daemon=True
    )
    reading.start()
    reading.join(1.5)
    assert reading.is_alive()
    outbox.producer.commit_transaction(10)
    reading.join(120)
    assert found == [({"a": 1}, {"a"}, False)]
    outbox.close()


@pytest.mark.parametrize(
    ("value", "headers", "words"),
    [
        (b"{}", None, "has not written: give another topic"),
        (b"{}", [("at", b"-1")], "has not written: give another topic"),
        (b'{"a": NaN}', [("at", b"1")], "is damaged: in/0: NaN is no JSON number"),
        (b"\xff", [("at", b"1")], "is damaged: in/0: "),
    ],
)
def test_what_is_none_of_ours(
    broker: Broker, name: str, value: bytes, headers: list[tuple[str, bytes]] | None, words: str
) -> None:
    broker.topic(name)
    outbox, log = opened(broker, name)
    outbox.send(name, value, b"g/in/0/a", headers or [])
    outbox.send(name, b"of somebody else", None, [])
    outbox.flush()
    with pytest.raises(InputError, match=words) as error:
        log.read("in", 0, 5)
    assert str(error.value).startswith(f"kafka://{broker.servers}/{name} ")
    assert "\n" not in str(error.value)
    outbox.close()


def test_a_topic_that_is_not_there() -> None:
    nothing = SimpleNamespace(topics={"t": SimpleNamespace(partitions={})})
    outbox: Any = SimpleNamespace(
        servers="h:1", producer=SimpleNamespace(list_topics=lambda name, timeout: nothing)
    )
    with pytest.raises(InputError, match=r"^kafka://h:1/t cannot be read: there is no such topic$"):
        Changelog(outbox, "t", "g", {}).read("in", 0, 5)
