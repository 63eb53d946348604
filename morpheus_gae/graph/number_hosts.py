"""Hosts from pairs: numbered by first appearance as a source, then the others as a destination.

Ranges of pairs are numbered alone, each with its own tables, and their hosts then once more, in the order of
the ranges: the same numbers for any number of ranges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.graph import parallel
from morpheus_gae.graph.mixing import host_hash, mix
from morpheus_gae.graph.partition import BLOCK, LOW, SIX, V4
from morpheus_gae.graph.prefetch import prefetch

I32 = npt.NDArray[np.int32]
U64 = npt.NDArray[np.uint64]

FIRST = 1 << 14
"""Slots of a first table."""
GRAIN = 32_768
"""Least pairs of a range, and most ranges: what they have in common is numbered twice."""
RANGES = 8
_ONE, _S32, _ID = np.uint64(1), np.uint64(32), np.uint64(33)


class Found(NamedTuple):
    """Hosts of a range of pairs: how many are sources, and both halves of the addresses, sources first."""

    sources: int
    hi: U64
    lo: U64


@njit(cache=True, nogil=True)
def _larger(table: U64, hosts: U64, count: int, salt: np.uint64) -> tuple[U64, U64]:
    """Table and codes with four times the room."""
    new, codes = np.zeros(4 * table.shape[0], np.uint64), np.empty(2 * table.shape[0], np.uint64)
    mask = np.uint64(new.shape[0] - 1)
    for host in range(count):
        code = hosts[host]
        slot = mix(code ^ salt) & mask
        while new[slot] != 0:
            slot = (slot + _ONE) & mask
        new[slot] = (np.uint64(host + 1) << _ID) | code
        codes[host] = code
    return new, codes


@njit(cache=True, nogil=True)
def _larger_sixes(slots: I32, sixes: U64, count: int, salt: np.uint64) -> tuple[I32, U64]:
    """Table of IPv6 addresses, and the addresses, with four times the room."""
    new, addresses = np.empty(4 * slots.shape[0], np.int32), np.empty((2 * slots.shape[0], 2), np.uint64)
    for slot in range(new.shape[0]):
        new[slot] = -1
    mask = np.uint64(new.shape[0] - 1)
    for k in range(count):
        at = host_hash(sixes[k, 0], sixes[k, 1], salt) & mask
        while new[at] >= 0:
            at = (at + _ONE) & mask
        new[at] = k
        addresses[k, 0], addresses[k, 1] = sixes[k, 0], sixes[k, 1]
    return new, addresses


@njit(cache=True, nogil=True)
def _intern(hi: np.uint64, lo: np.uint64, slots: I32, sixes: U64, count: int, salt: np.uint64) -> int:
    """Number of an IPv6 address; ``count`` if it is new, and then it is entered."""
    mask = np.uint64(slots.shape[0] - 1)
    slot = host_hash(hi, lo, salt) & mask
    found = slots[slot]
    while found >= 0 and (sixes[found, 1] != lo or sixes[found, 0] != hi):
        slot = (slot + _ONE) & mask
        found = slots[slot]
    if found >= 0:
        return found
    slots[slot] = count
    sixes[count, 0], sixes[count, 1] = hi, lo
    return count


class Tables(NamedTuple):
    """What is known so far. In here an address' code is itself, or `SIX` and its number among IPv6 addresses.

    Attributes
    ----------
    table
        uint64: id + 1 << 33 | code of each slot.
    hosts, host_count
        uint64: code of each host, and how many there are.
    slots, sixes, six_count
        int32: number of the IPv6 address in each slot; the addresses, and how many there are.
    """

    table: U64
    hosts: U64
    host_count: int
    slots: I32
    sixes: U64
    six_count: int


@njit(cache=True, nogil=True)
def _enter(
    codes: U64, his: U64, los: U64, table: U64, hosts: U64, count: int, slots: I32, sixes: U64,
    six_count: int, salt: np.uint64, ids: I32,
) -> tuple[U64, U64, int, I32, U64, int]:  # fmt: skip
    """Number the addresses behind codes; the tables afterwards."""
    slot_of, code_of = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    low = (_ONE << _ID) - _ONE
    for first in range(0, codes.shape[0], BLOCK):
        m = min(BLOCK, codes.shape[0] - first)
        if count + BLOCK > hosts.shape[0]:
            table, hosts = _larger(table, hosts, count, salt)
        if six_count + BLOCK > sixes.shape[0]:
            slots, sixes = _larger_sixes(slots, sixes, six_count, salt)
        mask = np.uint64(table.shape[0] - 1)
        for j in range(m):
            code = codes[first + j]
            if code & SIX:
                hi, lo = his[code & LOW], los[code & LOW]
                code = lo & LOW
                if hi != 0 or lo >> _S32 != V4:
                    k = _intern(hi, lo, slots, sixes, six_count, salt)
                    six_count += int(k == six_count)
                    code = SIX | np.uint64(k)
            code_of[j] = code
            slot_of[j] = mix(code ^ salt) & mask
            prefetch(table, np.int64(slot_of[j]))
        for j in range(m):
            slot, code = slot_of[j], code_of[j]
            entry = table[slot]
            while entry != 0 and (entry & low) != code:
                slot = (slot + _ONE) & mask
                entry = table[slot]
            if entry == 0:
                hosts[count] = code
                count += 1
                entry = (np.uint64(count) << _ID) | code
                table[slot] = entry
            ids[first + j] = np.int64(entry >> _ID) - 1
    return table, hosts, count, slots, sixes, six_count


def _number(
    src: U64, src_hi: U64, src_lo: U64, dst: U64, dst_hi: U64, dst_lo: U64, salt: np.uint64, src_id: I32,
    dst_id: I32,
) -> Found:  # fmt: skip
    """Number the addresses behind codes, those of ``src`` first."""
    known = Tables(
        np.zeros(FIRST, np.uint64), np.empty(FIRST // 2, np.uint64), 0,
        np.full(FIRST, -1, np.int32), np.empty((FIRST // 2, 2), np.uint64), 0,
    )  # fmt: skip
    known = Tables(*_enter(src, src_hi, src_lo, *known, salt, src_id))
    sources = known.host_count
    known = Tables(*_enter(dst, dst_hi, dst_lo, *known, salt, dst_id))
    codes = known.hosts[: known.host_count]
    lo, hi = (V4 << _S32) | (codes & LOW), np.zeros(known.host_count, np.uint64)
    six = codes >= SIX
    if known.six_count:
        hi[six], lo[six] = known.sixes[(codes[six] & LOW).astype(np.intp)].T
    return Found(sources, hi, lo)


@njit(cache=True, nogil=True)
def _translate(ids: I32, numbers: I32) -> None:
    for i in range(ids.shape[0]):
        ids[i] = numbers[ids[i]]


def _merged(found: list[Found], salt: np.uint64) -> tuple[list[I32], U64, U64]:
    """Number the hosts of all ranges: each range's translation, and all hosts."""
    # sources of all ranges, then the others of all ranges
    order = [(f, slice(f.sources)) for f in found] + [(f, slice(f.sources, None)) for f in found]
    hi, lo = np.concatenate([f.hi[s] for f, s in order]), np.concatenate([f.lo[s] for f, s in order])
    places, numbers = SIX | np.arange(hi.shape[0], dtype=np.uint64), np.empty(hi.shape[0], np.int32)
    sources = sum(f.sources for f in found)
    hosts = _number(
        places[:sources], hi, lo, places[sources:], hi, lo, salt, numbers[:sources], numbers[sources:]
    )
    parts = np.split(numbers, np.cumsum([f.hi[s].shape[0] for f, s in order])[:-1])
    half = len(found)
    return [np.concatenate([parts[i], parts[half + i]]) for i in range(half)], hosts.hi, hosts.lo


