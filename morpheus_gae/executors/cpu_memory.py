"""Memory look-ups for the CPU executor: hash tables over the artifact's keys."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu_lines import lines_of
from morpheus_gae.graph.prefetch import prefetch
from morpheus_gae.model.memory import Memory, host_keys

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
U16 = npt.NDArray[np.uint16]
U64 = npt.NDArray[np.uint64]

BLOCK = 64


@njit(cache=True, nogil=True)
def fill(keys: U64, slots: I32) -> None:
    """Insert every key's position into an open-addressing table of -1s; keys are already well mixed."""
    mask = np.uint64(slots.shape[0] - 1)
    for i in range(keys.shape[0]):
        at = keys[i] & mask
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = i


@njit(cache=True, nogil=True)
def probe(table_keys: U64, slots: I32, keys: U64, out: I32) -> None:
    """Position of each key in ``table_keys``, or -1."""
    mask = np.uint64(slots.shape[0] - 1)
    first = np.empty(BLOCK, np.int32)
    n = keys.shape[0]
    for lo in range(0, n, BLOCK):
        hi = min(lo + BLOCK, n)
        # the loads of one block do not depend on each other, so their cache misses overlap
        for i in range(lo, hi):
            first[i - lo] = slots[keys[i] & mask]
        for i in range(lo, hi):
            found = first[i - lo]
            at = keys[i] & mask
            while found >= 0 and table_keys[found] != keys[i]:
                at = (at + np.uint64(1)) & mask
                found = slots[at]
            out[i] = found


class Table:
    """A hash table from uint64 key to row."""

    def __init__(self, keys: U64) -> None:
        self.keys = np.ascontiguousarray(keys)
        size = 1 << max(int(2 * keys.shape[0] - 1).bit_length(), 4)
        self.slots = np.full(size, -1, np.int32)
        fill(self.keys, self.slots)

    def find(self, keys: U64) -> I32:
        """int32 row of each key, -1 where there is none."""
        out = np.empty(keys.shape[0], np.int32)
        probe(self.keys, self.slots, np.ascontiguousarray(keys), out)
        return out


@njit(cache=True, nogil=True)
def _mix(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def _pair_key(src: np.uint64, dst: np.uint64) -> np.uint64:
    """`model.memory.pair_keys` of one pair."""
    return _mix(src * np.uint64(0x9E3779B97F4A7C15) + (dst ^ (dst >> np.uint64(29))))


@njit(cache=True, nogil=True)
def find_pairs(
    lo: int, hi: int, pair_src: I32, pair_dst: I32, keys: U64, table_keys: U64, slots: I32,
    forward: I32, reverse: I32,
) -> None:  # fmt: skip
    """Rows of pairs ``lo:hi`` and of their reverses in memory, -1 where there is none.

    Parameters
    ----------
    keys
        uint64 [N] key of each host.
    forward, reverse
        int32 [hi - lo], written.
    """
    mask = np.uint64(slots.shape[0] - 1)
    there, back = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    for first in range(lo, hi, BLOCK):
        m = min(BLOCK, hi - first)
        for j in range(m):
            s, d = keys[pair_src[first + j]], keys[pair_dst[first + j]]
            there[j], back[j] = _pair_key(s, d), _pair_key(d, s)
            prefetch(slots, np.int64(there[j] & mask))
            prefetch(slots, np.int64(back[j] & mask))
        for j in range(m):
            f, r = slots[there[j] & mask], slots[back[j] & mask]
            forward[first - lo + j], reverse[first - lo + j] = f, r
            if f >= 0:
                prefetch(table_keys, f)
            if r >= 0:
                prefetch(table_keys, r)
        for j in range(m):
            forward[first - lo + j] = _settle(there[j], forward[first - lo + j], table_keys, slots, mask)
            reverse[first - lo + j] = _settle(back[j], reverse[first - lo + j], table_keys, slots, mask)


@njit(cache=True, nogil=True)
def _settle(key: np.uint64, found: np.int32, table_keys: U64, slots: I32, mask: np.uint64) -> np.int32:
    """Go on from the first slot's row until the key is found or cannot be there."""
    at = key & mask
    while found >= 0 and table_keys[found] != key:
        at = (at + np.uint64(1)) & mask
        found = slots[at]
    return found


def _logged(counters: F32) -> F32:
    out = lines_of(np.asarray(counters, np.float32), 8)
    out[:, 0] = np.log1p(out[:, 0]) / np.float32(4)
    return out


class Counters(NamedTuple):
    """The memory as the kernels take it.

    Attributes
    ----------
    keys, slots
        Hash table over the pairs.
    pair
        float32 [Q, 8]: log1p(count) / 4, then mean (3) and deviation (3).
    host
        float32 [H, 16]: likewise as a source, and from column 8 on as a destination.
    types
        uint16 [Q, K]: bits of the float16 type counts, half the memory traffic of float32.
    """

    keys: U64
    slots: I32
    pair: F32
    host: F32
    types: U16


class CpuMemory:
    """The artifact's memory, ready for look-ups."""

    def __init__(self, memory: Memory) -> None:
        self.salt = memory.salt
        self.hosts = Table(memory.host_key)
        pairs = Table(memory.pair_key)
        types = np.ascontiguousarray(memory.pair_types, np.float16).view(np.uint16)
        host = np.concatenate([_logged(memory.host_out), _logged(memory.host_in)], 1)
        self.counters = Counters(
            pairs.keys, pairs.slots, _logged(memory.pair), lines_of(host, 16), lines_of(types, types.shape[1])
        )

    def find_hosts(self, host_hi: U64, host_lo: U64) -> tuple[U64, I32]:
        """Key [N] of a window's hosts, and their rows in memory, -1 where unknown."""
        keys = host_keys(host_hi, host_lo, self.salt)
        return keys, self.hosts.find(keys)
