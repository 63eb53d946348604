"""Compiled facts: writes the sentences of flagged flows, one after the other, as bytes.

What is said of a flow is a list of steps first: a piece of text, a number, the end of a sentence. They are
written in one place, which keeps the compiled code small.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.detect import fact_words as w
from morpheus_gae.detect.habits import FINEST, WITHIN
from morpheus_gae.detect.number_kernels import count, figure, put_steps, say, stop
from morpheus_gae.detect.recall_kernels import (
    AGAIN,
    BACK,
    DESTINATION,
    FROM,
    INTO,
    PAIR,
    SOURCE,
    Ends,
    Known,
    find,
    host_key,
)
from morpheus_gae.detect.type_kernels import Types, nearest, say_looks, say_usual
from morpheus_gae.model.features import CLIP

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

FACTS, PIECES, NUMBERS = 10, 44, 26
"""Most facts of a flow (of its contact, whom either end has met, either end, three ranges, its type, its
repeats), most pieces of text in them, most numbers."""

_FINEST, _CLIP = float(FINEST), float(CLIP)
_AWAY = np.array([times for times, _ in WITHIN])
_LEVELS = len(WITHIN)


class Flagged(NamedTuple):
    """F flagged flows of a window: ends, and ``rows``, ``counts``, ``x`` of `recall_kernels.recall`."""

    ends: Ends
    rows: I64
    counts: I64
    x: F32


@njit(cache=True, nogil=True)
def write_facts(
    at: I64, flagged: Flagged, known: Known, types: Types, data: U8, starts: I64, window: int, total: float,
    out: U8, stops: I32, lists: I32,
) -> tuple[int, int]:  # fmt: skip
    """Write the facts of some flows.

    Parameters
    ----------
    at
        int64, ascending: which flows.
    flagged, known, types
        Flows, memory, flow types.
    data, starts
        See ``fact_words.Words``.
    window
        Flows of the window.
    total
        Flows that count in memory.
    out
        uint8, written; there is room for the longest.
    stops
        int32, written: where each fact begins, and the end of the last.
    lists
        int32 [F + 1], written: the first fact of each flow, and the number of facts.

    Returns
    -------
    int, int
        Facts and bytes written.
    """
    # each use of a tuple's array in a loop would count references to all of them
    (_, _, dst_hi, dst_lo, attributes, missing), rows, counts, x = flagged
    salt, _, host_out, host_in, _, pairs, near_key, near, past, mean, scale = known
    edges0, edges1, edges2, group0, group1, log0, log1, log2, low, high, kept = types
    end, facts, few = 0, 0, 0
    steps, numbers = np.empty(PIECES + NUMBERS + FACTS, np.int64), np.empty(PIECES + NUMBERS + FACTS)
    stops[0] = 0
    for i in range(rows.shape[0]):
        lists[i] = facts
        if few == at.shape[0] or at[few] != i:
            continue
        few += 1
        m = _contacts(
            steps, numbers, i, rows, counts, dst_hi, dst_lo, salt, host_out, host_in, pairs, near_key, near,
            past, window, total,
        )  # fmt: skip
        m = _ranges(steps, numbers, m, i, rows, x, attributes, missing, pairs, host_out, mean, scale)
        if high.shape[0]:
            best = nearest(edges0, edges1, edges2, group0, group1, log0, log1, log2, attributes, missing, i)
            m = say_looks(steps, numbers, m, best, low, high, attributes, missing, i)
            m = stop(steps, say_usual(steps, numbers, m, best, kept, rows[i, PAIR]))
        if counts[i, AGAIN] > 1:
            m = count(steps, numbers, m, float(counts[i, AGAIN]))
            m = stop(steps, say(steps, m, w.AGAIN))
        end, facts = put_steps(steps, numbers, m, data, starts, out, end, stops, facts)
    lists[rows.shape[0]] = facts
    return facts, end


@njit(cache=True, nogil=True)
def _contacts(
    steps: I64, numbers: F64, i: int, rows: I64, counts: I64, dst_hi: U64, dst_lo: U64, salt: U64,
    host_out: F32, host_in: F32, pairs: F32, near_key: U64, near: F32, past: F32, window: int, total: float,
) -> int:  # fmt: skip
    """How often hosts and pairs were seen."""
    m = 0
    pair, back, source, there = (
        rows[i, PAIR],
        rows[i, BACK],
        rows[i, SOURCE],
        rows[i, DESTINATION],
    )
    if pair >= 0:
        m = say(steps, m, w.KNOWN)
        m = _say_counting(steps, numbers, m, pairs[pair, 0], w.PLAIN)
        return stop(steps, m)
    if back >= 0 and pairs[back, 0] != 0:
        m = say(steps, m, w.TURNED)
        m = _say_counting(steps, numbers, m, pairs[back, 0], w.WAY)
    else:
        m = say(steps, m, w.FIRST)
    m = stop(steps, m)
    usual = past.shape[0] > 0 and total > 0
    if counts[i, FROM] > 1:
        often = _usual(past, host_out, source, 0, window, total) if usual else np.float32(-1)
        m = say(steps, m, w.MET)
        m = count(steps, numbers, m, float(counts[i, FROM]))
        m = say(steps, m, w.HOSTS)
        m = _say_usual(steps, numbers, m, often)
        m = stop(steps, m)
    if usual and counts[i, INTO] > 1:
        often = _usual(past, host_in, there, 1, window, total)
        m = say(steps, m, w.MET_BY)
        m = count(steps, numbers, m, float(counts[i, INTO]))
        m = say(steps, m, w.HOSTS_BY)
        m = _say_usual(steps, numbers, m, often)
        m = stop(steps, m)
    if source < 0 or host_out[source, 0] == 0:
        m = say(steps, m, w.NO_SOURCE if source < 0 else w.SILENT)
        m = stop(steps, m)
    if there < 0:
        m = say(steps, m, w.NO_DESTINATION)
        hi, lo = dst_hi[i], dst_lo[i]
        m = _say_network(steps, numbers, m, near_key, near, salt, hi, lo)
    else:
        m = say(steps, m, w.SEEN)
        m = _say_counting(steps, numbers, m, host_in[there, 0], w.TO_IT)
    return stop(steps, m)


@njit(cache=True, nogil=True)
def _usual(past: F32, table: F32, at: int, role: int, window: int, total: float) -> np.float32:
    """How many hosts are new to one in a window of this size, -1 where memory cannot tell."""
    if at < 0 or not table[at, 0] > 0 or not past[at, role] >= 0:
        return np.float32(-1)
    return np.float32((past[at, role] + np.float32(1)) * np.float32(window) / np.float32(total))


@njit(cache=True, nogil=True)
def _say_usual(steps: I64, numbers: F64, m: int, often: np.float32) -> int:
    if often < 0:
        return m
    if often < 0.5:
        return say(steps, m, w.RARELY)
    m = say(steps, m, w.USUALLY)
    m = count(steps, numbers, m, np.rint(np.float64(often)))
    return say(steps, m, w.OF_WINDOW)


@njit(cache=True, nogil=True)
def _say_counting(steps: I64, numbers: F64, m: int, number: np.float32, which: int) -> int:
    """How many flows count in memory, where a burst counts once."""
    form = w.COUNTING + which
    if number < 0.5:
        # what has faded
        return say(steps, m, form)
    whole = np.rint(np.float64(number))
    m = count(steps, numbers, m, whole)
    return say(steps, m, form + (1 if whole == 1 else 2))


@njit(cache=True, nogil=True)
def _say_network(
    steps: I64, numbers: F64, m: int, near_key: U64, near: F32, salt: U64, hi: np.uint64, lo: np.uint64
) -> int:
    """How many hosts are known of an unknown one's narrow prefix, else of its wide one."""
    if near_key.shape[0] == 0:
        return m
    four = hi == 0 and lo >> np.uint64(32) == np.uint64(0xFFFF)
    for wide in range(2):
        # as `model.prefixes.prefix_keys`
        inside = np.uint64(0xFFFF if wide else 0xFF)
        high = hi & ~np.uint64(0xFFFF) if wide else hi
        key = host_key(high, lo & ~inside if four else np.uint64(0), salt[1 + wide])
        at = find(near_key, key)
        if at >= 0:
            hosts = np.rint(np.float64(near[at, 0]))
            m = say(steps, m, w.AND)
            m = count(steps, numbers, m, hosts)
            form = 2 * ((0 if four else 2) + wide) + (0 if hosts == 1 else 1)
            return say(steps, m, w.NETWORKS + form)
    return m


