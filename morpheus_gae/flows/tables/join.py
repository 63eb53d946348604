"""Join: texts of several columns, row by row, into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TEXT = pa.large_string()
U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Piece: TypeAlias = "pa.ChunkedArray | str"

BLOCK = 512
"""Rows that are put together at a time."""


def joined(pieces: Sequence[Piece], rows: int) -> pa.ChunkedArray:
    """Join texts element by element.

    Parameters
    ----------
    pieces
        large_string [E] columns without nulls, and texts that are the same in each row; in this order.
    rows
        E.

    Returns
    -------
    pyarrow.ChunkedArray
        large_string [E].
    """
    from morpheus_gae.flows.tables.join_kernels import STEP, add_lengths, place, place_same

    ends = np.zeros(rows + 1, np.int64)
    parts: list[tuple[U8, int, I64, U8]] = []
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            before += piece
            continue
        offsets, data = buffers_of(piece)
        first = len(before.encode())
        parts.append((_raw(before + STEP * "\0"), first, offsets, data))
        add_lengths(ends[1:], offsets, first)
        before = ""
    last = _raw(before)
    ends[1:] += last.shape[0]
    np.cumsum(ends, out=ends)
    out, at = np.empty(int(ends[-1]), np.uint8), ends[:-1].copy()
    for start in range(0, rows, BLOCK):
        # rows that stay in the processor's cache while one column after the other is copied
        stop = min(start + BLOCK, rows)
        stops = ends[start + 1 : stop + 1]
        for prefix, first, offsets, data in parts:
            place(out, at[start:stop], stops, prefix, first, offsets[start : stop + 1], data)
        place_same(out, at[start:stop], last)
    return pa.chunked_array([pa.LargeStringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(out))])


def joined_lists(items: pa.ChunkedArray, mark: str, stops: I64) -> pa.LargeStringArray:
    """Join the items of each list as JSON.

    Parameters
    ----------
    items
        large_string: the lists' items as JSON, one list's after the other's, without nulls.
    mark
        Quote on both sides of each item, at most one byte.
    stops
        int64 [E + 1]: the first item of each list, 0 first, and the number of items.

    Returns
    -------
    pyarrow.LargeStringArray
        large_string [E].
    """
    from morpheus_gae.flows.tables.join_kernels import place_lists

    offsets, data = buffers_of(items)
    quote, n = _raw(mark), stops.shape[0] - 1
    commas = int(np.maximum(np.diff(stops) - 1, 0).sum())
    size = int(offsets[-1] - offsets[0]) + 2 * n + commas + 2 * quote.shape[0] * len(items)
    out, starts = np.empty(size, np.uint8), np.empty(n + 1, np.int64)
    place_lists(out, starts, stops, quote, offsets, data)
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(starts), pa.py_buffer(out))


def _raw(text: str) -> U8:
    return np.frombuffer(text.encode(), np.uint8)


def buffers_of(column: pa.ChunkedArray) -> tuple[I64, U8]:
    """Offsets int64 [E + 1] and bytes of a column's texts."""
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    if not chunks:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    whole = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    _, offsets, data = whole.buffers()
    at = np.frombuffer(offsets, np.int64, len(whole) + 1, 8 * whole.offset)
    return at, np.frombuffer(data or b"", np.uint8)
