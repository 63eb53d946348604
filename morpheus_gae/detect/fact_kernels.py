"""Compiled facts: writes the sentences of flagged flows, one after the other, as bytes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.detect import fact_words as w
from morpheus_gae.detect.habits import FINEST, WITHIN
from morpheus_gae.detect.number_kernels import put_figure, put_whole, put_word_of
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
from morpheus_gae.detect.type_kernels import Types, put_looks
from morpheus_gae.model.features import CLIP

F32 = npt.NDArray[np.float32]
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
    end, facts, few = 0, 0, 0
    stops[0] = 0
    for i in range(flagged.rows.shape[0]):
        lists[i] = facts
        if few == at.shape[0] or at[few] != i:
            continue
        few += 1
        end, facts = _contacts(out, end, stops, facts, i, flagged, known, data, starts, window, total)
        end, facts = _ranges(out, end, stops, facts, i, flagged, known, data, starts)
        if types.high.shape[0]:
            attributes, missing = flagged.ends.attributes[i], flagged.ends.missing[i]
            end = put_looks(out, end, types, flagged.rows[i, PAIR], attributes, missing, data, starts)
            facts = _told(stops, facts, end)
        if flagged.counts[i, AGAIN] > 1:
            end = put_whole(out, end, float(flagged.counts[i, AGAIN]))
            end = put_word_of(out, end, data, starts, w.AGAIN)
            facts = _told(stops, facts, end)
    lists[flagged.rows.shape[0]] = facts
    return facts, end


@njit(cache=True, nogil=True)
def _told(stops: I32, facts: int, end: int) -> int:
    stops[facts + 1] = end
    return facts + 1


@njit(cache=True, nogil=True)
def _contacts(
    out: U8, end: int, stops: I32, facts: int, i: int, flagged: Flagged, known: Known, data: U8, starts: I64,
    window: int, total: float,
) -> tuple[int, int]:  # fmt: skip
    """How often hosts and pairs were seen."""
    pair, back, source, there = (
        flagged.rows[i, PAIR],
        flagged.rows[i, BACK],
        flagged.rows[i, SOURCE],
        flagged.rows[i, DESTINATION],
    )
    if pair >= 0:
        end = put_word_of(out, end, data, starts, w.KNOWN)
        end = _put_counting(out, end, data, starts, known.pair[pair, 0], w.PLAIN)
        return end, _told(stops, facts, end)
    if back >= 0 and known.pair[back, 0] != 0:
        end = put_word_of(out, end, data, starts, w.TURNED)
        end = _put_counting(out, end, data, starts, known.pair[back, 0], w.WAY)
    else:
        end = put_word_of(out, end, data, starts, w.FIRST)
    facts = _told(stops, facts, end)
    usual = known.past.shape[0] > 0 and total > 0
    share = (known, np.float32(window), np.float32(total))
    if flagged.counts[i, FROM] > 1:
        often = _usual(share, source, known.host_out, 0) if usual else np.float32(-1)
        end = put_word_of(out, end, data, starts, w.MET)
        end = put_whole(out, end, float(flagged.counts[i, FROM]))
        end = put_word_of(out, end, data, starts, w.HOSTS)
        end = _put_usual(out, end, data, starts, often)
        facts = _told(stops, facts, end)
    if usual and flagged.counts[i, INTO] > 1:
        often = _usual(share, there, known.host_in, 1)
        end = put_word_of(out, end, data, starts, w.MET_BY)
        end = put_whole(out, end, float(flagged.counts[i, INTO]))
        end = put_word_of(out, end, data, starts, w.HOSTS_BY)
        end = _put_usual(out, end, data, starts, often)
        facts = _told(stops, facts, end)
    if source < 0 or known.host_out[source, 0] == 0:
        end = put_word_of(out, end, data, starts, w.NO_SOURCE if source < 0 else w.SILENT)
        facts = _told(stops, facts, end)
    if there < 0:
        end = put_word_of(out, end, data, starts, w.NO_DESTINATION)
        end = _put_network(out, end, data, starts, known, flagged.ends.dst_hi[i], flagged.ends.dst_lo[i])
    else:
        end = put_word_of(out, end, data, starts, w.SEEN)
        end = _put_counting(out, end, data, starts, known.host_in[there, 0], w.TO_IT)
    return end, _told(stops, facts, end)


@njit(cache=True, nogil=True)
def _usual(share: Any, at: int, table: F32, role: int) -> np.float32:
    """How many hosts are new to one in a window of this size, -1 where memory cannot tell."""
    known, window, total = share
    if at < 0 or not table[at, 0] > 0 or not known.past[at, role] >= 0:
        return np.float32(-1)
    return np.float32((known.past[at, role] + np.float32(1)) * window / total)


@njit(cache=True, nogil=True)
def _put_usual(out: U8, end: int, data: U8, starts: I64, often: np.float32) -> int:
    if often < 0:
        return end
    if often < 0.5:
        return put_word_of(out, end, data, starts, w.RARELY)
    end = put_word_of(out, end, data, starts, w.USUALLY)
    end = put_whole(out, end, np.rint(np.float64(often)))
    return put_word_of(out, end, data, starts, w.OF_WINDOW)


@njit(cache=True, nogil=True)
def _put_counting(out: U8, end: int, data: U8, starts: I64, number: np.float32, which: int) -> int:
    """How many flows count in memory, where a burst counts once."""
    form = w.COUNTING + which
    if number < 0.5:
        # what has faded
        return put_word_of(out, end, data, starts, form)
    whole = np.rint(np.float64(number))
    end = put_whole(out, end, whole)
    return put_word_of(out, end, data, starts, form + (1 if whole == 1 else 2))


@njit(cache=True, nogil=True)
def _put_network(out: U8, end: int, data: U8, starts: I64, known: Known, hi: np.uint64, lo: np.uint64) -> int:
    """How many hosts are known of an unknown one's narrow prefix, else of its wide one."""
    if known.near_key.shape[0] == 0:
        return end
    four = hi == 0 and lo >> np.uint64(32) == np.uint64(0xFFFF)
    for wide in range(2):
        # as `model.prefixes.prefix_keys`
        inside = np.uint64(0xFFFF if wide else 0xFF)
        high = hi & ~np.uint64(0xFFFF) if wide else hi
        key = host_key(high, lo & ~inside if four else np.uint64(0), known.salt[1 + wide])
        at = find(known.near_key, key)
        if at >= 0:
            hosts = np.rint(np.float64(known.near[at, 0]))
            end = put_word_of(out, end, data, starts, w.AND)
            end = put_whole(out, end, hosts)
            form = 2 * ((0 if four else 2) + wide) + (0 if hosts == 1 else 1)
            return put_word_of(out, end, data, starts, w.NETWORKS + form)
    return end


