from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.tables.decimals import decimal_text


def as_arrow(column: pa.ChunkedArray) -> list[str]:
    """What Arrow's cast writes."""
    return [v if v not in (None, "nan", "inf", "-inf") else "null" for v in column.cast("string").to_pylist()]


FEW = st.integers(-(10**15) + 1, 10**15 - 1).map(lambda parts: parts / 1e6)
PERCENT = st.integers(0, 10_000).map(lambda parts: parts / 100)
ODD = st.sampled_from([0.0, -0.0, 1.0, 1e-6, -1e-5, 1e8, float("nan"), float("inf"), None])


@given(st.lists(FEW | PERCENT | ODD, max_size=30), st.integers(0, 5))
def test_numbers_of_six_decimals_are_written_as_arrow_writes_them(
    values: list[float | None], cut: int
) -> None:
    # a slice of two chunks
    column = pa.chunked_array([pa.array(values, pa.float64())[cut:], pa.array(values, pa.float64())])
    text = decimal_text(column)
    assert text is not None
    assert text.null_count == 0
    text.validate(full=True)
    assert text.to_pylist() == as_arrow(column)


@given(st.lists(st.floats(), min_size=1, max_size=8))
def test_what_is_written_is_the_value_itself(values: list[float]) -> None:
    column = pa.chunked_array([pa.array(values, pa.float64())])
    text = decimal_text(column)
    if text is not None:
        assert text.to_pylist() == as_arrow(column)


@pytest.mark.parametrize("value", [1 / 3, 1e9, -1e15, 1e300, 1e-7, -9.9e-6, 5e-324, 0.1234567])
def test_other_numbers_are_left_to_arrow(value: float) -> None:
    assert decimal_text(pa.chunked_array([pa.array([1.5, value])])) is None


def test_no_rows_and_no_chunks() -> None:
    for column in (pa.chunked_array([], pa.float64()), pa.chunked_array([pa.array([], pa.float64())])):
        text = decimal_text(column)
        assert text is not None
        assert len(text) == 0