@njit(cache=True, nogil=True)
def _ranges(
    steps: I64, numbers: F64, m: int, i: int, rows: I64, x: F32, attributes: F32, missing: Bool, pairs: F32,
    host_out: F32, mean: F32, scale: F32,
) -> int:  # fmt: skip
    """Each attribute that is outside of what its pair, or an unknown pair's source, has shown."""
    pair, source = rows[i, PAIR], rows[i, SOURCE]
    whose = 0 if pair >= 0 else 1
    if pair < 0 and source < 0:
        return m
    table, row = host_out, source
    if pair >= 0:
        table, row = pairs, pair
    flows = np.float64(table[row, 0])
    if not flows > 0:
        return m
    if flows < 1.5 and (table[row, 4] > 0 or table[row, 5] > 0 or table[row, 6] > 0):
        # a burst counts as one flow in memory, and differs in itself
        flows = 0.0
    for k in range(3):
        if k == 2 and missing[i]:
            continue
        centre, spread = np.float64(table[row, 1 + k]), max(np.float64(table[row, 4 + k]), _FINEST)
        away, level = abs(np.float64(x[i, k]) - centre) / spread, 0
        # slightly beyond a range, so that its ends can be rounded outwards
        while level < _LEVELS and not away > 1.01 * _AWAY[level]:
            level += 1
        if level == _LEVELS:
            continue
        low, high = centre - _AWAY[level] * spread, centre + _AWAY[level] * spread
        # values beyond were clipped when counted
        if low <= -_CLIP or high >= _CLIP:
            continue
        low, high = (
            _counted(low, mean[k], scale[k]),
            _counted(high, mean[k], scale[k]),
        )
        low, high = _rounded(max(low, 0.0), False), _rounded(high, True)
        value = np.float64(attributes[i, k])
        # no longer outside, once the ends are rounded
        if low <= value <= high:
            continue
        m = figure(steps, numbers, m, value)
        whole = np.rint(flows)
        form = 2 * k + whose
        one = whole == 1
        m = say(steps, m, w.AS_ONE + form if one else w.LEAST + _LEVELS * form + level)
        m = count(steps, numbers, m, low)
        if low != high:
            m = say(steps, m, w.TO)
            m = count(steps, numbers, m, high)
        if whole > 1:
            m = say(steps, m, w.OPEN)
            m = count(steps, numbers, m, whole)
            m = say(steps, m, w.CLOSE)
        m = stop(steps, m)
    return m


@njit(cache=True, nogil=True)
def _counted(value: float, mean: np.float32, scale: np.float32) -> float:
    """An attribute as counted, from its standardised one."""
    inside = min(max(value, -_CLIP), _CLIP)
    return math.expm1(inside * np.float64(scale) + np.float64(mean))


@njit(cache=True, nogil=True)
def _rounded(value: float, up: bool) -> float:
    """An end of a range in at most four figures, outwards."""
    step, places = 1.0, math.floor(math.log10(max(value, 1.0))) - 3
    while places > 0:
        step *= 10.0
        places -= 1
    parts = value / step
    return float((np.ceil(parts) if up else np.floor(parts)) * step)
