"""Memory look-ups for the CPU executor: hash tables over the artifact's keys."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.lines import lines_of
from morpheus_gae.graph.prefetch import prefetch
from morpheus_gae.model.memory import Memory, host_keys
from morpheus_gae.model.prefixes import Prefixes, prefix_keys

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
def find_kin(
    chosen: I32, lo: int, pair_src: I32, pair_dst: I32, key: U64, narrow: U64, wide: U64, kin_keys: U64,
    kin_slots: I32, first: int, forward: I32, reverse: I32,
) -> None:  # fmt: skip
    """Rows of the kin of pairs that have none, see `model.prefixes`.

    Parameters
    ----------
    chosen
        int32 pairs, at ``lo`` and on in ``forward`` and ``reverse``, which are written.
    first
        Row of the first kin.
    """
    mask = np.uint64(kin_slots.shape[0] - 1)
    for p in chosen:
        if forward[p - lo] >= 0:
            continue
        s, d = pair_src[p], pair_dst[p]
        near = _settled(_pair_key(narrow[s], key[d]), kin_keys, kin_slots, mask)
        if near < 0:
            near = _settled(_pair_key(wide[s], key[d]), kin_keys, kin_slots, mask)
        if near >= 0:
            forward[p - lo] = near + first
        if reverse[p - lo] < 0:
            back = _settled(_pair_key(key[s], narrow[d]), kin_keys, kin_slots, mask)
            if back >= 0:
                reverse[p - lo] = back + first


@njit(cache=True, nogil=True)
def _settled(key: np.uint64, table_keys: U64, slots: I32, mask: np.uint64) -> np.int32:
    return _settle(key, slots[key & mask], table_keys, slots, mask)


@njit(cache=True, nogil=True)
def _settle(key: np.uint64, found: np.int32, table_keys: U64, slots: I32, mask: np.uint64) -> np.int32:
    """Go on from the first slot's row until the key is found or cannot be there."""
    at = key & mask
    while found >= 0 and table_keys[found] != key:
        at = (at + np.uint64(1)) & mask
        found = slots[at]
    return found


def _logged(counters: F32, seen: F32 | None = None) -> F32:
    """Rows of 8; the last number is "seen", 1 by default."""
    out = lines_of(np.asarray(counters, np.float32), 8)
    out[:, 0] = np.log1p(out[:, 0]) / np.float32(4)
    out[:, 7] = 1 if seen is None else seen
    return out


class Counters(NamedTuple):
    """The memory as the kernels take it.

    Attributes
    ----------
    keys, slots
        Hash table over the pairs.
    kin_keys, kin_slots
        Likewise over the kin of pairs, whose rows are behind theirs; without prefixes of no key.
    pair
        float32 [Q + G, 8]: log1p(count) / 4, mean (3), deviation (3), and "seen".
    host
        float32 [H + R, 16]: likewise as a source, and from column 8 on as a destination.
    types
        uint16 [Q + G, K]: bits of the float16 type counts, half the memory traffic of float32.
    """

    keys: U64
    slots: I32
    kin_keys: U64
    kin_slots: I32
    pair: F32
    host: F32
    types: U16


class Places(NamedTuple):
    """Where a window's hosts are in memory.

    Attributes
    ----------
    key
        uint64 [N].
    narrow, wide
        uint64 [N] keys of their prefixes; [0] without prefixes.
    found
        int32 [N] row of each, -1 where unknown.
    row
        int32 [N] likewise, or the row of its prefix.
    """

    key: U64
    narrow: U64
    wide: U64
    found: I32
    row: I32


class CpuMemory:
    """The artifact's memory, ready for look-ups.

    Parameters
    ----------
    memory
        Of hosts and pairs.
    prefixes
        What stands in for those it does not know.
    """

    def __init__(self, memory: Memory, prefixes: Prefixes | None = None) -> None:
        self.salt = memory.salt
        self.hosts, pairs = Table(memory.host_key), Table(memory.pair_key)
        pair, types = [_logged(memory.pair)], [memory.pair_types]
        host = [np.concatenate([_logged(memory.host_out), _logged(memory.host_in)], 1)]
        self.prefixes = None if prefixes is None else Table(prefixes.key)
        kin = Table(np.zeros(0, np.uint64) if prefixes is None else prefixes.pair_key)
        if prefixes is not None:
            out, into = (_logged(side, prefixes.seen) for side in (prefixes.out, prefixes.into))
            host.append(np.concatenate([out, into], 1))
            pair.append(_logged(prefixes.pair, prefixes.pair_seen))
            types.append(prefixes.pair_types)
        kinds = np.ascontiguousarray(np.concatenate(types), np.float16).view(np.uint16)
        self.counters = Counters(
            pairs.keys, pairs.slots, kin.keys, kin.slots, lines_of(np.concatenate(pair), 8),
            lines_of(np.concatenate(host), 16), lines_of(kinds, kinds.shape[1]),
        )  # fmt: skip

    def find_hosts(self, host_hi: U64, host_lo: U64) -> Places:
        """Keys of a window's hosts, and where they are."""
        keys = host_keys(host_hi, host_lo, self.salt)
        found = self.hosts.find(keys)
        if self.prefixes is None:
            none = np.zeros(0, np.uint64)
            return Places(keys, none, none, found, found)
        narrow, wide = prefix_keys(host_hi, host_lo, self.salt)
        unknown = np.flatnonzero(found < 0)
        near, wider = self.prefixes.find(narrow[unknown]), self.prefixes.find(wide[unknown])
        near = np.where(near >= 0, near, wider)
        row = found.copy()
        row[unknown] = np.where(near >= 0, near + np.int32(self.hosts.keys.shape[0]), -1)
        return Places(keys, narrow, wide, found, row)
