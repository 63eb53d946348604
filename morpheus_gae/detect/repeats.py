"""Repeats: which of a window's alerts get facts, where some pairs have many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

MOST, OF_PAIR = 500, 3
"""Maximum number of alerts per window with facts, which people read: the most anomalous ones, and maximum per
pair before others."""


def chosen(surprise: F64, code: U64) -> I64:
    """Choose at most MOST flows to get facts: the most anomalous, a few per pair first.

    Parameters
    ----------
    surprise
        float64 [F].
    code
        uint64 [F] key of each flow's pair.

    Returns
    -------
    int64
        Which ones, ascending.
    """
    n = surprise.shape[0]
    if n <= MOST:
        return np.arange(n)
    # by pair and, descending, surprise, ties by position
    order = np.lexsort((-surprise, code))
    keys = code[order]
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n) - np.repeat(begins, np.diff(np.append(begins, n)))
    few, more = np.flatnonzero(rank < OF_PAIR), np.flatnonzero(rank >= OF_PAIR)
    if few.shape[0] < MOST:
        return np.sort(np.append(few, _highest(more, surprise, MOST - few.shape[0])))
    return np.sort(_highest(few, surprise, MOST))


def _highest(at: I64, surprise: F64, most: int) -> I64:
    """At most so many of some flows, the most anomalous; ties by position: a deterministic choice."""
    return at[np.argsort(-surprise[at], kind="stable")[:most]]
