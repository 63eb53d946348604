from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.convert import table_to_flows
from tests.flows.rows import numbers, record, table

BAD = [
    ({"IPV4_SRC_ADDR": "aa:bb:cc:dd:ee:ff"}, Reason.ADDRESS),
    ({"IPV4_DST_ADDR": None}, Reason.ADDRESS),
    ({"IN_BYTES": None}, Reason.MISSING_COUNTER),
    ({"OUT_BYTES": None}, Reason.MISSING_COUNTER),
    ({"IN_BYTES": -1}, Reason.NEGATIVE_COUNTER),
    ({"OUT_BYTES": -1}, Reason.NEGATIVE_COUNTER),
    ({"IN_BYTES": -5, "OUT_BYTES": -1}, Reason.NEGATIVE_COUNTER),
    ({"FLOW_DURATION_MILLISECONDS": float("nan")}, Reason.NOT_A_NUMBER),
    ({"FLOW_DURATION_MILLISECONDS": float("inf")}, Reason.NOT_A_NUMBER),
]


def test_a_good_table_comes_back_whole() -> None:
    given = table(20)
    batch = table_to_flows(given, "x", 5)
    assert batch.bad == []
    assert batch.flows.table is given
    assert numbers(batch.flows) == list(range(20))
    assert batch.flows.attributes.dtype == np.float32
    assert batch.flows.rows.tolist() == list(range(5, 25))
    assert batch.flows.time_ms is not None
    assert batch.flows.time_ms[3] == 1_700_000_000_003


@pytest.mark.parametrize(("change", "reason"), BAD)
def test_a_bad_record_is_set_aside_and_the_others_stay(change: dict[str, object], reason: Reason) -> None:
    rows = [record(i, FLOW_DURATION_MILLISECONDS=float(i)) for i in range(5)]
    rows[2].update(change)
    batch = table_to_flows(pa.Table.from_pylist(rows), "x", 100)
    assert numbers(batch.flows) == [0, 1, 3, 4]
    (bad,) = batch.bad
    assert (bad.reason, bad.source, bad.row) == (reason, "x", 102)
    assert next(iter(change)) in bad.detail
    assert json.loads(bad.record)["OUT_BYTES"] == rows[2]["OUT_BYTES"]


def test_ports_protocol_and_labels_never_reject() -> None:
    rows = [record(i, L4_SRC_PORT="x", L4_DST_PORT=-1, PROTOCOL=None, Label="?") for i in range(3)]
    assert table_to_flows(pa.Table.from_pylist(rows)).bad == []


@pytest.mark.parametrize("missing", [None, "", "-"])
def test_a_missing_duration_is_marked_and_not_bad(missing: str | None) -> None:
    rows = [record(i, FLOW_DURATION_MILLISECONDS="5") for i in range(3)]
    rows[1]["FLOW_DURATION_MILLISECONDS"] = missing
    batch = table_to_flows(pa.Table.from_pylist(rows))
    assert batch.bad == []
    assert batch.flows.duration_missing.tolist() == [False, True, False]
    assert batch.flows.attributes[:, 2].tolist() == [5, 0, 5]
    assert batch.flows.table["FLOW_DURATION_MILLISECONDS"].to_pylist() == [5, None, 5]


def test_per_row_the_address_that_says_something() -> None:
    pairs = [
        ("1.1.1.1", None, "1.1.1.1"),
        ("1.1.1.1", "::", "1.1.1.1"),
        ("0.0.0.0", "2001:db8::1", "2001:db8::1"),
        (None, "2001:db8::1", "2001:db8::1"),
        ("", "2001:db8::1", "2001:db8::1"),
        ("n/a", "2001:db8::1", "2001:db8::1"),
        ("0.0.0.0", "::", "0.0.0.0"),
        ("1.1.1.1", "2001:db8::1", "1.1.1.1"),
        ("2001:db8::2", None, "2001:db8::2"),
    ]
    rows = [record(i, IPV4_SRC_ADDR=a, IPV6_SRC_ADDR=b) for i, (a, b, _) in enumerate(pairs)]
    want = [record(i, IPV4_SRC_ADDR=c) for i, (_, _, c) in enumerate(pairs)]
    got, expected = (table_to_flows(pa.Table.from_pylist(r)).flows for r in (rows, want))
    assert np.array_equal(got.src_hi, expected.src_hi)
    assert np.array_equal(got.src_lo, expected.src_lo)
    rows = [record(0, IPV4_SRC_ADDR=None, IPV6_SRC_ADDR=None), record(1, IPV4_SRC_ADDR="x", IPV6_SRC_ADDR="")]
    assert [bad.reason for bad in table_to_flows(pa.Table.from_pylist(rows)).bad] == [Reason.ADDRESS] * 2


