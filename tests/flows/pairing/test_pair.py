from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.frame import Flows, Position, concat
from morpheus_gae.flows.pairing.pair import Pairer, paired

A, B, C = "192.0.2.1", "198.51.100.2", "203.0.113.3"
NAMES = ("src_addr", "src_port", "dst_addr", "dst_port", "proto", "bytes", "packets", "start", "length")


def record(
    src: str,
    sport: int,
    dst: str,
    dport: int,
    size: int = 100,
    start: float = 0,
    length: float = 0,
    **other: Any,
) -> dict[str, Any]:
    """A record of goflow2; times in seconds since some day in 2023."""
    at = 1_700_000_000_000_000_000 + round(start * 1e9)
    return {
        "src_addr": src, "src_port": sport, "dst_addr": dst, "dst_port": dport, "proto": "TCP",
        "bytes": size, "packets": size // 50, "time_flow_start_ns": at,
        "time_flow_end_ns": at + round(length * 1e9), **other,
    }  # fmt: skip


def flows_of(rows: Sequence[dict[str, Any]], done: tuple[Position, ...] = ()) -> Flows:
    flows = table_to_flows(pa.Table.from_pylist(list(rows)), preset="goflow2").flows
    assert flows.one_way
    return replace(flows, done=done)


def run(
    rows: Sequence[dict[str, Any]], cuts: Sequence[int] = (), **told: Any
) -> tuple[list[dict[str, Any]], Pairer]:
    """What a pairer makes of records that come in batches, cut at some places."""
    pairer = Pairer(**told)
    out: list[Flows] = []
    edges = [0, *sorted(cuts), len(rows)]
    for i, j in pairwise(edges):
        if i < j:
            out += pairer.push(flows_of(rows[i:j]))
    out += pairer.flush()
    assert not any(flows.one_way for flows in out)
    for flows in out:
        table = flows.table
        assert flows.attributes[:, 0].tolist() == table["IN_BYTES"].to_pylist()
        assert flows.attributes[:, 1].tolist() == table["OUT_BYTES"].to_pylist()
        told_length = [0.0 if v is None else v for v in table["FLOW_DURATION_MILLISECONDS"].to_pylist()]
        assert flows.attributes[:, 2].tolist() == np.float32(told_length).tolist()
        assert flows.time_ms is not None
        assert flows.time_ms.tolist() == table["FLOW_START_MILLISECONDS"].to_pylist()
    return [row for flows in out for row in flows.table.to_pylist()], pairer


def short(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(r["src_addr"], r["src_port"], r["IN_BYTES"], r["OUT_BYTES"]) for r in rows]


def test_two_directions_are_one_flow() -> None:
    asked = record(A, 40_000, B, 443, 500, start=1, length=2, note="asked")
    answered = record(B, 443, A, 40_000, 9000, start=1.25, length=4, note="answered")
    for rows in ([asked, answered], [answered, asked]):
        (flow,), pairer = run(rows)
        assert (flow["IN_BYTES"], flow["OUT_BYTES"], flow["IN_PKTS"], flow["OUT_PKTS"]) == (
            500,
            9000,
            10,
            180,
        )
        assert flow["FLOW_START_MILLISECONDS"] == 1_700_000_001_000
        assert flow["FLOW_DURATION_MILLISECONDS"] == 4250
        assert (flow["note"], flow["bytes"], flow["IPV4_SRC_ADDR"]) == ("asked", 500, A)
        assert (pairer.paired, pairer.unpaired, pairer.waiting) == (1, 0, 0)


def test_at_the_same_start_the_higher_port_asked() -> None:
    rows = [record(B, 443, A, 40_000, 1), record(A, 40_000, B, 443, 2)]
    assert short(run(rows)[0]) == short(run(rows[::-1])[0]) == [(A, 40_000, 2, 1)]
    # nothing tells them apart: the first
    assert short(run([record(B, 7, A, 7, 1), record(A, 7, B, 7, 2)])[0]) == [(B, 7, 1, 2)]


