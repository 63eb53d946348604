"""Repeats: a window's alerts by pair of hosts, sorted once; which of them get facts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.memory import find

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

MOST, OF_PAIR = 500, 3
"""Maximum number of alerts per window with facts, since text is slow: the most anomalous ones, and maximum
per pair before others."""


class Repeats(NamedTuple):
    """F flows by pair.

    Attributes
    ----------
    order
        int64 [F] flows, those of a pair one after the other, the most anomalous first.
    first
        int64 [P] the most anomalous flow of each pair.
    times
        int64 [P] number of its flows.
    of
        int64 [F] pair of each flow.
    """

    order: I64
    first: I64
    times: I64
    of: I64


def repeats(surprise: F64, code: U64) -> Repeats:
    """Sort flows by the key of their pair and, descending, their surprise, ties by position."""
    n = surprise.shape[0]
    order = np.lexsort((-surprise, code))
    keys = code[order]
    begins = np.flatnonzero(np.append(np.ones(min(n, 1), np.bool_), keys[1:] != keys[:-1]))
    times = np.diff(np.append(begins, n))
    of = np.empty(n, np.int64)
    of[order] = np.repeat(np.arange(begins.shape[0]), times)
    return Repeats(order, order[begins], times, of)


def chosen(surprise: F64, found: Repeats) -> I64:
    """Choose at most MOST flows to get facts, ascending: the most anomalous, a few per pair first."""
    n = surprise.shape[0]
    if n <= MOST:
        return np.arange(n)
    begins = np.cumsum(found.times) - found.times
    rank = np.empty(n, np.int64)
    rank[found.order] = np.arange(n) - np.repeat(begins, found.times)
    few, more = np.flatnonzero(rank < OF_PAIR), np.flatnonzero(rank >= OF_PAIR)
    if few.shape[0] < MOST:
        return np.sort(np.append(few, _highest(more, surprise, MOST - few.shape[0])))
    return np.sort(_highest(few, surprise, MOST))


def new_hosts(end: U64, fresh: I64, at: I64) -> I64:
    """Count the hosts new to the hosts at one end of flows.

    Parameters
    ----------
    end
        uint64 [F] key of the host.
    fresh
        int64 [Q] a flow of each pair that memory does not know.
    at
        int64 [C] flows to count for.

    Returns
    -------
    int64 [C]
    """
    hosts, number = np.unique(end[fresh], return_counts=True)
    row = find(hosts, end[at])
    return np.append(number, 0)[row].astype(np.int64)


def _highest(at: I64, surprise: F64, most: int) -> I64:
    """At most so many of some flows, the most anomalous; ties by position: a deterministic choice."""
    return at[np.argsort(-surprise[at], kind="stable")[:most]]
