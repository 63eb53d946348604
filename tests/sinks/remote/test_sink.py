from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import OutputError
from morpheus_gae.incidents.records import schema as incident_schema
from morpheus_gae.sinks.remote.records import Record, records_of
from morpheus_gae.sinks.remote.refused import Refusal, RefusedFile
from morpheus_gae.sinks.remote.retry import Retry, Transient
from morpheus_gae.sinks.remote.sink import Answer, RemoteSink
from tests.detect.test_encodings import FACT, alerts, explained
from tests.sinks.remote.servers import Count


class Fickle:
    """A server that does to each record what was planned: takes, refuses, asks to come again, or is away."""

    most_bytes = 1 << 20

    def __init__(self, plan: Sequence[str], most_records: int = 3) -> None:
        self.most_records = most_records
        self._plan = list(plan)
        self.taken: list[str] = []
        self.batches: list[int] = []

    def post(self, records: Sequence[Record]) -> Answer:
        self.batches.append(len(records))
        if self._plan and self._plan[0] == "away":
            self._plan.pop(0)
            raise Transient("away")
        again, refused = [], []
        for record in records:
            does = self._plan.pop(0) if self._plan else "take"
            if does == "refuse":
                refused.append(Refusal(record, "no"))
            elif does == "take":
                self.taken.append(record.body.decode())
            else:
                again.append(record)
        return Answer(again, refused, "busy")

    def close(self) -> None:
        pass


def rows(n: int) -> pa.Table:
    return pa.table({"id": [str(i) for i in range(n)]})


def sink(
    post: Fickle, path: Path | None, count: Count | None = None, said: list[str] | None = None
) -> RemoteSink:
    retry = Retry(1e9, lambda _: None, lambda: 0.0)
    refused = RefusedFile(None if path is None else str(path), "a server")
    say = (said if said is not None else []).append
    return RemoteSink(post, "a server", lambda table: table, refused, count or Count(), retry, say)


@given(
    plan=st.lists(st.sampled_from(["take", "refuse", "again", "away"]), max_size=40),
    n=st.integers(0, 25),
    most=st.integers(1, 7),
)
def test_each_record_is_taken_or_kept_once_whatever_the_server_does(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str], n: int, most: int
) -> None:
    path, post, count = tmp_path_factory.mktemp("t") / "refused.jsonl", Fickle(plan, most), Count()
    out = sink(post, path, count)
    out.add(rows(n))
    out.flush()
    out.close()
    kept = [json.loads(line)["record"] for line in path.read_text().splitlines()] if path.exists() else []
    assert sorted(post.taken + kept) == sorted(f'{{"id":"{i}"}}' for i in range(n))
    assert count.counts.get("delivered_alerts", 0) == len(post.taken)
    assert count.counts.get("refused_alerts", 0) == len(kept)
    assert max(post.batches, default=0) <= most


def test_what_is_refused_is_told_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    path.write_text('{"of": "an earlier run"}\n{"cut o')
    out = sink(Fickle(["take", "refuse"]), path)
    out.add(rows(2))
    out.flush()
    first, second = path.read_text().splitlines()
    assert json.loads(first) == {"of": "an earlier run"}
    told = {"output": "a server", "id": "1", "detail": "no", "record": '{"id":"1"}'}
    assert json.loads(second) == told
    out.close()
    out.close()


def test_without_a_file_a_refusal_ends_the_run() -> None:
    out = sink(Fickle(["refuse"]), None)
    out.add(rows(1))
    with pytest.raises(OutputError, match="a server refuses an alert: no; --refused FILE keeps"):
        out.flush()


def test_a_server_that_is_away_is_told_of_once() -> None:
    said: list[str] = []
    count = Count()
    out = sink(Fickle(["away", "away"]), None, count, said)
    out.add(rows(2))
    out.flush()
    assert [line.split(":")[0] for line in said] == [
        "Warning",
        "a server takes alerts again",
    ]
    assert count.counts["delivery_retries"] == 4


def test_batches_are_bounded_by_bytes() -> None:
    post = Fickle([], 1000)
    post.most_bytes = 30
    out = sink(post, None)
    out.add(rows(10))
    out.flush()
    # {"id":"0"} has ten bytes
    assert post.batches == [3, 3, 3, 1]


def test_alerts_are_told_for_people_and_machines() -> None:
    first, second, third = records_of(alerts(), lambda table: table)
    assert json.loads(first.body)["IPV4_SRC_ADDR"] == "192.0.2.1"
    assert (first.time_ms, first.severity, second.severity) == (1_741_593_600_231, 1, 2)
    assert first.text.startswith("192.0.2.1 → 198.51.100.7 port 443: ")
    assert third.text.startswith("2001:db8::1 → 2001:db8::2: ")
    assert len({first.id, second.id, third.id}) == 3
    # with the facts, where there are some
    assert f": {FACT}; source not in memory (score " in records_of(explained(), lambda table: table)[0].text
    assert records_of(alerts().slice(0, 0), lambda table: table) == []


def test_rows_of_other_kinds_tell_what_they_can() -> None:
    table = pa.table({"id": ["a", None], "severity": [7, None], "time": [5, 6], "kind": ["incident", None]})
    first, second = records_of(table, lambda t: t)
    assert first[1:] == ("a", 5, 3, "", "incident", "")
    assert second[1:] == ("", 6, 0, "", "record", "")


def test_incidents_are_told_by_their_plain_form_whatever_is_sent() -> None:
    rows = [
        {"state": "open", "severity": "critical", "last_seen": "2026-03-10T08:00:00.231Z"},
        {"state": "updated", "severity": "low", "last_seen": None},
    ]
    named = [{"id": "a", "kind": "flood from one", "summary": "flood", **row} for row in rows]
    incidents = pa.Table.from_pylist(named, incident_schema())
    first, second = records_of(incidents, lambda table: table.select(["id"]))
    assert first == (b'{"id":"a"}', "a", 1_773_129_600_231, 3, "open: flood", "incident", "open")
    assert second.time_ms > first.time_ms
