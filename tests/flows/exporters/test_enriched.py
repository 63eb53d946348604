"""Enriched columns: whatever a table holds, whole numbers come out, and what is told is told exactly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.exporters.enriched import ABSENT, MISSING, NAMES, enriched_columns, kept, not_told


def column(table: pa.Table, name: str) -> list[int]:
    return enriched_columns(table)[:, NAMES.index(name)].tolist()


def test_the_server_port_is_the_lower_that_is_one() -> None:
    table = pa.table({"L4_SRC_PORT": [50000, 80, 0, None, 70000], "L4_DST_PORT": [443, 40000, 53, 22, 25]})
    assert column(table, "server port") == [443, 80, 53, 22, 25]
    assert column(table.select(["L4_DST_PORT"]), "server port") == [443, 40000, 53, 22, 25]


def test_flags_are_bits_however_they_are_written() -> None:
    numbers = pa.table({"TCP_FLAGS": pa.array([2, 27, 0, None], pa.uint8())})
    text = pa.table({"flg": ["......S.", "...AP.SF", "........", None]})
    assert column(numbers, "TCP flags") == [2, 27, 0, MISSING]
    assert column(text, "TCP flags") == [2, 27, 0, MISSING]
    assert column(pa.table({"tcpControlBits": ["27", "x", "", "S0"]}), "TCP flags") == [27, -1, -1, -1]


def test_names_are_the_same_number_in_any_case_and_type() -> None:
    plain = pa.table({"L7_PROTO": ["DNS", "dns", "TLS", "-", "", None, "7.178", "7"]})
    told = column(plain, "application")
    assert told[0] == told[1] != told[2]
    assert told[3:6] == [MISSING] * 3
    assert told[6:] == [7178, 7000]
    for kind in (pa.large_string(), pa.dictionary(pa.int8(), pa.string())):
        other = pa.table({"L7_PROTO": plain["L7_PROTO"].cast(kind)})
        assert column(other, "application") == told
    assert column(pa.table({"l7_proto": [7.178, 7.0, None]}), "application") == [7178, 7000, MISSING]


def test_what_is_not_there_is_absent() -> None:
    table = pa.table({"row": [1, 2], "PROTOCOL": pa.array([None, None], pa.int64()), "IN_PKTS": [3, None]})
    out = enriched_columns(table)
    assert out[:, NAMES.index("packets forward")].tolist() == [3, MISSING]
    assert (np.delete(out, NAMES.index("packets forward"), 1) == ABSENT).all()
    assert "server port" in not_told(table)
    assert "packets forward" not in not_told(table)


@pytest.mark.parametrize("rows", [0, 1])
def test_kept_columns_tell_the_same(rows: int) -> None:
    table = pa.table(
        {"Label": [1], "L4_SRC_PORT": [1], "L4_DST_PORT": [2], "State": ["CON"], "Flg": ["S"]}
    ).slice(0, rows)
    few = kept(table)
    assert set(few.column_names) == {"row", "L4_SRC_PORT", "L4_DST_PORT", "State", "Flg"}
    assert few.num_rows == rows
    np.testing.assert_array_equal(enriched_columns(few), enriched_columns(table))


CELLS = st.one_of(
    st.lists(st.one_of(st.none(), st.text(max_size=12)), min_size=3, max_size=3).map(
        lambda v: pa.array(v, pa.string())
    ),
    st.lists(st.one_of(st.none(), st.floats()), min_size=3, max_size=3).map(
        lambda v: pa.array(v, pa.float64())
    ),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=3, max_size=3).map(
        lambda v: pa.array(v, pa.int64())
    ),
    st.just(pa.array([[1], None, []])),
    st.just(pa.array([True, False, None])),
    st.just(pa.nulls(3)),
)


@given(st.lists(CELLS, min_size=8, max_size=8), st.integers(0, 2))
def test_nothing_is_an_error(cells: list[pa.Array], start: int) -> None:
    names = ["L4_SRC_PORT", "L4_DST_PORT", "PROTOCOL", "IN_PKTS", "OUT_PKTS", "tcp_flags", "service", "State"]
    table = pa.table(dict(zip(names, cells, strict=True))).slice(start)
    out = enriched_columns(table)
    assert out.dtype == np.int32
    assert (out >= ABSENT).all()
    assert (out[:, 0] <= 0xFFFF).all()
    assert (out[:, 4] <= 0xFF).all()
    # a slice says what the whole says, where the whole tells anything of the column
    whole = enriched_columns(pa.table(dict(zip(names, cells, strict=True))))[start:]
    there = (out != ABSENT).any(0)
    np.testing.assert_array_equal(out[:, there], whole[:, there])
