"""Distinct pairs by parts: flows are dealt out by a hash of their pair, and each part is numbered alone.

A part's hash table stays in the inner caches whatever the window's size, and parts share nothing, so threads
take some each. Flows are dealt out chunk by chunk, each chunk within its own stretch of memory; a part is
then read chunk after chunk, its flows in the window's order. Which flow is the first of its pair therefore
does not depend on the parts, and counting those flows gives every pair its number by first appearance: the
same for any number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.graph import parallel
from morpheus_gae.graph.mixing import host_hash, mix
from morpheus_gae.graph.prefetch import prefetch

I32 = npt.NDArray[np.int32]
U16 = npt.NDArray[np.uint16]
U64 = npt.NDArray[np.uint64]

CHUNK, SHORT = 1 << 15, 1 << 13
"""Flows of a chunk, and in a window too short for many of those."""
GRAIN = 8192
"""Least flows of a thread's range."""
BLOCK = 64
PARTS = 128
"""Parts of pairs between two IPv4 addresses; those that involve IPv6 have as many of their own."""
FIRST = 1 << 10
"""Slots of a part's first table."""
_PART_SHIFT = np.uint64(57)
_S32 = np.uint64(32)
_ONE, LOW, V4 = np.uint64(1), np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
SIX = np.uint64(1 << 32)
"""Bit of a code that tells an address looked up in its column; the 32 bits below are its row there.
Without it they are an IPv4 address."""


class Pairs(NamedTuple):
    """Distinct pairs of a window.

    Attributes
    ----------
    pair
        int32 [E] pair of each flow, by first appearance.
    src, dst
        uint64 [P] codes of each pair's addresses, see `SIX`.
    flows
        int32 [P] flows of each pair.
    """

    pair: I32
    src: U64
    dst: U64
    flows: I32


@njit(cache=True, nogil=True)
def _deal(
    lo: int, hi: int, size: int, src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64, salt: np.uint64,
    keys: U64, rows: U16, starts: I32,
) -> None:  # fmt: skip
    """Sort each of chunks ``lo:hi`` by part: key and place in the chunk of every flow.

    The key of two IPv4 addresses is both of them, any other pair's a hash. ``starts`` is int32
    [chunks, 2 * PARTS + 1].
    """
    n = src_lo.shape[0]
    key_of, part_of = np.empty(size, np.uint64), np.empty(size, np.uint16)
    fill = np.empty(2 * PARTS, np.uint32)
    for chunk in range(lo, hi):
        first = chunk * size
        m = min(size, n - first)
        # slices: an index that starts at 0 needs no check for its sign, and the loop becomes vector code
        s_hi, s_lo = src_hi[first : first + m], src_lo[first : first + m]
        d_hi, d_lo = dst_hi[first : first + m], dst_lo[first : first + m]
        other = np.uint64(0)
        for j in range(m):
            other |= s_hi[j] | d_hi[j] | ((s_lo[j] >> _S32) ^ V4) | ((d_lo[j] >> _S32) ^ V4)
            key = (s_lo[j] << _S32) | (d_lo[j] & LOW)
            key_of[j] = key
            part_of[j] = np.uint16(mix(key ^ salt) >> _PART_SHIFT)
        if other != 0:
            for j in range(m):
                if s_hi[j] | d_hi[j] | ((s_lo[j] >> _S32) ^ V4) | ((d_lo[j] >> _S32) ^ V4):
                    a, b = host_hash(s_hi[j], s_lo[j], salt), host_hash(d_hi[j], d_lo[j], salt)
                    key = host_hash(a, b, salt)
                    key_of[j] = key
                    part_of[j] = np.uint16(mix(key ^ salt) >> _PART_SHIFT) + np.uint16(PARTS)
        for part in range(2 * PARTS):
            fill[part] = 0
        for j in range(m):
            fill[part_of[j]] += np.uint32(1)
        at = np.uint32(first)
        for part in range(2 * PARTS):
            starts[chunk, part] = at
            at, fill[part] = at + fill[part], at
        starts[chunk, 2 * PARTS] = at
        for j in range(m):
            part = part_of[j]
            to = fill[part]
            fill[part] = to + np.uint32(1)
            keys[to] = key_of[j]
            rows[to] = np.uint16(j)


