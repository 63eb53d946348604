"""Usual counters are what a closer look makes of them, and what is not usual is left to that."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.tables.counters import counters, whole
from morpheus_gae.flows.tables.numbers import numbers

USUAL = {
    pa.int64(): st.integers(0, 2**63 - 1),
    pa.int32(): st.integers(0, 2**31 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.uint64(): st.integers(0, 2**64 - 2**12),
    pa.float64(): st.floats(0, 1.8e19),
    pa.float32(): st.floats(0, 2.0**63, width=32),
}


def chunked(values: list[object], kind: pa.DataType, cut: int) -> pa.ChunkedArray:
    """In two chunks, slices of a longer array."""
    array = pa.array([None, *values, None], kind)[1:-1]
    return pa.chunked_array([array[:cut], array[cut:]], kind)


@pytest.mark.parametrize("kind", USUAL, ids=str)
@given(data=st.data())
def test_usual_ones_are_what_a_closer_look_makes_of_them(kind: pa.DataType, data: st.DataObject) -> None:
    value = USUAL[kind]
    rows = data.draw(st.integers(0, 9))
    cut = data.draw(st.integers(0, rows))
    first = data.draw(st.lists(value, min_size=rows, max_size=rows))
    second = data.draw(st.lists(st.none() | value, min_size=rows, max_size=rows))
    given_columns = [chunked(first, kind, cut), chunked(second, kind, rows - cut)]
    found = counters(given_columns, optional=1)
    assert found is not None
    want = [numbers(column) for column in given_columns]
    assert found[0].dtype == np.float32
    assert found[0].tolist() == np.stack([w[0] for w in want], 1).astype(np.float32).tolist()
    assert found[1].tolist() == want[1][1].tolist()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, -1], pa.int64()),
        ([1.0, float("nan")], pa.float64()),
        ([1.0, float("inf")], pa.float32()),
        ([2.0**64, 1.0], pa.float64()),
        ([2**64 - 1, 1], pa.uint64()),
        ([None, 1], pa.int64()),
        (["1", "2"], pa.string()),
        ([None, None], pa.null()),
    ],
)
def test_others_get_a_closer_look(values: list[object], kind: pa.DataType) -> None:
    fine, other = chunked([1, 2], pa.int64(), 1), chunked(values, kind, 1)
    assert counters([fine, fine], optional=1) is not None
    assert counters([other, fine], optional=1) is None


@pytest.mark.parametrize("values", [[-1, 2**53, 5, -(2**53)], [0]])
def test_times_are_whole_numbers(values: list[int]) -> None:
    found = whole(chunked(values, pa.int64(), 1))
    assert found is not None
    assert found.tolist() == values


@pytest.mark.parametrize("values", [[], [1, None], [2**53 + 1], [-(2**53) - 1]])
def test_times_that_are_no_such_get_a_closer_look(values: list[int | None]) -> None:
    assert whole(chunked(values, pa.int64(), 0)) is None
    assert whole(chunked([1, 2], pa.int32(), 0)) is None