def distinct_hosts(
    src: U64, dst: U64, src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64, salt: np.uint64
) -> tuple[I32, I32, U64, U64]:
    """Number the distinct addresses of pairs.

    Parameters
    ----------
    src, dst
        uint64 [P] codes, see `partition.SIX`.
    src_hi, src_lo, dst_hi, dst_lo
        uint64 columns that the codes refer to.
    salt
        Of the hashes; the numbers do not depend on it.

    Returns
    -------
    pair_src, pair_dst
        int32 [P] hosts of each pair.
    host_hi, host_lo
        uint64 [N].
    """
    p = src.shape[0]
    count = max(min(p // GRAIN, parallel.HELPERS.threads, RANGES), 1)
    edges = [p * i // count for i in range(count + 1)]
    src_id, dst_id = np.empty(p, np.int32), np.empty(p, np.int32)
    found = [Found(0, src[:0], src[:0])] * count

    def number(lo: int, hi: int) -> None:
        for i in range(lo, hi):
            own = slice(edges[i], edges[i + 1])
            found[i] = _number(
                src[own], src_hi, src_lo, dst[own], dst_hi, dst_lo, salt, src_id[own], dst_id[own]
            )

    parallel.run(number, count, 1)
    if count == 1:
        # compiled with the others, before a long window waits for it
        _translate(src_id[:0], dst_id[:0])
        return src_id, dst_id, found[0].hi, found[0].lo
    maps, host_hi, host_lo = _merged(found, salt)

    def translate(lo: int, hi: int) -> None:
        for i in range(lo, hi):
            for ids in (src_id, dst_id):
                _translate(ids[edges[i] : edges[i + 1]], maps[i])

    parallel.run(translate, count, 1)
    return src_id, dst_id, host_hi, host_lo