def test_six_only() -> None:
    given = table(3).rename_columns(
        [n.replace("IPV4", "IPV6") if n.endswith("ADDR") else n for n in table(1).column_names]
    )
    assert len(table_to_flows(given).flows) == 3


def test_missing_columns_are_named_with_what_was_found() -> None:
    given = table(1).drop_columns(["IN_BYTES", "IPV4_SRC_ADDR"])
    with pytest.raises(
        InputError, match=r"IPV4_SRC_ADDR or IPV6_SRC_ADDR, IN_BYTES.*Found: .*OUT_BYTES.*Required"
    ):
        table_to_flows(given, "some.csv")


def test_a_flow_without_a_time_has_the_time_before_it() -> None:
    rows = [record(i, FLOW_START_MILLISECONDS=t) for i, t in enumerate([None, 5, None, 9, None])]
    assert table_to_flows(pa.Table.from_pylist(rows)).flows.time_ms.tolist() == [5, 5, 5, 9, 9]
    rows = [record(i, FLOW_START_MILLISECONDS=None) for i in range(2)]
    assert table_to_flows(pa.Table.from_pylist(rows)).flows.time_ms is None
    rows = [record(i, FLOW_START_MILLISECONDS=t) for i, t in enumerate([1e30, 7.0])]
    assert table_to_flows(pa.Table.from_pylist(rows)).flows.time_ms.tolist() == [7, 7]


def test_no_rows() -> None:
    batch = table_to_flows(table(3).slice(0, 0))
    assert len(batch.flows) == 0
    assert batch.flows.attributes.shape == (0, 3)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string()])
def test_a_negative_duration_is_missing_and_noted(kind: pa.DataType) -> None:
    lengths = pa.array([0, -61, None, 5, -1]).cast(kind)
    at = table(5).schema.get_field_index("FLOW_DURATION_MILLISECONDS")
    given = table(5).set_column(at, "FLOW_DURATION_MILLISECONDS", lengths)
    nobody = [*given["IPV4_SRC_ADDR"].to_pylist()[:4], "nobody"]
    given = given.set_column(1, "IPV4_SRC_ADDR", pa.array(nobody))
    batch = table_to_flows(given)
    assert batch.flows.duration_missing.tolist() == [False, True, True, False]
    assert batch.flows.attributes[:, 2].tolist() == [0, 0, 0, 5]
    # a record that is bad for another reason is no flow with something put right
    assert dict(batch.noted) == {"negative_duration": 1}
    assert [bad.reason for bad in batch.bad] == [Reason.ADDRESS]
    # what the source said stays
    assert batch.flows.table["FLOW_DURATION_MILLISECONDS"].to_pylist()[1] in (-61, "-61")


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        (pa.array([2**63, 2**64 - 1], pa.uint64()), []),
        (pa.array([str(2**63), str(2**64 - 1), str(2**64), "1e20", "18446744073709551615.0"]), [2, 3]),
        (pa.array([2.0**63, 2.0**64, 1e30]), [1, 2]),
        (pa.array([2**64 - 1, 2**64], pa.decimal128(20, 0)), [1]),
    ],
    ids=["uint64", "text", "float64", "decimal"],
)
def test_no_counter_is_wider_than_64_bits(column: pa.Array, bad: list[int]) -> None:
    given = table(len(column)).drop_columns(["OUT_BYTES"]).append_column("OUT_BYTES", column)
    batch = table_to_flows(given)
    assert [(b.row, b.reason) for b in batch.bad] == [(i, Reason.TOO_LARGE) for i in bad]
    assert all("OUT_BYTES=" in b.detail for b in batch.bad)
    assert len(batch.flows) == len(column) - len(bad)
