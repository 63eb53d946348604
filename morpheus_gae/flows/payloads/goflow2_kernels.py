"""Compiled reader of protobuf's wire format, for the fields of goflow2's message.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_V4 = np.uint64(0xFFFF_0000_0000)
_EIGHT = np.uint64(8)


@njit(cache=True, nogil=True)
def _varint(data: Any, at: int, stop: int) -> tuple[np.uint64, int]:
    """A number and the place after it; place -1 if it does not end."""
    value = np.uint64(0)
    shift = 0
    while at < stop and shift < 70:
        byte = data[at]
        at += 1
        if shift < 64:
            value |= np.uint64(byte & 0x7F) << np.uint64(shift)
        if byte < 0x80:
            return value, at
        shift += 7
    return value, -1


@njit(cache=True, nogil=True)
def _message(
    data: Any, at: int, stop: int, slots: Any, numbers: Any, parts: Any, known: Any, row: int
) -> bool:
    """Read one message into a row; whether it is one, to its last byte, with both addresses."""
    for k in range(numbers.shape[0]):
        numbers[k, row] = 0
    for k in range(known.shape[0]):
        known[k, row] = False
        parts[k, 0, row] = 0
        parts[k, 1, row] = _V4
    while at < stop:
        tag, at = _varint(data, at, stop)
        if at < 0:
            return False
        field, wire = np.int64(tag >> np.uint64(3)), np.int64(tag & np.uint64(7))
        if field < 1 or field > 536_870_911:
            return False
        slot = slots[field] if field < len(slots) else -1
        if wire == _VARINT:
            value, at = _varint(data, at, stop)
            if at < 0 or slot < -1:
                return False
            if slot >= 0:
                numbers[slot, row] = value
        elif wire == _BYTES:
            size, at = _varint(data, at, stop)
            if at < 0 or size > np.uint64(stop - at) or slot >= 0:
                return False
            length = np.int64(size)
            if slot < -1:
                k = -2 - slot
                if length in (4, 16):
                    _address(data, at, length, parts, known, k, row)
                elif length != 0:
                    return False
            at += length
        elif wire == _FIXED64:
            at += 8
        elif wire == _FIXED32:
            at += 4
        else:
            return False
        if at > stop:
            return False
    return known[1, row] and known[2, row]


@njit(cache=True, nogil=True)
def _address(data: Any, at: int, length: int, parts: Any, known: Any, k: int, row: int) -> None:
    high = np.uint64(0)
    low = np.uint64(0)
    for i in range(length):
        if length == 16 and i < 8:
            high = (high << _EIGHT) | np.uint64(data[at + i])
        else:
            low = (low << _EIGHT) | np.uint64(data[at + i])
    parts[k, 0, row] = high
    parts[k, 1, row] = low | _V4 if length == 4 else low
    known[k, row] = True


@njit(cache=True, nogil=True)
def read_messages(
    data: Any, starts: Any, stops: Any, slots: Any, numbers: Any, parts: Any, known: Any, counts: Any
) -> int:
    """Read M payloads; the number of rows, or -1 if one of them is no message.

    Parameters
    ----------
    data
        uint8: the payloads, one after the other.
    starts, stops
        int64 [M].
    slots
        int64: of each field number the row of ``numbers``, or -2 - k for address k, or -1 for neither.
    numbers, parts, known
        Written: uint64 [K, R], uint64 [A, 2, R] (high and low half), bool [A, R].
    counts
        Written: int64 [M], rows of each payload.
    """
    row = 0
    for m in range(len(starts)):
        if _message(data, starts[m], stops[m], slots, numbers, parts, known, row):
            counts[m] = 1
            row += 1
            continue
        # each behind its length
        at = starts[m]
        counts[m] = 0
        while at < stops[m]:
            size, at = _varint(data, at, stops[m])
            if at < 0 or size > np.uint64(stops[m] - at):
                return -1
            if row >= numbers.shape[1]:
                return -1
            if not _message(data, at, at + np.int64(size), slots, numbers, parts, known, row):
                return -1
            at += np.int64(size)
            counts[m] += 1
            row += 1
        if counts[m] == 0:
            return -1
    return row
