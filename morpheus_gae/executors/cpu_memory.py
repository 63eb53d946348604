"""Memory look-ups for the CPU executor: hash tables over the artifact's keys, and the pairs' numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.model.memory import Memory

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
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


@njit(cache=True, nogil=True, fastmath=True)
def gather(
    lo: int,
    pair_src: I32,
    pair_dst: I32,
    host: I32,
    forward: I32,
    reverse: I32,
    host_out: F32,
    host_in: F32,
    pair: F32,
    pair_types: F32,
    flags: F32,
    existence: F32,
    profile: F32,
    types: F32,
) -> None:
    """Existence numbers and flags, profile numbers, and type counts of one block of pairs.

    Counters come with log1p(count) / 4 in column 0 and mean and deviation in 1:7.
    """
    for i in range(existence.shape[0]):
        s, d = pair_src[lo + i], pair_dst[lo + i]
        hs, hd = host[s], host[d]
        p, r = forward[lo + i], reverse[lo + i]
        for c in range(10):
            existence[i, c] = 0.0
        for c in range(24):
            profile[i, c] = 0.0
        if p >= 0:
            existence[i, 0] = pair[p, 0]
            existence[i, 6] = 1.0
            profile[i, 0] = pair[p, 0]
            profile[i, 1] = 1.0
            for c in range(6):
                profile[i, 2 + c] = pair[p, 1 + c]
            for c in range(types.shape[1]):
                types[i, c] = pair_types[p, c]
        else:
            for c in range(types.shape[1]):
                types[i, c] = 0.0
        if r >= 0:
            existence[i, 1] = pair[r, 0]
            existence[i, 7] = 1.0
        if hs >= 0:
            existence[i, 2] = host_out[hs, 0]
            existence[i, 3] = host_in[hs, 0]
            existence[i, 8] = 1.0
            if host_out[hs, 0] > 0:
                profile[i, 8] = host_out[hs, 0]
                profile[i, 9] = 1.0
                for c in range(6):
                    profile[i, 10 + c] = host_out[hs, 1 + c]
        if hd >= 0:
            existence[i, 4] = host_out[hd, 0]
            existence[i, 5] = host_in[hd, 0]
            existence[i, 9] = 1.0
            if host_in[hd, 0] > 0:
                profile[i, 16] = host_in[hd, 0]
                profile[i, 17] = 1.0
                for c in range(6):
                    profile[i, 18 + c] = host_in[hd, 1 + c]
        for c in range(5):
            existence[i, 10 + c] = flags[s, c]
            existence[i, 15 + c] = flags[d, c]


def _logged(counters: F32) -> F32:
    out = np.array(counters, np.float32)
    out[:, 0] = np.log1p(out[:, 0]) / np.float32(4)
    return out


@dataclass(frozen=True)
class Found:
    """Rows of a window's hosts [N], pairs [P] and reverse pairs [P] in memory, -1 where unknown."""

    host: I32
    forward: I32
    reverse: I32

    @property
    def unseen_hosts(self) -> int:
        """Hosts that memory does not know."""
        return int((self.host < 0).sum())


class CpuMemory:
    """The artifact's memory, ready for look-ups."""

    def __init__(self, memory: Memory) -> None:
        self.salt = memory.salt
        self.hosts, self.pairs = Table(memory.host_key), Table(memory.pair_key)
        self.host_out, self.host_in = _logged(memory.host_out), _logged(memory.host_in)
        self.pair = _logged(memory.pair)
        self.pair_types = np.ascontiguousarray(memory.pair_types.astype(np.float32))

    def find(self, host_hi: U64, host_lo: U64, pair_src: I32, pair_dst: I32) -> Found:
        """Look a window's hosts and pairs up."""
        from morpheus_gae.model.memory import host_keys, pair_keys

        keys = host_keys(host_hi, host_lo, self.salt)
        src, dst = keys[pair_src], keys[pair_dst]
        return Found(
            self.hosts.find(keys), self.pairs.find(pair_keys(src, dst)), self.pairs.find(pair_keys(dst, src))
        )
