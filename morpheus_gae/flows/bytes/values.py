"""Compiled reading of single values: numbers, text and words at a place of a byte array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from morpheus_gae.flows.bytes.loads import (
    byte_at,
    equal_bytes,
    first_byte,
    high_bytes,
    put_word,
    small_bytes,
    word_at,
)

INT, FLOAT, TEXT, BOOL, NULL = 0, 1, 2, 3, 4
"""What a value may be; ``NULL`` is a column that has not shown a value yet."""

_LF, _CR, _QUOTE, _BACKSLASH, _MINUS, _PLUS, _DOT, _ZERO, _SPACE = 10, 13, 34, 92, 45, 43, 46, 48, 32
_MOST_DIGITS = 18
_EXACT = 1 << 53
_POWERS = 10.0 ** np.arange(23)
_SPELLED = np.frombuffer(b"nulltruefalse", np.uint8)


_WORD = 8
_QUOTES, _BACKSLASHES, _SPACES = (np.uint64(0x0101010101010101 * c) for c in (_QUOTE, _BACKSLASH, _SPACE))


@njit(cache=True, nogil=True, inline="always")
def same(data: Any, at: int, size: int, literal: Any, start: int, stop: int) -> bool:
    """Whether the bytes of a literal stand at a place; it is followed by a word that nobody looks at."""
    length = stop - start
    if at + length > size:
        return False
    j = 0
    while j + _WORD <= length:
        if word_at(data, at + j) != word_at(literal, start + j):
            return False
        j += _WORD
    while j < length:
        if byte_at(data, at + j) != byte_at(literal, start + j):
            return False
        j += 1
    return True


@njit(cache=True, nogil=True, inline="always")
def copied(data: Any, at: int, size: int, texts: Any, room: int, ascii_only: bool) -> tuple[int, int]:
    """Copy text up to a quote, a backslash, a control character; the places after it, there and here."""
    while at + _WORD <= size:
        word = word_at(data, at)
        marks = equal_bytes(word, _QUOTES) | equal_bytes(word, _BACKSLASHES) | small_bytes(word, _SPACES)
        if ascii_only:
            marks |= high_bytes(word)
        # what lies behind the mark is written over
        put_word(texts, room, word)
        if marks != 0:
            n = first_byte(marks)
            return at + n, room + n
        at += _WORD
        room += _WORD
    while at < size:
        c = byte_at(data, at)
        if c in (_QUOTE, _BACKSLASH) or c < _SPACE or (ascii_only and c > 127):
            break
        texts[room] = c
        room += 1
        at += 1
    return at, room


@njit(cache=True, nogil=True, inline="always")
def _digits(data: Any, at: int, size: int) -> tuple[int, int]:
    """The whole number of the digits at a place, and the place after them (after 19 digits at most)."""
    number = 0
    stop = min(size, at + _MOST_DIGITS + 1)
    while at < stop:
        digit = byte_at(data, at) - _ZERO
        if digit < 0 or digit > 9:
            break
        number = number * 10 + digit
        at += 1
    return number, at


@njit(cache=True, nogil=True, inline="always")
def integer(data: Any, at: int, size: int) -> tuple[int, int]:
    """The integer at a place and the place after it; -1 for anything unusual."""
    start = at
    if at < size and byte_at(data, at) == _MINUS:
        at += 1
    first = at
    number, at = _digits(data, at, size)
    length = at - first
    # no leading zero, no minus zero
    if (
        length == 0
        # 19 digits are a time in nanoseconds: they fit unless they begin with 9
        or length > _MOST_DIGITS + 1
        or (length > _MOST_DIGITS and byte_at(data, first) == _ZERO + 9)
        or (byte_at(data, first) == _ZERO and (length > 1 or first > start))
    ):
        return 0, -1
    return (-number if first > start else number), at


@njit(cache=True, nogil=True, inline="always")
def real(data: Any, at: int, size: int) -> tuple[float, int]:
    """The number at a place, correctly rounded, and the place after it; -1 for anything unusual.

    With at most 2**53 in the digits and a power of ten up to 22, one division or multiplication of two
    exact doubles rounds once (Clinger 1990).
    """
    negative = at < size and byte_at(data, at) == _MINUS
    if negative:
        at += 1
    first = at
    number, at = _digits(data, at, size)
    if at == first or (byte_at(data, first) == _ZERO and at - first > 1):
        return 0.0, -1
    power = 0
    if at < size and byte_at(data, at) == _DOT:
        point = at + 1
        at = point
        stop = min(size, point + _MOST_DIGITS)
        while at < stop and number < _EXACT:
            digit = byte_at(data, at) - _ZERO
            if digit < 0 or digit > 9:
                break
            number = number * 10 + digit
            at += 1
        if at == point:
            return 0.0, -1
        power = point - at
    if at < size and (byte_at(data, at) == 101 or byte_at(data, at) == 69):
        at += 1
        minus = at < size and byte_at(data, at) == _MINUS
        if at < size and (minus or byte_at(data, at) == _PLUS):
            at += 1
        start = at
        exponent, at = _digits(data, at, size)
        if at == start or at - start > 3:
            return 0.0, -1
        power += -exponent if minus else exponent
    if number > _EXACT or power < -22 or power > 22:
        return 0.0, -1
    value = np.float64(number)
    value = value / _POWERS[-power] if power < 0 else value * _POWERS[power]
    return (-value if negative else value), at


@njit(cache=True, nogil=True, inline="always")
def spelled(data: Any, at: int, size: int, start: int, stop: int) -> bool:
    """Whether the bytes ``start:stop`` of ``nulltruefalse`` stand at a place."""
    if at + stop - start > size:
        return False
    matching = 0
    for j in range(stop - start):
        matching += byte_at(data, at + j) == _SPELLED[start + j]
    return matching == stop - start
