"""Incidents by partition: what is kept of flows that are read again never counts, however far it goes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("confluent_kafka")

from morpheus_gae.engine.incidents_by_partition import IncidentsByPartition
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.flows.frame import Position
from morpheus_gae.kafka.changelog import AT, Changelog
from tests.engine.test_incidents import Kept, alerts, flows_of, stream

Messages = list[tuple[str, Any, int]]


class Log(Changelog):
    """A topic in memory."""

    def __init__(self, messages: Messages) -> None:
        outbox: Any = SimpleNamespace(servers="h:1", send=self._send)
        super().__init__(outbox, "state", "g", {})
        self._partitions = 1
        self._held = messages

    def _send(self, topic: str, value: Any, key: bytes, headers: Any, place: int) -> None:
        self._held.append((key.decode(), value, int(dict(headers)[AT])))

    def _messages(self, place: int) -> Any:
        return list(self._held)


class Process:
    """Goes on from an offset with what is kept."""

    def __init__(self, messages: Messages, base: int) -> None:
        ours: Any = SimpleNamespace(alive=lambda *_: True, base=lambda *_: base)
        self.said: list[str] = []
        self.sink = Kept()
        self._one = IncidentsByPartition(
            lambda: stream(self.sink), Log(messages), ours, Metrics(), self.said.append
        )
        self._one.ready(SimpleNamespace(origin=SimpleNamespace(source="in#1", partition=0)))  # type: ignore[arg-type]

    def window(self, end: int, *told: Any, **more: Any) -> Process:
        table = alerts(*told, **more)
        flows = replace(flows_of(table), done=(Position("in#1", 0, end),))
        self._one.add(table, flows, "m@1")
        return self


def test_what_came_after_offsets_that_were_set_back_never_counts() -> None:
    messages: Messages = []
    Process(messages, 0).window(10, 0, 20).window(20, 1, 30)
    # set back, with another model, to which less is strange
    Process(messages, 10).window(15, 1, 20, source="8.8.8.8").window(25, 2, 20, source="8.8.8.8")
    last = Process(messages, 25).window(30, 2, 40)
    (record,) = (row for row in last.sink.rows if "10.0.0.1" in str(row["sources"]))
    assert record["flows"] == 60


def test_what_was_closed_after_offsets_that_were_set_back_is_still_there() -> None:
    messages: Messages = []
    Process(messages, 0).window(10, 0, 20).window(20, 9, 20, source="8.8.8.8")
    Process(messages, 10).window(15, 1, 20, source="9.9.9.9")
    last = Process(messages, 25).window(30, 2, 40)
    assert [row["flows"] for row in last.sink.rows] == [60]


def test_only_changes_are_written_where_nothing_was_ignored() -> None:
    messages: Messages = []
    Process(messages, 0).window(10, 0, 20)
    Process(messages, 10).window(15, 1, 20, source="8.8.8.8")
    first = {key for key, _, at in messages if at == 10 and "/incident." in key}
    assert len(first) == 1
    assert not first & {key for key, _, at in messages if at == 15}
