"""Checks: whether Arrow data from elsewhere are what they say, before somebody follows an offset in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

FEW = 512
"""Rows below which Arrow's own check is as fast."""
_NONE = np.zeros(0, np.uint8)


def validate(table: pa.Table) -> None:
    """As ``table.validate(full=True)``, sooner for columns of numbers and of text that is ASCII.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a buffer is too short, an offset points outside, text is not UTF-8, nulls are miscounted, ...
    """
    if table.num_rows < FEW:
        table.validate(full=True)
        return
    # lengths of buffers
    table.validate()
    left = [i for i, column in enumerate(table.columns) if not all(map(_is_sound, column.chunks))]
    if left:
        table.select(left).validate(full=True)


def _is_sound(array: pa.Array) -> bool:
    """Whether nothing can be wrong with a column; False if it takes a closer look to tell."""
    kind = array.type
    wide = pa.types.is_large_string(kind)
    text = wide or pa.types.is_string(kind)
    if array.offset or not (text or _is_plain(kind)):
        return False
    buffers = array.buffers()
    if array.null_count and nulls(_bytes(buffers[0]), len(array)) != array.null_count:
        return False
    if not text or not len(array):
        return True
    offsets = np.frombuffer(buffers[1], np.int64 if wide else np.int32, len(array) + 1)
    return bool(is_ascii(offsets, _bytes(buffers[2])))


def _is_plain(kind: Any) -> bool:
    """Whether any bytes are values of a type."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_timestamp(kind)
    )


def _bytes(buffer: Any) -> Any:
    return _NONE if buffer is None else np.frombuffer(buffer, np.uint8)


@njit(cache=True, nogil=True)
def nulls(bitmap: Any, rows: int) -> int:
    """Rows whose bit is 0; -1 if there are too few bits."""
    if bitmap.shape[0] * 8 < rows:
        return -1
    whole = rows >> 3
    known = 0
    for octet in bitmap[:whole]:
        # bits of two, of four, of eight summed in place
        pairs = octet - ((octet >> 1) & 0x55)
        fours = (pairs & 0x33) + ((pairs >> 2) & 0x33)
        known += (fours + (fours >> 4)) & 0x0F
    for i in range(whole << 3, rows):
        known += (bitmap[i >> 3] >> (i & 7)) & 1
    return rows - known


@njit(cache=True, nogil=True)
def is_ascii(offsets: Any, data: Any) -> bool:
    """Whether offsets ascend within the data, and all bytes between the first and the last are ASCII."""
    rows = offsets.shape[0] - 1
    first, last = np.int64(offsets[0]), np.int64(offsets[rows])
    if first < 0 or last > data.shape[0]:
        return False
    falls = False
    for i in range(rows):
        falls |= offsets[i + 1] < offsets[i]
    if falls:
        return False
    seen = np.uint8(0)
    for octet in data[first:last]:
        seen |= octet
    return seen < 128
