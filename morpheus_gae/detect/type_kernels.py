"""Compiled comparison of flows with flow types: the likeliest one, and how far a flow is from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.detect import fact_words as w
from morpheus_gae.detect.number_kernels import count, say
from morpheus_gae.model.bins import MISSING

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
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
def say_looks(
    steps: I64, numbers: F64, m: int, best: int, low: F64, high: F64, attributes: F32, missing: Bool, i: int
) -> int:
    """Say which type a flow is nearest to.

    It looks like a type where its bytes and duration lie in the middle of the type's, as its name tells it;
    else it is nearest to it, and what is far from it is told.

    Parameters
    ----------
    steps, numbers, m
        See ``number_kernels.put_steps``.
    best
        The type, see ``nearest``.
    low, high
        Of ``Types``.
    attributes, missing, i
        Of ``recall_kernels.Ends``, and which flow.

    Returns
    -------
    int
        How many steps there are.
    """
    inside, far = True, False
    for which in range(6):
        times = _times(low, high, best, attributes, missing, i, which)
        inside &= not times > 1
        far |= times >= TIMES
    m = say(steps, m, w.LOOKS if inside else w.NEAREST)
    m = say(steps, m, w.NAMES + best)
    before = w.BUT
    for which in range(6 if far else 0):
        times = _times(low, high, best, attributes, missing, i, which)
        if times < TIMES:
            continue
        m = say(steps, m, before)
        before = w.COMMA
        if np.isfinite(times):
            m = count(steps, numbers, m, np.rint(times))
            m = say(steps, m, w.FAR + which)
        else:
            m = say(steps, m, w.FAR + 6 + which)
    return m


@njit(cache=True, nogil=True)
def say_usual(steps: I64, numbers: F64, m: int, best: int, kept: U16, pair: int) -> int:
    """As ``say_looks``: of which type most flows of a flow's pair (its row, -1 for none) are, if another."""
    if pair < 0:
        return m
    usual, share = _of_pair(kept, pair)
    if share > 0 and usual != best:
        m = say(steps, m, w.AND)
        m = count(steps, numbers, m, float(share))
        m = say(steps, m, w.SHARE)
        m = say(steps, m, w.NAMES + usual)
    return m


@njit(cache=True, nogil=True)
def nearest(
    edges0: F32, edges1: F32, edges2: F32, group0: I32, group1: I32, log0: F32, log1: F32, log2: F32,
    attributes: F32, missing: Bool, i: int,
) -> int:  # fmt: skip
    """Return the type under which bytes and duration of a flow are most likely, by parts of ``Types``."""
    a = _bin(edges0, attributes[i, 0])
    b = _bin(edges1, attributes[i, 1])
    c = _bin(edges2, _MISSING if missing[i] else attributes[i, 2])
    up, down = group0[a], group1[b]
    best, most = 0, log0[a, 0] + log1[up, b, 0] + log2[down, c, 0]
    for k in range(1, log0.shape[1]):
        like = log0[a, k] + log1[up, b, k] + log2[down, c, k]
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
def _times(lows: F64, highs: F64, k: int, attributes: F32, missing: Bool, i: int, which: int) -> float:
    """How many times more (``which`` 0 to 2), or less (3 to 5), than the type an attribute is; else 1."""
    column = which % 3
    value, low, high = np.float64(attributes[i, column]), lows[k, column], highs[k, column]
    # a missing duration says nothing; nor does a duration where the type has none
    if column == 2 and (missing[i] or high <= 0):
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
def _of_pair(kept: U16, pair: int) -> tuple[int, int]:
    """Most frequent type of a pair's flows, and percent of them, by the bits of float16 of at least 0."""
    usual, whole = 0, 0.0
    for k in range(kept.shape[1]):
        # the bits are in the order of the numbers
        if kept[pair, k] > kept[pair, usual]:
            usual = k
        whole += _half(kept[pair, k])
    if not whole > 0:
        return usual, 0
    share = np.float32(100) * np.float32(_half(kept[pair, usual])) / np.float32(whole)
    return usual, int(share)


@njit(cache=True, nogil=True)
def _half(bits: np.uint16) -> float:
    """A float16 of at least 0 from its bits."""
    power, parts = np.int64(bits) >> 10, np.int64(bits) & 1023
    # the smallest ones have no leading one
    return float(parts * _POWERS[1] if power == 0 else (1024 + parts) * _POWERS[power])