@njit(cache=True, nogil=True)
def _larger(table: U64, salt: np.uint64) -> U64:
    """The same entries in a table of four times the slots."""
    new = np.zeros(4 * table.shape[0], np.uint64)
    mask = np.uint64(new.shape[0] // 2 - 1)
    for at in range(0, table.shape[0], 2):
        if table[at + 1] != 0:
            slot = mix(table[at] ^ salt) & mask
            while new[2 * slot + _ONE] != 0:
                slot = (slot + _ONE) & mask
            new[2 * slot], new[2 * slot + _ONE] = table[at], table[at + 1]
    return new


@njit(cache=True, nogil=True)
def _number_parts(
    lo: int, hi: int, size: int, src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64, salt: np.uint64,
    keys: U64, rows: U16, starts: I32, bases: I32, refs: I32, flows: I32, seen: I32, firsts: I32,
) -> None:  # fmt: skip
    """Number the pairs of parts ``lo:hi``, from each part's base.

    ``refs`` of a flow is its pair's number; of the pair's first flow, its complement. ``flows`` counts
    each pair's, ``firsts`` each chunk's first flows, ``seen`` is the first flow of pairs with IPv6.
    """
    table = np.zeros(2 * FIRST, np.uint64)
    slot_of = np.empty(BLOCK, np.uint64)
    for part in range(lo, hi):
        if bases[part + 1] == bases[part]:
            continue
        six = part >= PARTS
        base, count = bases[part], 0
        for at in range(table.shape[0]):
            table[at] = 0
        mask = np.uint64(table.shape[0] // 2 - 1)
        for chunk in range(starts.shape[0]):
            before = count
            for first in range(starts[chunk, part], starts[chunk, part + 1], BLOCK):
                m = min(BLOCK, starts[chunk, part + 1] - first)
                if 2 * (count + BLOCK) > table.shape[0] // 2:
                    table = _larger(table, salt)
                    mask = np.uint64(table.shape[0] // 2 - 1)
                for j in range(m):
                    slot_of[j] = mix(keys[first + j] ^ salt) & mask
                for j in range(m):
                    prefetch(table, 2 * np.int64(slot_of[j]))
                for j in range(m):
                    slot, key = slot_of[j], keys[first + j]
                    entry = table[2 * slot + _ONE]
                    while entry != 0:
                        if table[2 * slot] == key:
                            if not six:
                                break
                            # a hash may be another pair's too
                            i, k = chunk * size + rows[first + j], seen[base + np.int64(entry) - 1]
                            if (
                                src_lo[i] == src_lo[k] and dst_lo[i] == dst_lo[k]
                                and src_hi[i] == src_hi[k] and dst_hi[i] == dst_hi[k]
                            ):  # fmt: skip
                                break
                        slot = (slot + _ONE) & mask
                        entry = table[2 * slot + _ONE]
                    if entry == 0:
                        if six:
                            seen[base + count] = chunk * size + rows[first + j]
                        refs[first + j] = ~(base + count)
                        flows[base + count] = 1
                        count += 1
                        table[2 * slot], table[2 * slot + _ONE] = key, np.uint64(count)
                    else:
                        ref = base + np.int64(entry) - 1
                        refs[first + j] = ref
                        flows[ref] += 1
            firsts[chunk, part] = count - before


@njit(cache=True, nogil=True)
def _rank(
    lo: int, hi: int, size: int, keys: U64, rows: U16, starts: I32, refs: I32, flows: I32, ids: I32,
    numbers: I32, src: U64, dst: U64, pair_flows: I32,
) -> None:  # fmt: skip
    """Number the pairs that first appear in chunks ``lo:hi``, from each chunk's first id on."""
    record = np.empty(size, np.int32)
    # one more: what is written behind the last is not kept
    first_at, row_of = np.empty(size + 1, np.int32), np.empty(size + 1, np.int32)
    for chunk in range(lo, hi):
        start, stop = starts[chunk, 0], starts[chunk, 2 * PARTS]
        for at in range(start, stop):
            record[rows[at]] = at if refs[at] < 0 else -1
        # listed without a branch: nobody can guess which flow is a first
        m = 0
        for j in range(stop - start):
            first_at[m], row_of[m] = record[j], j
            m += int(record[j] >= 0)
        count, sixes = ids[chunk], starts[chunk, PARTS]
        for k in range(m):
            at = first_at[k]
            ref = ~refs[at]
            numbers[ref] = count
            pair_flows[count] = flows[ref]
            if at < sixes:
                src[count], dst[count] = keys[at] >> _S32, keys[at] & LOW
            else:
                src[count] = dst[count] = SIX | np.uint64(chunk * size + row_of[k])
            count += 1


@njit(cache=True, nogil=True)
def _settle(lo: int, hi: int, rows: U16, starts: I32, refs: I32, numbers: I32, pair: I32) -> None:
    """Pair of each flow of chunks ``lo:hi``."""
    for chunk in range(lo, hi):
        start, stop = starts[chunk, 0], starts[chunk, 2 * PARTS]
        own, row, ref = pair[start:stop], rows[start:stop], refs[start:stop]
        for j in range(stop - start):
            # a complement's sign bits turn it back
            own[row[j]] = numbers[np.uint32(ref[j] ^ (ref[j] >> np.int32(31)))]


def distinct_pairs(src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64, salt: np.uint64) -> Pairs:
    """Number the distinct ordered pairs of addresses.

    Parameters
    ----------
    src_hi, src_lo, dst_hi, dst_lo
        uint64 [E] addresses, IPv4 as IPv4-mapped IPv6.
    salt
        Of the hashes; the numbers do not depend on it.
    """
    e = src_lo.shape[0]
    size = CHUNK if e >= 32 * CHUNK else SHORT
    chunks, grain = -(-e // size), max(GRAIN // size, 1)
    columns = size, src_hi, src_lo, dst_hi, dst_lo, salt
    keys, rows = np.empty(e, np.uint64), np.empty(e, np.uint16)
    starts = np.empty((chunks, 2 * PARTS + 1), np.int32)
    parallel.run(lambda lo, hi: _deal(lo, hi, *columns, keys, rows, starts), chunks, grain)
    sizes = np.diff(starts, axis=1).sum(0)
    bases = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    refs, flows, numbers = (np.empty(e, np.int32) for _ in range(3))
    seen = np.empty(e if sizes[PARTS:].any() else 0, np.int32)
    firsts = np.zeros((chunks, 2 * PARTS), np.int32)
    parts = int(np.flatnonzero(sizes)[-1]) + 1 if e else 0
    parallel.run(
        lambda lo, hi: _number_parts(lo, hi, *columns, keys, rows, starts, bases, refs, flows, seen, firsts),
        parts,
        parts * GRAIN // max(e, 1) + 1,
    )
    ids = np.concatenate([[0], np.cumsum(firsts.sum(1))]).astype(np.int32)
    p = int(ids[-1])
    src, dst, pair_flows = np.empty(p, np.uint64), np.empty(p, np.uint64), np.empty(p, np.int32)
    pair = np.empty(e, np.int32)

    def place(lo: int, hi: int) -> None:
        _rank(lo, hi, size, keys, rows, starts, refs, flows, ids, numbers, src, dst, pair_flows)

    parallel.run(place, chunks, grain)
    parallel.run(lambda lo, hi: _settle(lo, hi, rows, starts, refs, numbers, pair), chunks, grain)
    return Pairs(pair, src, dst, pair_flows)