@pytest.mark.parametrize(
    "other",
    [
        record(B, 443, A, 40_001),
        record(C, 443, A, 40_000),
        record(B, 443, A, 40_000, start=61),
        record(A, 40_000, B, 443),
        record(B, 443, A, 40_000, proto="UDP"),
    ],
)
def test_what_is_no_partner(other: dict[str, Any]) -> None:
    rows, pairer = run([record(A, 40_000, B, 443), other])
    assert [row["OUT_BYTES"] for row in rows] == [0, 0]
    assert (pairer.paired, pairer.unpaired) == (0, 2)


def test_ports_of_icmp_are_no_ports() -> None:
    ping = record(A, 0, B, 2048, 84, proto="ICMP")
    pong = record(B, 0, A, 0, 84, start=0.01, proto="ICMP")
    assert short(run([ping, pong])[0]) == [(A, 0, 84, 84)]


def test_of_several_the_nearest_start() -> None:
    rows = [record(A, 5000, B, 80, i, start=i) for i in (1, 20, 40)]
    out, _ = run([*rows, record(B, 80, A, 5000, 7, start=21)])
    assert sorted(short(out)) == [(A, 5000, 1, 0), (A, 5000, 20, 7), (A, 5000, 40, 0)]


def test_a_record_waits_as_long_as_the_stream_takes_and_no_longer() -> None:
    pairer = Pairer(seconds=10)
    assert pairer.push(flows_of([record(A, 5000, B, 80, start=0, length=300)])) == []
    # exported when it ended: the clock of the stream is at 300 s
    assert pairer.push(flows_of([record(A, 1, C, 2, start=309)])) == []
    (given,) = pairer.push(flows_of([record(A, 3, C, 4, start=311)]))
    assert given.table["src_port"].to_pylist() == [5000]
    assert pairer.waiting == 2


def test_one_wrong_time_does_not_send_everything_away() -> None:
    rows = [record(A, 5000, B, 80), record(A, 1, B, 2, start=9e8), record(B, 80, A, 5000, 7, start=1)]
    assert (A, 5000, 100, 7) in short(run(rows)[0])


def test_records_with_bytes_back_are_flows_already() -> None:
    table = pa.Table.from_pylist(
        [
            {"first": "2024-05-01T00:00:00", "last": "2024-05-01T00:00:01", "src4_addr": s, "dst4_addr": d,
             "src_port": p, "dst_port": q, "proto": 6, "in_bytes": 10, "out_bytes": o, "in_packets": 1}
            for s, d, p, q, o in [(A, B, 9, 80, 5), (B, A, 80, 9, 0), (A, B, 9, 80, 0)]
        ]
    )  # fmt: skip
    pairer = Pairer()
    first, *rest = pairer.push(table_to_flows(table).flows)
    assert not rest
    assert first.table["OUT_BYTES"].to_pylist() == [5, 10]
    assert (pairer.paired, pairer.unpaired) == (1, 0)


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    rows = [record(A, 1000 + i, B, 80, i + 1) for i in range(500)]
    out, pairer = run(rows, cuts=range(0, 500, 7), max_waiting=50)
    assert [row["IN_BYTES"] for row in out] == list(range(1, 501))
    assert pairer.unpaired == 500
    pairer = Pairer(max_waiting=50)
    for i in range(0, 500, 5):
        pairer.push(flows_of(rows[i : i + 5]))
        assert pairer.waiting <= 50
    # what is held is about what waits
    assert sum(len(part.refs) for part in pairer._parts) <= 2 * 50 + 65_536
    assert len(pairer._parts) <= 65


def test_two_way_flows_pass_at_once() -> None:
    zeek = pa.Table.from_pylist(
        [{"ts": 1.5, "id.orig_h": A, "id.resp_h": B, "orig_ip_bytes": 1, "resp_ip_bytes": 0, "duration": 1.0}]
    )
    flows = table_to_flows(zeek).flows
    assert not flows.one_way
    assert Pairer().push(flows) == [flows]


def position(offset: int, partition: int = 0) -> Position:
    return Position("flows", partition, offset)