@njit(cache=True, nogil=True)
def _ranges(
    out: U8, end: int, stops: I32, facts: int, i: int, flagged: Flagged, known: Known, data: U8, starts: I64
) -> tuple[int, int]:
    """Each attribute that is outside of what its pair, or an unknown pair's source, has shown."""
    pair, source = flagged.rows[i, PAIR], flagged.rows[i, SOURCE]
    whose = 0 if pair >= 0 else 1
    if pair < 0 and source < 0:
        return end, facts
    row = known.pair[pair] if pair >= 0 else known.host_out[source]
    flows = np.float64(row[0])
    if not flows > 0:
        return end, facts
    if flows < 1.5 and (row[4] > 0 or row[5] > 0 or row[6] > 0):
        # a burst counts as one flow in memory, and differs in itself
        flows = 0.0
    for k in range(3):
        if k == 2 and flagged.ends.missing[i]:
            continue
        centre, spread = np.float64(row[1 + k]), max(np.float64(row[4 + k]), _FINEST)
        away, level = abs(np.float64(flagged.x[i, k]) - centre) / spread, 0
        # slightly beyond a range, so that its ends can be rounded outwards
        while level < _LEVELS and not away > 1.01 * _AWAY[level]:
            level += 1
        if level == _LEVELS:
            continue
        low, high = centre - _AWAY[level] * spread, centre + _AWAY[level] * spread
        # values beyond were clipped when counted
        if low <= -_CLIP or high >= _CLIP:
            continue
        low, high = _counted(low, known, k), _counted(high, known, k)
        low, high = _rounded(max(low, 0.0), False), _rounded(high, True)
        value = np.float64(flagged.ends.attributes[i, k])
        # no longer outside, once the ends are rounded
        if low <= value <= high:
            continue
        end = put_figure(out, end, value)
        whole = np.rint(flows)
        form = 2 * k + whose
        one = whole == 1
        end = put_word_of(out, end, data, starts, w.ONLY + form if one else w.LEAST + _LEVELS * form + level)
        end = put_whole(out, end, low)
        if low != high:
            end = put_word_of(out, end, data, starts, w.TO)
            end = put_whole(out, end, high)
        if whole > 1:
            end = put_word_of(out, end, data, starts, w.OPEN)
            end = put_whole(out, end, whole)
            end = put_word_of(out, end, data, starts, w.CLOSE)
        facts = _told(stops, facts, end)
    return end, facts


@njit(cache=True, nogil=True)
def _counted(value: float, known: Known, k: int) -> float:
    """An attribute as counted, from its standardised one."""
    inside = min(max(value, -_CLIP), _CLIP)
    return math.expm1(inside * np.float64(known.scale[k]) + np.float64(known.mean[k]))


@njit(cache=True, nogil=True)
def _rounded(value: float, up: bool) -> float:
    """An end of a range in at most four figures, outwards."""
    step, places = 1.0, math.floor(math.log10(max(value, 1.0))) - 3
    while places > 0:
        step *= 10.0
        places -= 1
    parts = value / step
    return float((np.ceil(parts) if up else np.floor(parts)) * step)
