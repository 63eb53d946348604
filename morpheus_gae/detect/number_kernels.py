"""Compiled writing of figures and words into bytes, as explanations tell them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.flows.bytes.loads import put_word, word_at

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

WIDEST = 26
"""Bytes of the longest number, 2**64 with its commas."""

_MOST, _SIGNED = 2.0**64, 2.0**63
_STEP = 8
_ZERO, _COMMA, _POINT = 48, 44, 46
_NEARLY = 5e-4
_WHOLE, _FIGURE, _STOP = -1, -2, -3


@njit(cache=True, nogil=True)
def say(steps: I64, m: int, which: int) -> int:
    """Add a piece of text to steps, and return how many there are."""
    steps[m] = which
    return m + 1


@njit(cache=True, nogil=True)
def count(steps: I64, numbers: F64, m: int, value: float) -> int:
    """As ``say``, for a whole number of at least 0."""
    steps[m], numbers[m] = _WHOLE, value
    return m + 1


@njit(cache=True, nogil=True)
def figure(steps: I64, numbers: F64, m: int, value: float) -> int:
    """As ``count``, for a float32 that may not be whole."""
    steps[m], numbers[m] = _FIGURE, value
    return m + 1


@njit(cache=True, nogil=True)
def stop(steps: I64, m: int) -> int:
    """As ``say``, for the end of a text."""
    steps[m] = _STOP
    return m + 1


@njit(cache=True, nogil=True)
def put_steps(
    steps: I64, numbers: F64, m: int, data: U8, starts: I64, out: U8, end: int, stops: I32, texts: int
) -> tuple[int, int]:
    """Write what steps say.

    Parameters
    ----------
    steps, numbers, m
        int64, float64: pieces and numbers; how many there are.
    data, starts
        See ``fact_words.Words``.
    out, end
        uint8, written from ``end`` on; there is room for eight bytes more.
    stops, texts
        int32, where texts end is written behind as many as there are.

    Returns
    -------
    int, int
        Where it ends, and how many texts there are.
    """
    for k in range(m):
        which = steps[k]
        if which >= 0:
            end = _put_word_of(out, end, data, starts, which)
        elif which == _WHOLE:
            end = _put_whole(out, end, numbers[k])
        elif which == _FIGURE:
            end = _put_figure(out, end, numbers[k])
        else:
            texts += 1
            stops[texts] = end
    return end, texts


@njit(cache=True, nogil=True)
def _put_word_of(out: U8, end: int, data: U8, starts: I64, which: int) -> int:
    """Write a piece of text by eight bytes, and return its end: what comes next goes over the rest."""
    begin, size = starts[which], starts[which + 1] - starts[which]
    for k in range(0, size, _STEP):
        put_word(out, end + k, word_at(data, begin + k))
    return end + size


@njit(cache=True, nogil=True)
def _put_whole(out: U8, end: int, value: float) -> int:
    """Write a whole number of at least 0 with commas, and return its end; none is above 2**64."""
    if value < _SIGNED:
        return _put(out, end, np.uint64(np.int64(value)))
    # the half fits into 64 bits, and is exact
    half = np.uint64(min(value, _MOST) * 0.5)
    billions, rest = half // np.uint64(500_000_000), half % np.uint64(500_000_000) * np.uint64(2)
    end = _put(out, end, billions)
    for k in range(3):
        out[end] = _COMMA
        part = rest // np.uint64(1_000_000) if k == 0 else rest // np.uint64(1000) if k == 1 else rest
        _three(out, end + 1, part % np.uint64(1000))
        end += 4
    return end


@njit(cache=True, nogil=True)
def _put_figure(out: U8, end: int, value: float) -> int:
    """Write a float32 count, as a whole number or with three decimals, and return its end."""
    whole = np.rint(value)
    if abs(value - whole) < _NEARLY:
        return _put_whole(out, end, whole)
    # exact: there are 24 bits, and 10 of the factor
    parts = np.uint64(np.int64(np.rint(value * 1000.0)))
    end = _put(out, end, parts // np.uint64(1000))
    out[end] = _POINT
    _three(out, end + 1, parts % np.uint64(1000))
    return end + 4


@njit(cache=True, nogil=True)
def _put(out: U8, end: int, n: np.uint64) -> int:
    size, above = 1, np.uint64(10)
    while size < 20 and n >= above:
        size += 1
        above *= np.uint64(10)
    size += (size - 1) // 3
    at = end + size
    while n >= np.uint64(1000):
        rest = n // np.uint64(1000)
        at -= 3
        _three(out, at, n - rest * np.uint64(1000))
        at -= 1
        out[at] = _COMMA
        n = rest
    while at > end:
        at -= 1
        out[at] = np.uint8(_ZERO + n % np.uint64(10))
        n //= np.uint64(10)
    return end + size


@njit(cache=True, nogil=True)
def _three(out: U8, at: int, n: np.uint64) -> None:
    hundreds = n // np.uint64(100)
    rest = n - hundreds * np.uint64(100)
    tens = rest // np.uint64(10)
    out[at] = np.uint8(np.uint64(_ZERO) + hundreds)
    out[at + 1] = np.uint8(np.uint64(_ZERO) + tens)
    out[at + 2] = np.uint8(np.uint64(_ZERO) + rest - tens * np.uint64(10))
