"""Arrow data that lie about themselves are refused, as Arrow's own full check refuses them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.payload_checks import FEW, is_ascii, nulls, validate

ROWS = FEW + 5


def refused(table: pa.Table) -> bool:
    try:
        validate(table)
    except pa.ArrowInvalid:
        return True
    return False


def refused_by_arrow(table: pa.Table) -> bool:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        return True
    return False


@settings(max_examples=200)
@given(
    st.sampled_from([pa.string(), pa.large_string()]),
    st.lists(st.tuples(st.integers(0, ROWS), st.integers(-9, 4000)), max_size=3),
    st.lists(
        st.tuples(st.integers(0, 1000), st.sampled_from("a\xff\x80\xc3\x00".encode("latin-1"))), max_size=3
    ),
)
def test_text_is_refused_where_arrow_refuses_it(
    kind: pa.DataType, wrong: list[tuple[int, int]], odd: list[tuple[int, int]]
) -> None:
    wide = np.int64 if pa.types.is_large_string(kind) else np.int32
    offsets, data = np.arange(ROWS + 1, dtype=wide) * 3, np.frombuffer(b"abc" * ROWS, np.uint8).copy()
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    table = pa.table([pa.Array.from_buffers(kind, ROWS, buffers)], ["a"])
    # only now: to make it so is refused
    for at, value in wrong:
        offsets[at] = value
    for at, value in odd:
        data[at] = value
    assert refused(table) == refused_by_arrow(table)


def test_text_that_is_not_ascii_is_fine() -> None:
    table = pa.table({"a": ["zürich"] * ROWS, "b": pa.array(["ß"] * ROWS, pa.large_string())})
    validate(table)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float32(), pa.bool_(), pa.timestamp("ms")])
def test_nulls_that_are_miscounted(kind: pa.DataType) -> None:
    sound = pa.array([None, 0] * ROWS, pa.int64()).cast(kind)
    validate(pa.table([sound], ["a"]))
    wrong = pa.Array.from_buffers(kind, len(sound), sound.buffers(), ROWS - 1)
    assert refused_by_arrow(pa.table([wrong], ["a"]))
    assert refused(pa.table([wrong], ["a"]))


@given(st.binary(max_size=40), st.integers(0, 400))
def test_nulls(bitmap: bytes, rows: int) -> None:
    bits = np.frombuffer(bitmap, np.uint8)
    known = np.unpackbits(bits, bitorder="little")[:rows]
    assert nulls(bits, rows) == (rows - int(known.sum()) if bits.size * 8 >= rows else -1)


def test_only_what_is_shown_has_to_be_ascii() -> None:
    data = np.frombuffer("ßabcß".encode(), np.uint8)
    assert is_ascii(np.array([2, 3, 5], np.int32), data)
    assert not is_ascii(np.array([2, 3, 6], np.int32), data)
    assert not is_ascii(np.array([1, 3, 5], np.int32), data)
    assert not is_ascii(np.array([2, 3, 90], np.int32), data)
