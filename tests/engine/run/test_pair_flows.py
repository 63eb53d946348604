from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run.embedded import EmbeddedEngine
from morpheus_gae.engine.run.pair_flows import ENOUGH, PairFlows
from morpheus_gae.engine.run.source import FlowSource
from morpheus_gae.errors import UsageError
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.pairing.pair import Pairer
from morpheus_gae.flows.readers.read import read_flows
from tests.engine.fakes import Collect
from tests.flows.pairing.test_pair import A, B, flows_of, record

ASKED, ANSWERED = record(A, 40_000, B, 443, 1), record(B, 443, A, 40_000, 2, start=0.5)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pairs_are_joined_and_counted() -> None:
    metrics = Metrics()
    operator = PairFlows(Pairer(), metrics)
    assert list(operator.process(flows_of([ASKED]))) == []
    assert operator.deadline() is None
    (given,) = operator.process(flows_of([ANSWERED, record(A, 1, B, 2)]))
    assert len(given) == 1
    assert [len(flows) for flows in operator.finish()] == [1]
    assert (metrics.paired, metrics.unpaired) == (1, 1)
    facts = metrics.as_dict()
    assert (facts["paired"], facts["unpaired"]) == (1, 1)


def test_several_count_into_the_same_metrics() -> None:
    metrics = Metrics()
    for _ in range(3):
        operator = PairFlows(Pairer(), metrics)
        list(operator.process(flows_of([ASKED, ANSWERED, record(A, 1, B, 2)])))
        list(operator.finish())
    assert (metrics.paired, metrics.unpaired) == (3, 3)


def test_a_live_record_waits_so_long_by_the_clock_and_no_longer_than_twice() -> None:
    clock = Clock()
    operator = PairFlows(Pairer(), Metrics(), wait_seconds=10, clock=clock)
    assert list(operator.process(flows_of([ASKED]))) == []
    assert operator.deadline() == 110
    clock.now = 109
    assert list(operator.process(flows_of([record(A, 1, B, 2)]))) == []
    assert operator.deadline() == 110
    clock.now = 110
    (given,) = operator.expire()
    assert given.table["src_port"].to_pylist() == [40_000]
    assert operator.deadline() == 120
    clock.now = 120
    (given,) = operator.expire()
    assert given.table["src_port"].to_pylist() == [1]
    assert operator.deadline() is None


def test_left_as_they_are_with_a_warning() -> None:
    said: list[str] = []
    operator = PairFlows(None, Metrics(), say=said.append)
    given = [flows_of([ASKED]), flows_of([ANSWERED])]
    assert [flows for batch in given for flows in operator.process(batch)] == given
    assert list(operator.finish()) == []
    assert len(said) == 1
    assert "--pair_seconds 0" in said[0]


def test_a_stream_without_partners_is_told_once() -> None:
    said: list[str] = []
    operator = PairFlows(Pairer(max_waiting=5), Metrics(), say=said.append)
    rows = [record(A, i % 50_000, B, 443, i) for i in range(ENOUGH + 100)]
    for _ in range(2):
        list(operator.process(flows_of(rows)))
    assert len(said) == 1
    assert "found no partner" in said[0]


def test_a_run_that_must_be_exact_is_refused() -> None:
    operator = PairFlows(Pairer(), Metrics(), exact="--checkpoint")
    two_way = table_to_flows(
        pa.Table.from_pylist([{"IPV4_SRC_ADDR": A, "IPV4_DST_ADDR": B, "IN_BYTES": 1, "OUT_BYTES": 2,
                               "FLOW_DURATION_MILLISECONDS": 3}])
    ).flows  # fmt: skip
    assert list(operator.process(two_way)) == [two_way]
    with pytest.raises(UsageError, match="--checkpoint cannot go on in the middle of pairs"):
        list(operator.process(flows_of([ASKED])))


def test_in_the_engine_from_a_file_with_markers(tmp_path: Path) -> None:
    rows = [
        {"event_type": "purge_init", "writer_id": "x"},
        *(
            {"event_type": "purge", "ip_src": s, "ip_dst": d, "port_src": p, "port_dst": q, "bytes": 10,
             "timestamp_start": f"1700000000.{t}", "timestamp_end": f"1700000001.{t}", "ip_proto": "tcp"}
            for s, d, p, q, t in [(A, B, 40_000, 443, 1), (B, A, 443, 40_000, 2), (A, B, 40_001, 443, 3)]
        ),
        {"event_type": "purge_close", "writer_id": "x"},
    ]  # fmt: skip
    path = tmp_path / "pmacct.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics, out, said = Metrics(), Collect(), list[str]()
    source = FlowSource(read_flows(str(path), block_bytes=200), metrics, say=said.append)
    EmbeddedEngine(source, [PairFlows(Pairer(), metrics), out]).run()
    flows: list[Flows] = out.items
    assert [row["OUT_BYTES"] for f in flows for row in f.table.to_pylist()] == [10, 0]
    assert (metrics.paired, metrics.unpaired, dict(metrics.skipped)) == (1, 1, {"not_a_flow": 2})
    assert metrics.as_dict()["skipped"] == {"not_a_flow": 2}
    assert said == ["The columns are those of pmacct: read so (--preset pmacct; or give another)"]
