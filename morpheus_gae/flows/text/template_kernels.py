"""Compiled reading of lines that look alike: values of known types between literal bytes or delimiters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from morpheus_gae.flows.bytes.loads import byte_at
from morpheus_gae.flows.bytes.values import (
    BOOL,
    FLOAT,
    INT,
    TEXT,
    copied,
    integer,
    real,
    same,
    spelled,
)

_LF, _CR, _QUOTE, _SPACE, _TAB = 10, 13, 34, 32, 9


@njit(cache=True, nogil=True)
def read_json(
    data: Any, literals: Any, bounds: Any, kinds: Any, slots: Any,
    ints: Any, reals: Any, bools: Any, texts: Any, offsets: Any, valid: Any, rows: Any, odd: Any,
    ascii_only: bool,
) -> tuple[int, int, int]:  # fmt: skip
    """Read every line that follows the template; note the others.

    Parameters
    ----------
    data
        uint8: whole lines.
    literals, bounds
        uint8: the bytes before the first value, between two, and after the last; int64 [K + 2] where each
        begins.
    kinds, slots
        int64 [K]: what the k-th value may be, and its row in the arrays of that kind.
    ints, reals, bools
        int64, float64, uint8 [kind's columns, rows]: written.
    texts, offsets
        uint8 [text columns, bytes + 8], int32 [text columns, rows + 1]: written.
    valid
        uint8 [K, rows]: written; 0 where the value is null.
    rows
        int64 [rows]: number of each line read, blank lines not counted; written.
    odd
        int64 [3, rows]: begin, end (after the line end) and number of the other lines; written.
    ascii_only
        Text with bytes above 127 is for others, since the lines may not all be UTF-8.

    Returns
    -------
    lines read, other lines, lines in all
    """
    size = data.shape[0]
    columns = kinds.shape[0]
    read = others = lines = 0
    at = 0
    fill = np.zeros(texts.shape[0], np.int64)
    while at < size:
        start = at
        fits = True
        for k in range(columns):
            if not same(data, at, size, literals, bounds[k], bounds[k + 1]):
                fits = False
                break
            at += bounds[k + 1] - bounds[k]
            kind, slot = kinds[k], slots[k]
            if at < size and byte_at(data, at) == 110:
                if not spelled(data, at, size, 0, 4):
                    fits = False
                    break
                at += 4
                valid[k, read] = 0
                if kind == TEXT:
                    offsets[slot, read + 1] = fill[slot]
                elif kind == INT:
                    ints[slot, read] = 0
                elif kind == FLOAT:
                    reals[slot, read] = 0.0
                elif kind == BOOL:
                    bools[slot, read] = 0
                continue
            valid[k, read] = 1
            if kind == INT:
                ints[slot, read], at = integer(data, at, size)
            elif kind == TEXT:
                if at >= size or byte_at(data, at) != _QUOTE:
                    fits = False
                    break
                at += 1
                at, room = copied(data, at, size, texts[slot], fill[slot], ascii_only)
                if at >= size or byte_at(data, at) != _QUOTE:
                    fits = False
                    break
                at += 1
                fill[slot] = room
                offsets[slot, read + 1] = room
            elif kind == FLOAT:
                reals[slot, read], at = real(data, at, size)
            elif kind == BOOL:
                if spelled(data, at, size, 4, 8):
                    bools[slot, read] = 1
                    at += 4
                elif spelled(data, at, size, 8, 13):
                    bools[slot, read] = 0
                    at += 5
                else:
                    at = -1
            else:
                at = -1
            if at < 0:
                fits = False
                break
        if fits:
            fits = same(data, at, size, literals, bounds[columns], bounds[columns + 1])
            at += bounds[columns + 1] - bounds[columns]
        if fits and at < size:
            if byte_at(data, at) == _CR and at + 1 < size and byte_at(data, at + 1) == _LF:
                at += 1
            fits = byte_at(data, at) == _LF
            at += 1
        if fits:
            rows[read] = lines
            read += 1
            lines += 1
            continue
        for slot in range(texts.shape[0]):
            # what was written of this line is written over by the next
            fill[slot] = offsets[slot, read]
        at = start
        ink = False
        while at < size and byte_at(data, at) != _LF:
            ink = ink or not (
                byte_at(data, at) == _SPACE or byte_at(data, at) == _CR or byte_at(data, at) == _TAB
            )
            at += 1
        at = min(at + 1, size)
        if ink:
            odd[0, others], odd[1, others], odd[2, others] = start, at, lines
            others += 1
            lines += 1
    return read, others, lines


@njit(cache=True, nogil=True)
def read_delimited(
    data: Any, delimiter: int, kinds: Any, slots: Any,
    ints: Any, reals: Any, texts: Any, offsets: Any, valid: Any, rows: Any, odd: Any,
    ascii_only: bool,
) -> tuple[int, int, int]:  # fmt: skip
    """As ``read_json``, for values between delimiters; an empty one is null, or empty text.

    Text may be quoted as a whole; lines with any other quote, or a carriage return other than at their end,
    are noted as others.
    """
    size = data.shape[0]
    columns = kinds.shape[0]
    read = others = lines = 0
    at = 0
    fill = np.zeros(texts.shape[0], np.int64)
    while at < size:
        start = at
        fits = True
        for k in range(columns):
            kind, slot = kinds[k], slots[k]
            empty = (
                at >= size
                or byte_at(data, at) == delimiter
                or byte_at(data, at) == _LF
                or byte_at(data, at) == _CR
            )
            valid[k, read] = 0 if empty else 1
            if kind == TEXT:
                room = fill[slot]
                quoted = at < size and byte_at(data, at) == _QUOTE
                if quoted:
                    at += 1
                if quoted:
                    at, room = copied(data, at, size, texts[slot], room, ascii_only)
                    # a quote after this one, or anything but the value's end, is for the general reader
                    if at >= size or byte_at(data, at) != _QUOTE:
                        fits = False
                        break
                    at += 1
                while not quoted and at < size:
                    c = byte_at(data, at)
                    if c in (delimiter, _LF, _CR, _QUOTE) or (ascii_only and c > 127):
                        break
                    texts[slot, room] = c
                    room += 1
                    at += 1
                valid[k, read] = 1
                fill[slot] = room
                offsets[slot, read + 1] = room
            elif kind == INT:
                ints[slot, read] = 0
                if not empty:
                    ints[slot, read], at = integer(data, at, size)
            elif kind == FLOAT:
                reals[slot, read] = 0.0
                if not empty:
                    reals[slot, read], at = real(data, at, size)
            elif not empty:
                at = -1
            if at < 0:
                fits = False
                break
            if k + 1 < columns:
                if at >= size or byte_at(data, at) != delimiter:
                    fits = False
                    break
                at += 1
        if fits and at < size:
            if byte_at(data, at) == _CR and at + 1 < size and byte_at(data, at + 1) == _LF:
                at += 1
            fits = byte_at(data, at) == _LF
            at += 1
        if fits:
            rows[read] = lines
            read += 1
            lines += 1
            continue
        for slot in range(texts.shape[0]):
            fill[slot] = offsets[slot, read]
        at = start
        ink = False
        while at < size and byte_at(data, at) != _LF:
            ink = ink or not (
                byte_at(data, at) == _SPACE or byte_at(data, at) == _CR or byte_at(data, at) == _TAB
            )
            at += 1
        at = min(at + 1, size)
        if ink:
            odd[0, others], odd[1, others], odd[2, others] = start, at, lines
            others += 1
            lines += 1
    return read, others, lines
