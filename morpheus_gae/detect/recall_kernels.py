"""Compiled recall: what the model's memory has on the pairs and hosts of flagged flows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.detect.habits import FEWEST, FINEST
from morpheus_gae.model.features import CLIP

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

PAIR, BACK, SOURCE, DESTINATION = range(4)
"""Columns of ``rows``: the pair, its reverse, and the hosts at its ends."""
AGAIN, FROM, INTO = range(3)
"""Columns of ``counts``: alerts of the pair; new pairs of its source; new pairs of its destination."""

_FINEST, _FEWEST, _CLIP = float(FINEST), float(FEWEST), np.float32(CLIP)


class Ends(NamedTuple):
    """F flows: addresses uint64 [F], attributes float32 [F, 3], missing durations bool [F]."""

    src_hi: U64
    src_lo: U64
    dst_hi: U64
    dst_lo: U64
    attributes: F32
    missing: Bool


class Known(NamedTuple):
    """Tables of `model.memory.Memory`, those of prefixes and first meetings empty where there are none.

    ``salt`` is uint64 [3]: of hosts, of narrow and of wide prefixes; ``near`` of prefixes has the hosts that
    received flows first.
    """

    salt: U64
    host_key: U64
    host_out: F32
    host_in: F32
    pair_key: U64
    pair: F32
    near_key: U64
    near: F32
    past: F32
    mean: F32
    scale: F32


@njit(cache=True, nogil=True)
def mix(x: np.uint64) -> np.uint64:
    """`model.memory.mix` of one number."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def host_key(hi: np.uint64, lo: np.uint64, salt: np.uint64) -> np.uint64:
    """`model.memory.host_keys` of one address."""
    return mix(mix(hi + salt) + lo * np.uint64(0x9E3779B97F4A7C15))


@njit(cache=True, nogil=True)
def pair_key(src: np.uint64, dst: np.uint64) -> np.uint64:
    """`model.memory.pair_keys` of one pair."""
    return mix(src * np.uint64(0x9E3779B97F4A7C15) + (dst ^ (dst >> np.uint64(29))))


@njit(cache=True, nogil=True)
def find(sorted_keys: U64, key: np.uint64) -> int:
    """Position of a key, or -1."""
    low, size = 0, sorted_keys.shape[0]
    if size == 0:
        return -1
    while size > 1:
        half = size >> 1
        if sorted_keys[low + half] <= key:
            low += half
        size -= half
    return low if sorted_keys[low] == key else -1


@njit(cache=True, nogil=True)
def group(keys: U64, slots: I32, first: I32, of: I32) -> int:
    """Number equal keys, in the order in which they come.

    Parameters
    ----------
    keys
        uint64 [F], well mixed.
    slots
        int32, a power of two of more than F: room for a table, written.
    first
        int32 [F]: where each group comes first, written as far as there are groups.
    of
        int32 [F]: group of each key, written.

    Returns
    -------
    int
        How many groups there are.
    """
    slots[:] = -1
    mask, groups = np.uint64(slots.shape[0] - 1), 0
    for i in range(keys.shape[0]):
        at = keys[i] & mask
        while slots[at] >= 0 and keys[first[slots[at]]] != keys[i]:
            at = (at + np.uint64(1)) & mask
        if slots[at] < 0:
            slots[at] = groups
            first[groups] = i
            groups += 1
        of[i] = slots[at]
    return groups


@njit(cache=True, nogil=True)
def recall(
    ends: Ends, logs: F32, known: Known, code: U64, rows: I64, counts: I64, x: F32, pairs: F64, hosts: F64
) -> None:
    """Look up flagged flows of a window.

    Parameters
    ----------
    ends
        F flows.
    logs
        float32 [F, 3]: log1p of their attributes.
    known
        Memory.
    code, rows, counts
        uint64 [F], int64 [F, 4], int64 [F, 3], written: key of each pair; positions in memory, -1 where there
        is none (of a reverse, only where the pair is new); what the window's flagged flows have.
    x
        float32 [F, 3], written: standardised attributes, as `model.features.edge_features`.
    pairs, hosts
        float64 [F], written: percent of the flows of the pair, and of the source, that are nearer to their
        mean, at least; NaN where memory cannot tell.
    """
    n = ends.src_lo.shape[0]
    src, dst = np.empty(n, np.uint64), np.empty(n, np.uint64)
    for i in range(n):
        src[i] = host_key(ends.src_hi[i], ends.src_lo[i], known.salt[0])
        dst[i] = host_key(ends.dst_hi[i], ends.dst_lo[i], known.salt[0])
        code[i] = pair_key(src[i], dst[i])
    size = 16
    while size < 2 * n:
        size *= 2
    slots = np.empty(size, np.int32)
    first, of = np.empty((3, n), np.int32), np.empty((3, n), np.int32)
    row, number = np.empty((4, n), np.int64), np.zeros((3, n), np.int64)
    sources = group(src, slots, first[1], of[1])
    targets = group(dst, slots, first[2], of[2])
    met = group(code, slots, first[0], of[0])
    for g in range(sources):
        row[1, g] = find(known.host_key, src[first[1, g]])
    for g in range(targets):
        row[2, g] = find(known.host_key, dst[first[2, g]])
    for g in range(met):
        i = first[0, g]
        row[0, g], row[3, g] = find(known.pair_key, code[i]), -1
        if row[0, g] < 0:
            row[3, g] = find(known.pair_key, pair_key(dst[i], src[i]))
            number[1, of[1, i]] += 1
            number[2, of[2, i]] += 1
    for i in range(n):
        number[0, of[0, i]] += 1
    for i in range(n):
        p, s, d = of[0, i], of[1, i], of[2, i]
        rows[i, PAIR], rows[i, BACK], rows[i, SOURCE], rows[i, DESTINATION] = (
            row[0, p],
            row[3, p],
            row[1, s],
            row[2, d],
        )
        counts[i, AGAIN], counts[i, FROM], counts[i, INTO] = number[0, p], number[1, s], number[2, d]
        for k in range(3):
            v = (logs[i, k] - known.mean[k]) / known.scale[k]
            x[i, k] = min(max(v, -_CLIP), _CLIP)
        pairs[i] = _nearer(x[i], known.pair, row[0, p])
        hosts[i] = _nearer(x[i], known.host_out, row[1, s])


@njit(cache=True, nogil=True)
def _nearer(x: F32, table: F32, at: int) -> float:
    """Percent of the flows in memory that are nearer to the mean, at least; NaN where memory cannot tell."""
    if at < 0 or table[at, 0] < _FEWEST:
        return np.nan
    total = 0.0
    for k in range(3):
        away = np.float64(x[k]) - np.float64(table[at, 1 + k])
        away /= max(np.float64(table[at, 4 + k]), _FINEST)
        total += away * away
    # by Markov's inequality, see `detect.habits`
    if not total > 3:
        return np.nan
    n = np.float64(table[at, 0])
    return float(np.floor(1e4 * min(1 - 3 / total, n / (n + 1))) / 100)


def as_table(array: Any) -> Any:
    """Return a read-only view: kernels are compiled once, whoever made the array."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
