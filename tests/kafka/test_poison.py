"""Poison: what is so large that nothing made of it fits into a message does not stop a run for good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("confluent_kafka")

from morpheus_gae.kafka.outbox import MESSAGE_BYTES
from tests.flows import rows
from tests.kafka.front_run import topics
from tests.kafka.run import Run, alert, lines

if TYPE_CHECKING:
    from tests.kafka.broker import Broker


def test_a_large_message(broker: Broker, name: str) -> None:
    topics(broker, name)
    # as much as fits, without headers
    garbage = bytes(i % 251 for i in range(999_900))
    flow = json.dumps({**rows.record(10), "NOTE": "x" * 999_000}).encode()
    broker.produce(name, [lines(0, 10), garbage, b"garbage", flow])
    url = f"kafka://{broker.servers}/{name}"
    with Run(url, f"{url}.out", group=name) as run:
        run.until(lambda _: broker.committed(name, name) == [4])
    first, second = broker.read(f"{name}.out.dead", 2)
    told = dict(first.headers())
    assert (told["offset"], told["size"]) == (b"1", b"999900")
    assert first.value() == garbage[:MESSAGE_BYTES]
    assert second.value() == b"garbage"
    assert "size" not in dict(second.headers())
    alerts = [alert(m) for m in broker.read(f"{name}.out", 11)]
    assert [row["IN_BYTES"] for row in alerts] == list(range(11))
    assert alerts[10]["NOTE"] == "x" * 1000
