"""Compiled checks of Arrow buffers: bits that are counted, offsets that ascend, bytes that are UTF-8."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_HIGH = np.uint8(0x80)


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
def ascend(offsets: Any, size: int) -> bool:
    """Whether offsets [E + 1] ascend from at least 0 to at most ``size``."""
    rows = offsets.shape[0] - 1
    if np.int64(offsets[0]) < 0 or np.int64(offsets[rows]) > size:
        return False
    falls = False
    for i in range(rows):
        falls |= offsets[i + 1] < offsets[i]
    return not falls


@njit(cache=True, nogil=True)
def is_ascii(offsets: Any, data: Any) -> bool:
    """Whether all bytes between the first and the last offset are ASCII; offsets must ascend in the data."""
    seen = np.uint8(0)
    for octet in data[np.int64(offsets[0]) : np.int64(offsets[offsets.shape[0] - 1])]:
        seen |= octet
    return seen < _HIGH


@njit(cache=True, nogil=True)
def _is_utf8(data: Any, i: int, stop: int) -> bool:
    """Whether bytes are UTF-8 (RFC 3629): no surrogates, no form longer than need be."""
    while i < stop:
        first = data[i]
        i += 1
        if first < 0x80:
            continue
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
        elif 0xF0 <= first <= 0xF4:
            more = 3
        else:
            return False
        if i + more > stop:
            return False
        low, high = 0x80, 0xBF
        if first == 0xE0:
            low = 0xA0
        elif first == 0xED:
            high = 0x9F
        elif first == 0xF0:
            low = 0x90
        elif first == 0xF4:
            high = 0x8F
        for k in range(more):
            if data[i + k] < low or data[i + k] > high:
                return False
            low, high = 0x80, 0xBF
        i += more
    return True


@njit(cache=True, nogil=True)
def not_utf8(offsets: Any, data: Any, out: Any) -> None:
    """Mark in ``out``, bool [E], the texts that are not UTF-8; offsets must ascend in the data."""
    for e in range(out.shape[0]):
        out[e] = not _is_utf8(data, np.int64(offsets[e]), np.int64(offsets[e + 1]))


@njit(cache=True, nogil=True)
def within(indices: Any, bitmap: Any, offset: int, words: int) -> bool:
    """Whether every index [E] that is not null is a place among so many words."""
    outside = False
    for e in range(indices.shape[0]):
        outside |= (indices[e] < 0) | (indices[e] >= words)
    if not outside:
        return True
    for e in range(indices.shape[0]):
        if indices[e] < 0 or indices[e] >= words:
            bit = offset + e
            if bitmap.shape[0] == 0 or (bitmap[bit >> 3] >> (bit & 7)) & 1:
                return False
    return True
