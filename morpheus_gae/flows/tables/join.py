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

BLOCK = 256
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
    from morpheus_gae.flows.tables.join_kernels import add_lengths, place, place_same

    ends = np.zeros(rows + 1, np.int64)
    parts: list[tuple[U8, I64, U8]] = []
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            before += piece
            continue
        offsets, data = _buffers(piece)
        parts.append((_raw(before), offsets, data))
        add_lengths(ends[1:], offsets, parts[-1][0].shape[0])
        before = ""
    last = _raw(before)
    ends[1:] += last.shape[0]
    np.cumsum(ends, out=ends)
    out, at = np.empty(int(ends[-1]), np.uint8), ends[:-1].copy()
    for start in range(0, rows, BLOCK):
        # rows that stay in the processor's cache while one column after the other is copied
        stop = min(start + BLOCK, rows)
        for prefix, offsets, data in parts:
            place(out, at[start:stop], prefix, offsets[start : stop + 1], data)
        place_same(out, at[start:stop], last)
    return pa.chunked_array([pa.LargeStringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(out))])


def _raw(text: str) -> U8:
    return np.frombuffer(text.encode(), np.uint8)


def _buffers(column: pa.ChunkedArray) -> tuple[I64, U8]:
    """Offsets int64 [E + 1] and bytes of a column's texts."""
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    if not chunks:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    whole = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    _, offsets, data = whole.buffers()
    at = np.frombuffer(offsets, np.int64, len(whole) + 1, 8 * whole.offset)
    return at, np.frombuffer(data or b"", np.uint8)