def test_a_position_is_handed_on_when_nothing_before_it_waits() -> None:
    pairer = Pairer()
    lonely, asked = record(C, 1, B, 2), record(A, 40_000, B, 443)
    answered = record(B, 443, A, 40_000, start=0.5)
    assert pairer.push(flows_of([lonely], (position(1),))) == []
    assert pairer.push(flows_of([asked], (position(2),))) == []
    (given,) = pairer.push(flows_of([answered], (position(3),)))
    assert (len(given), given.done, given.offsets) == (1, (), None)
    (last,) = pairer.flush()
    # the later position includes the earlier ones
    assert (len(last), last.done) == (1, (position(3),))
    # and a batch of bad records alone
    empty = flows_of([lonely]).slice(0, 0)
    (nothing,) = pairer.push(replace(empty, done=(position(4),)))
    assert (len(nothing), nothing.done) == (0, (position(4),))


def test_flush_until_gives_what_came_before() -> None:
    pairer = Pairer()
    pairer.push(flows_of([record(A, 1, B, 2), record(A, 3, B, 4)], (position(5),)))
    until = pairer.last
    pairer.push(flows_of([record(A, 5, B, 6)], (position(6),)))
    (given,) = pairer.flush(until)
    assert (given.table["src_port"].to_pylist(), given.done) == ([1, 3], (position(5),))
    assert pairer.waiting == 1


@pytest.mark.parametrize("told", [{"seconds": 0}, {"seconds": float("nan")}, {"max_waiting": 0}])
def test_nonsense_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pairer(**told)


def test_batches_of_a_reader() -> None:
    rows = [record(A, 40_000, B, 443, 1), record(B, 443, A, 40_000, 2, start=1), record(A, 1, B, 2, 3)]
    batches = [table_to_flows(pa.Table.from_pylist([row]), preset="goflow2", bytes_read=10) for row in rows]
    out = list(paired(batches, Pairer()))
    assert sum(batch.bytes_read for batch in out) == 30
    assert sorted(concat([b.flows for b in out if len(b.flows)]).table["IN_BYTES"].to_pylist()) == [1, 3]
    assert list(paired([], Pairer())) == []


