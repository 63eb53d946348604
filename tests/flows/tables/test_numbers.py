"""Counters: one reading for every type a source may give them."""

from __future__ import annotations

import decimal
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.tables.numbers import LARGEST, numbers

# the view types are younger than the oldest Arrow that is supported
VIEW = getattr(pa, "string_view", pa.string)()


def told(column: pa.Array | pa.ChunkedArray) -> list[float | str | None]:
    """Each value, None where absent, "misfit" where it is no number."""
    values, absent, misfit = numbers(column)
    assert values.dtype == np.float64
    assert not (absent & misfit).any()
    assert not values[absent | misfit].any()
    return [
        None if a else "misfit" if m else float(v) for v, a, m in zip(values, absent, misfit, strict=True)
    ]


@pytest.mark.parametrize(
    ("column", "want"),
    [
        (pa.array([1, None, -3]), [1, None, -3]),
        (pa.array([2**64 - 1], pa.uint64()), [float(2**64 - 1)]),
        (pa.array([1, None], pa.int8()), [1, None]),
        (pa.array([1.5, None, math.nan, math.inf, -math.inf, 1e39]), [1.5, None, *["misfit"] * 4]),
        (pa.array([decimal.Decimal("1.25"), None]), [1.25, None]),
        (pa.array([np.float16(1.5), None], pa.float16()), [1.5, None]),
        (pa.array([1500, None], pa.timestamp("us")), [1, None]),
        (pa.array([1500, None], pa.timestamp("ns", "UTC")), [0, None]),
        (pa.array([3], pa.duration("s")), [3000]),
        (pa.array([True, None]), ["misfit", None]),
        (pa.array([[1], None]), ["misfit", None]),
        (pa.array([{"a": 1}, None]), ["misfit", None]),
        (pa.array([b"1", None]), ["misfit", None]),
        (pa.nulls(2), [None, None]),
        (pa.array([], pa.int64()), []),
        (pa.array(["1", "2", "1", None, "x"]).dictionary_encode(), [1, 2, 1, None, "misfit"]),
        (pa.array(["1", None, "x"], pa.large_string()), [1, None, "misfit"]),
        (pa.array(["1", None, "x"], VIEW), [1, None, "misfit"]),
        (pa.chunked_array([[1, None], [], [3]], pa.int64()).slice(1), [None, 3]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array | pa.ChunkedArray) else "",
)
def test_types(column: pa.Array, want: list[object]) -> None:
    assert told(column) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        *[(blank, None) for blank in ("", " ", "null", "NULL", "None", "-", " - ")],
        *[(t, float(t)) for t in ("0", "-1", "1.5", ".5", "1.", "1e3", "1E-3", "-0", "007", " 12 ", "\t3")],
        *[
            (t, "misfit")
            for t in ("abc", "1,000", "0x10", "1_000", "--1", "+-1", "1e", "e3", "1.2.3", ".", "1 2")
        ],
        *[(t, "misfit") for t in ("nan", "NaN", "inf", "-inf", "1e99", "9" * 41, "٣", "1\0", "1\n2", "true")],
    ],
)
def test_texts(text: str, want: float | str | None) -> None:
    assert told(pa.array([text])) == [want]
    assert told(pa.array(["5", text, None])) == [5, want, None]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.one_of(st.none(), st.floats(-LARGEST, LARGEST), st.integers(-(2**63), 2**63 - 1))))
def test_a_number_as_text_is_that_number(values: list[float | int | None]) -> None:
    texts = [None if v is None else f"{v:.40g}" if isinstance(v, float) else str(v) for v in values]
    found = told(pa.array(texts, pa.string()))
    for text, value, got in zip(texts, values, found, strict=True):
        exponent = abs(int(text.partition("e")[2] or 0)) if text else 0
        assert got == (value if value is None else float(value)) or exponent > 99


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.text(max_size=8)))
def test_any_text_is_a_number_or_is_none(texts: list[str]) -> None:
    for text, got in zip(texts, told(pa.array(texts, pa.string())), strict=True):
        if isinstance(got, float):
            assert got == float(text)
