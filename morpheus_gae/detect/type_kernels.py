"""Compiled comparison of flows with flow types: the likeliest one, and how far a flow is from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.detect import fact_words as w
from morpheus_gae.detect.number_kernels import put_whole, put_word_of
from morpheus_gae.model.bins import MISSING

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]

TIMES = 2.0
"""From so many times on a flow is told to have more, or less, than a type."""
NEARLY = 1.01
NONE = 1e-3
_MISSING = np.float32(MISSING)
_POWERS = 2.0 ** np.arange(-25, 7)


class Types(NamedTuple):
    """K flow types.

    ``edges`` and ``logs`` are float32: bounds of the bins of each attribute, and each type's log-likelihood
    of a bin [., K], for the second and third attribute below that of the first's, and second's, group.
    ``low``, ``high`` are float64 [K, 3], the ends of what the types' names tell; ``kept`` uint16 [Q, K] bits
    of `model.memory.Memory.pair_types`.
    """

    edges0: F32
    edges1: F32
    edges2: F32
    group0: I32
    group1: I32
    log0: F32
    log1: F32
    log2: F32
    low: F64
    high: F64
    kept: U16


@njit(cache=True, nogil=True)
def put_looks(
    out: U8, end: int, types: Types, pair: int, attributes: F32, missing: bool, data: U8, starts: I64
) -> int:
    """Write which type a flow is nearest to, and of which most flows of its pair are; return the end.

    It looks like a type where its bytes and duration lie in the middle of the type's, as its name tells it;
    else it is nearest to it, and what is far from it is told.

    Parameters
    ----------
    out, end
        uint8, written from ``end`` on.
    types
        Flow types.
    pair
        Row of the pair in memory, -1 for none.
    attributes, missing
        float32 [3] as counted, and whether the duration is missing.
    data, starts
        See ``fact_words.Words``.
    """
    best = nearest(types, attributes, missing)
    inside = True
    for which in range(6):
        inside &= not _times(types, best, attributes, missing, which) > 1
    end = put_word_of(out, end, data, starts, w.LOOKS if inside else w.NEAREST)
    end = put_word_of(out, end, data, starts, w.NAMES + best)
    before = w.BUT
    for which in range(0 if inside else 6):
        times = _times(types, best, attributes, missing, which)
        if times < TIMES:
            continue
        end = put_word_of(out, end, data, starts, before)
        before = w.COMMA
        if np.isfinite(times):
            end = put_whole(out, end, np.rint(times))
            end = put_word_of(out, end, data, starts, w.FAR + which)
        else:
            end = put_word_of(out, end, data, starts, w.FAR + 6 + which)
    if pair >= 0:
        usual, share = _of_pair(types.kept[pair])
        if share > 0 and usual != best:
            end = put_word_of(out, end, data, starts, w.AND)
            end = put_whole(out, end, float(share))
            end = put_word_of(out, end, data, starts, w.SHARE)
            end = put_word_of(out, end, data, starts, w.NAMES + usual)
    return end


@njit(cache=True, nogil=True)
def nearest(types: Types, attributes: F32, missing: bool) -> int:
    """Return the type under which bytes and duration are most likely."""
    a = _bin(types.edges0, attributes[0])
    b = _bin(types.edges1, attributes[1])
    c = _bin(types.edges2, _MISSING if missing else attributes[2])
    one, two, three = types.log0[a], types.log1[types.group0[a], b], types.log2[types.group1[b], c]
    best, most = 0, one[0] + two[0] + three[0]
    for k in range(1, one.shape[0]):
        like = one[k] + two[k] + three[k]
        if like > most:
            best, most = k, like
    return best


@njit(cache=True, nogil=True)
def _bin(edges: F32, value: np.float32) -> int:
    """`model.bins.bin_of` one value."""
    low, high = 0, edges.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if edges[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _times(types: Types, k: int, attributes: F32, missing: bool, which: int) -> float:
    """How many times more (``which`` 0 to 2), or less (3 to 5), than the type an attribute is; else 1."""
    column = which % 3
    value, low, high = np.float64(attributes[column]), types.low[k, column], types.high[k, column]
    # a missing duration says nothing; nor does a duration where the type has none
    if column == 2 and (missing or high <= 0):
        return 1.0
    # edges are float32 and the name rounds them
    if which < 3:
        if not value > max(high * NEARLY, NONE):
            return 1.0
        return value / high if high > NONE else np.inf
    if not (low > NONE and value < low / NEARLY):
        return 1.0
    return low / value if value > NONE else np.inf


@njit(cache=True, nogil=True)
def _of_pair(kept: U16) -> tuple[int, int]:
    """Most frequent type of a pair's flows, and percent of them, by the bits of float16 of at least 0."""
    usual, whole = 0, 0.0
    for k in range(kept.shape[0]):
        # the bits are in the order of the numbers
        if kept[k] > kept[usual]:
            usual = k
        whole += _half(kept[k])
    if not whole > 0:
        return usual, 0
    share = np.float32(100) * np.float32(_half(kept[usual])) / np.float32(whole)
    return usual, int(share)


@njit(cache=True, nogil=True)
def _half(bits: np.uint16) -> float:
    """A float16 of at least 0 from its bits."""
    power, parts = np.int64(bits) >> 10, np.int64(bits) & 1023
    # the smallest ones have no leading one
    return float(parts * _POWERS[1] if power == 0 else (1024 + parts) * _POWERS[power])