HOSTS = st.sampled_from([A, B, C, "2001:db8::1"])
RECORDS = st.lists(
    st.builds(
        record,
        HOSTS,
        st.integers(1, 3),
        HOSTS,
        st.integers(1, 3),
        st.integers(0, 10_000),
        st.integers(0, 200).map(lambda n: n / 2),
        st.sampled_from([0, 0.25, 30]),
        proto=st.sampled_from(["TCP", "UDP", "ICMP", "?"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=80)
@given(
    RECORDS, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([5, 60]), st.sampled_from([3, 1000])
)
def test_bytes_and_records_are_conserved_however_the_batches_are_cut(
    rows: list[dict[str, Any]], cuts: list[int], seconds: float, most: int
) -> None:
    for i, row in enumerate(rows):
        row["number"] = i
    out, pairer = run(rows, seconds=seconds, max_waiting=most)
    assert len(out) + pairer.paired == len(rows)
    assert pairer.unpaired == len(rows) - 2 * pairer.paired
    assert sum(r["IN_BYTES"] + r["OUT_BYTES"] for r in out) == sum(r["bytes"] for r in rows)
    assert sum(r["IN_PKTS"] + r["OUT_PKTS"] for r in out) == sum(r["packets"] for r in rows)
    assert len({r["number"] for r in out}) == len(out)
    for row in out:
        # the columns of the initiator's record, as it came
        assert row["IN_BYTES"] == rows[row["number"]]["bytes"]
        assert row["FLOW_DURATION_MILLISECONDS"] >= 0
    again, other = run(rows, [cut for cut in cuts if cut < len(rows)], seconds=seconds, max_waiting=most)
    assert again == out
    assert (other.paired, other.unpaired) == (pairer.paired, pairer.unpaired)


@settings(deadline=None, max_examples=40)
@given(RECORDS)
def test_pairs_are_those_of_the_plain_rule(rows: list[dict[str, Any]]) -> None:
    """Against the rule in its plainest form, with a window so long that nothing goes out early."""
    waiting: list[dict[str, Any]] = []
    want = []
    for row in rows:
        ports = ("src_port", "dst_port") if row["proto"] in ("TCP", "UDP", "?") else ()
        partners = [
            w
            for w in waiting
            if (w["src_addr"], w["dst_addr"], w["proto"]) == (row["dst_addr"], row["src_addr"], row["proto"])
            and (not ports or (w["src_port"], w["dst_port"]) == (row["dst_port"], row["src_port"]))
        ]
        if not partners:
            waiting.append(row)
            continue
        start = row["time_flow_start_ns"]
        best = min(partners, key=lambda w: abs(w["time_flow_start_ns"] - start))
        waiting = [w for w in waiting if w is not best]
        leads = (start, -row["src_port"] if ports else 0) < (
            best["time_flow_start_ns"],
            -best["src_port"] if ports else 0,
        )
        first, second = (row, best) if leads else (best, row)
        want.append((first["src_addr"], first["src_port"], first["bytes"], second["bytes"]))
    want += [(w["src_addr"], w["src_port"], w["bytes"], 0) for w in waiting]
    # records without bytes never wait for bytes of others: they are partners like all
    assert sorted(short(run(rows, seconds=1000)[0])) == sorted(want)


NO_START = {"time_flow_start_ns": 0, "time_flow_end_ns": 0, "time_received_ns": None}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cuts", [(), (1,)])
def test_a_flow_takes_the_start_that_one_of_its_records_has(reverse: bool, cuts: tuple[int, ...]) -> None:
    rows = [
        record(A, 1000, B, 80, 400, **NO_START),
        record(B, 80, A, 1000, 900, start=5, length=59),
    ]
    (flow,), pairer = run(rows[::-1] if reverse else rows, cuts)
    assert (flow["IPV4_SRC_ADDR"], flow["IN_BYTES"], flow["OUT_BYTES"]) == (A, 400, 900)
    assert (flow["FLOW_START_MILLISECONDS"], flow["FLOW_DURATION_MILLISECONDS"]) == (
        1_700_000_005_000,
        59_000,
    )
    assert (pairer.paired, pairer.unpaired) == (1, 0)


def test_a_start_of_one_flow_does_not_put_the_others_into_1970() -> None:
    asked = record(A, 40_000, B, 443, 500) | NO_START
    alone = record(C, 50_000, B, 80, 600) | NO_START
    answered = record(B, 443, A, 40_000, 9000, start=3)
    pairer = Pairer(max_waiting=3)
    assert pairer.push(flows_of([asked, alone])) == []
    # more than may wait: what is alone goes out beside the pair
    (flows,) = pairer.push(flows_of([answered, *(record(C, i, A, 22, start=i) for i in (4, 5, 6))]))
    assert flows.time_ms is not None
    assert flows.time_ms.tolist() == [1_700_000_003_000] * 2
    assert flows.table["FLOW_START_MILLISECONDS"].to_pylist() == [1_700_000_003_000, None]


def test_records_without_a_start_neither_set_nor_stop_the_clock() -> None:
    pairer = Pairer(seconds=10)
    assert pairer.push(flows_of([record(A, 1000, B, 80, **NO_START)])) == []
    assert pairer.push(flows_of([record(A, i, C, 2, start=i) for i in range(1, 10)])) == []
    # it came before the clock did, and waits from then on
    (given,) = pairer.push(flows_of([record(A, 10, C, 2, start=20)]))
    assert given.table["src_port"].to_pylist()[0] == 1000
    # of two that may be, the one with a start that is near
    rows = [record(A, 7000, B, 80, 1, start=0), record(A, 7000, B, 80, 2, **NO_START)]
    pairer = Pairer()
    out = [*pairer.push(flows_of([*rows, record(B, 80, A, 7000, 3, start=1)])), *pairer.flush()]
    assert sorted(short([row for flows in out for row in flows.table.to_pylist()])) == [
        (A, 7000, 1, 3),
        (A, 7000, 2, 0),
    ]


def test_counters_of_64_bits_are_joined_as_they_are() -> None:
    rows = [record(A, 7000, B, 80, 100), record(B, 80, A, 7000, 2**63 + 2048)]
    batches = [
        table_to_flows(pa.Table.from_pylist([{**row, "bytes": None}]).set_column(
            5, "bytes", pa.array([row["bytes"]], pa.uint64())
        ), preset="goflow2").flows
        for row in rows
    ]  # fmt: skip
    pairer = Pairer()
    out = [flows for batch in batches for flows in pairer.push(batch)] + pairer.flush()
    assert [row["OUT_BYTES"] for flows in out for row in flows.table.to_pylist()] == [2**63 + 2048]
