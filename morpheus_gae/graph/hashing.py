"""Host ids and pair ids by open-addressing hash tables: linear, no sorting, no strings.

Pairs come first, straight from the addresses: two IPv4 addresses are one 64-bit key, so that a flow costs
one look-up, and a table's entry (key, id, flows) lies in one cache line, asked for before it is needed.
Hosts are then numbered from the pairs, of which there are fewer. IPv6 addresses are given numbers of their
own first.

Ids are given by first appearance. Keys pass SplitMix64's finaliser, so sequential addresses, one hub, or
addresses alike in their low bits all probe about once. That finaliser can be run backwards: whoever may
choose addresses could pick ones that share a slot and make the table quadratic. A salt drawn once per
process prevents that. Ids do not depend on it: they follow first appearance alone.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.graph.prefetch import prefetch

U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]

T = TypeVar("T", bound=np.generic)

BLOCK = 64
FIRST = 1 << 14
"""Slots of a new table: few enough to stay in cache where pairs repeat."""
SALT = np.uint64(secrets.randbits(64))
_C1 = np.uint64(0xBF58476D1CE4E5B9)
_C2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_ONE, _LOW, _V4 = np.uint64(1), np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
_SIX = np.uint64(1 << 32)
"""Bit of a host's code that tells IPv6; the 32 bits below are its number, or the IPv4 address."""
_ID = np.uint64(33)


class Numbered(NamedTuple):
    """A window's hosts and pairs.

    Attributes
    ----------
    pair
        int32 [E] pair of each flow, by first appearance.
    pair_src, pair_dst
        int32 [P] hosts of each pair: numbered by first appearance as a source, then those that are none by
        first appearance as a destination.
    pair_flows
        int32 [P] flows of each pair.
    host_hi, host_lo
        uint64 [N] address of each host.
    """

    pair: I32
    pair_src: I32
    pair_dst: I32
    pair_flows: I32
    host_hi: U64
    host_lo: U64


@njit(cache=True, nogil=True, inline="always")
def mix(x: np.uint64) -> np.uint64:
    """SplitMix64's finaliser (Steele et al. 2014)."""
    x = (x ^ (x >> _S30)) * _C1
    x = (x ^ (x >> _S27)) * _C2
    return x ^ (x >> _S31)


@njit(cache=True, nogil=True, inline="always")
def host_hash(hi: np.uint64, lo: np.uint64, salt: np.uint64) -> np.uint64:
    """Both halves through the finaliser, the salt inside, where nobody outside can cancel it."""
    return mix(lo ^ mix(hi ^ salt))


@njit(cache=True, nogil=True)
def _intern(
    hi: np.uint64, lo: np.uint64, slots: I32, six_hi: U64, six_lo: U64, count: int, salt: np.uint64
) -> int:
    """Number of an IPv6 address; ``count`` if it is new, and then it is entered."""
    mask = np.uint64(slots.shape[0] - 1)
    slot = host_hash(hi, lo, salt) & mask
    found = slots[slot]
    while found >= 0 and (six_lo[found] != lo or six_hi[found] != hi):
        slot = (slot + _ONE) & mask
        found = slots[slot]
    if found < 0:
        slots[slot] = count
        six_hi[count], six_lo[count] = hi, lo
        return count
    return found


@njit(cache=True, nogil=True)
def _number_pairs(
    src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64, table: U64, src: U64, dst: U64, at: I32,
    slots: I32, six_hi: U64, six_lo: U64, salt: np.uint64, count: int, sixes: int, done: int, out: I32,
) -> tuple[int, int, int]:  # fmt: skip
    """Give pair ids to flows ``done:`` until a table is full; (pairs, IPv6 addresses, flows done).

    ``table`` holds key, then flows << 32 | id + 1, of each slot; ``src``, ``dst`` the codes of each pair's
    hosts and ``at`` its slot.
    """
    mask = np.uint64(table.shape[0] // 2 - 1)
    limit, six_limit = src.shape[0], six_hi.shape[0]
    slot_of, key_of = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    a, b = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    n = src_lo.shape[0]
    while done < n and count + BLOCK <= limit and sixes + 2 * BLOCK <= six_limit:
        m = min(BLOCK, n - done)
        other = np.uint64(0)
        for j in range(m):
            i = done + j
            s, d = src_lo[i], dst_lo[i]
            other |= src_hi[i] | dst_hi[i] | ((s >> _S32) ^ _V4) | ((d >> _S32) ^ _V4)
            a[j], b[j] = s & _LOW, d & _LOW
        if other != 0:
            for j in range(m):
                i = done + j
                if src_hi[i] != 0 or src_lo[i] >> _S32 != _V4:
                    k = _intern(src_hi[i], src_lo[i], slots, six_hi, six_lo, sixes, salt)
                    sixes += int(k == sixes)
                    a[j] = np.uint64(k) | _SIX
                if dst_hi[i] != 0 or dst_lo[i] >> _S32 != _V4:
                    k = _intern(dst_hi[i], dst_lo[i], slots, six_hi, six_lo, sixes, salt)
                    sixes += int(k == sixes)
                    b[j] = np.uint64(k) | _SIX
        for j in range(m):
            # the families are in the hash, and in the codes that are compared, but not in the key
            key_of[j] = (a[j] << _S32) | (b[j] & _LOW)
            slot_of[j] = mix((key_of[j] ^ salt) + (a[j] >> _S32) + (b[j] >> _S31)) & mask
            prefetch(table, 2 * np.int64(slot_of[j]))
        for j in range(m):
            slot, key = slot_of[j], key_of[j]
            entry = table[2 * slot + _ONE]
            while entry != 0:
                pair = np.int64(entry & _LOW) - 1
                if table[2 * slot] == key and (sixes == 0 or (src[pair] == a[j] and dst[pair] == b[j])):
                    break
                slot = (slot + _ONE) & mask
                entry = table[2 * slot + _ONE]
            if entry == 0:
                src[count], dst[count], at[count] = a[j], b[j], slot
                table[2 * slot] = key
                count += 1
                entry = np.uint64(count)
            table[2 * slot + _ONE] = entry + _SIX
            out[done + j] = np.int64(entry & _LOW) - 1
        done += m
    return count, sixes, done


@njit(cache=True, nogil=True)
def _rehash_pairs(table: U64, src: U64, dst: U64, at: I32, flows: I32, salt: np.uint64, count: int) -> None:
    mask = np.uint64(table.shape[0] // 2 - 1)
    for pair in range(count):
        a, b = src[pair], dst[pair]
        key = (a << _S32) | (b & _LOW)
        slot = mix((key ^ salt) + (a >> _S32) + (b >> _S31)) & mask
        while table[2 * slot + _ONE] != 0:
            slot = (slot + _ONE) & mask
        table[2 * slot] = key
        table[2 * slot + _ONE] = (np.uint64(flows[pair]) << _S32) | np.uint64(pair + 1)
        at[pair] = slot


@njit(cache=True, nogil=True)
def _flows(table: U64, at: I32, out: I32) -> None:
    """Flows of each pair, from its slot."""
    for pair in range(out.shape[0]):
        out[pair] = table[2 * np.int64(at[pair]) + 1] >> _S32


@njit(cache=True, nogil=True)
def _rehash_sixes(slots: I32, six_hi: U64, six_lo: U64, salt: np.uint64, count: int) -> None:
    mask = np.uint64(slots.shape[0] - 1)
    for k in range(count):
        slot = host_hash(six_hi[k], six_lo[k], salt) & mask
        while slots[slot] >= 0:
            slot = (slot + _ONE) & mask
        slots[slot] = k


@njit(cache=True, nogil=True)
def _number_hosts(
    codes: U64, table: U64, salt: np.uint64, count: int, done: int, hosts: U64, out: I32
) -> tuple[int, int]:
    """Give host ids to codes ``done:`` until the table is half full; (hosts, codes done).

    ``table`` holds id + 1 << 33 | code of each slot, ``hosts`` the code of each host.
    """
    mask = np.uint64(table.shape[0] - 1)
    low = (_ONE << _ID) - _ONE
    slot_of = np.empty(BLOCK, np.uint64)
    n = codes.shape[0]
    while done < n and count + BLOCK <= hosts.shape[0]:
        m = min(BLOCK, n - done)
        for j in range(m):
            slot_of[j] = mix(codes[done + j] ^ salt) & mask
            prefetch(table, np.int64(slot_of[j]))
        for j in range(m):
            slot, code = slot_of[j], codes[done + j]
            entry = table[slot]
            while entry != 0 and (entry & low) != code:
                slot = (slot + _ONE) & mask
                entry = table[slot]
            if entry == 0:
                hosts[count] = code
                count += 1
                entry = (np.uint64(count) << _ID) | code
                table[slot] = entry
            out[done + j] = np.int64(entry >> _ID) - 1
        done += m
    return count, done


@njit(cache=True, nogil=True)
def _rehash_hosts(table: U64, hosts: U64, salt: np.uint64, count: int) -> None:
    mask = np.uint64(table.shape[0] - 1)
    for host in range(count):
        slot = mix(hosts[host] ^ salt) & mask
        while table[slot] != 0:
            slot = (slot + _ONE) & mask
        table[slot] = (np.uint64(host + 1) << _ID) | hosts[host]


def _hosts(src: U64, dst: U64) -> tuple[I32, I32, U64]:
    """Host ids of the pairs' codes, and the code of each host."""
    size, count = FIRST, 0
    table, hosts = np.zeros(size, np.uint64), np.empty(size // 2, np.uint64)
    ids = []
    for codes in (src, dst):
        out, done = np.empty(codes.shape[0], np.int32), 0
        while True:
            count, done = _number_hosts(codes, table, SALT, count, done, hosts, out)
            if done >= codes.shape[0]:
                break
            size *= 4
            table, hosts = np.zeros(size, np.uint64), _grown(hosts, size // 2)
            _rehash_hosts(table, hosts, SALT, count)
        ids.append(out)
    return ids[0], ids[1], hosts[:count]


def number(src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64) -> Numbered:
    """Number the distinct addresses and the distinct ordered pairs of addresses.

    Parameters
    ----------
    src_hi, src_lo, dst_hi, dst_lo
        uint64 [E] addresses, IPv4 as IPv4-mapped IPv6.
    """
    e = src_lo.shape[0]
    size, sixes = FIRST, FIRST
    table, slots = np.zeros(2 * size, np.uint64), np.full(sixes, -1, np.int32)
    src, dst, at = (np.empty(size // 2, t) for t in (np.uint64, np.uint64, np.int32))
    six_hi, six_lo = np.empty(sixes // 2, np.uint64), np.empty(sixes // 2, np.uint64)
    out = np.empty(e, np.int32)
    count = six_count = done = 0
    while True:
        count, six_count, done = _number_pairs(
            src_hi, src_lo, dst_hi, dst_lo, table, src, dst, at, slots, six_hi, six_lo, SALT,
            count, six_count, done, out,
        )  # fmt: skip
        if done >= e:
            break
        if six_count + 2 * BLOCK > six_hi.shape[0]:
            sixes *= 4
            slots = np.full(sixes, -1, np.int32)
            six_hi, six_lo = _grown(six_hi, sixes // 2), _grown(six_lo, sixes // 2)
            _rehash_sixes(slots, six_hi, six_lo, SALT, six_count)
        if count + BLOCK > src.shape[0]:
            flows = np.empty(count, np.int32)
            _flows(table, at, flows)
            size = _next_size(size, count, done, e)
            table = np.zeros(2 * size, np.uint64)
            src, dst, at = (_grown(a, size // 2) for a in (src, dst, at))
            _rehash_pairs(table, src, dst, at, flows, SALT, count)
    flows = np.empty(count, np.int32)
    _flows(table, at, flows)
    pair_src, pair_dst, hosts = _hosts(src[:count], dst[:count])
    v6 = hosts >= _SIX
    host_lo = (_V4 << _S32) | (hosts & _LOW)
    host_hi = np.zeros(hosts.shape[0], np.uint64)
    number_of = hosts[v6] & _LOW
    host_hi[v6], host_lo[v6] = six_hi[number_of], six_lo[number_of]
    return Numbered(out, pair_src, pair_dst, flows, host_hi, host_lo)


def _next_size(size: int, count: int, done: int, flows: int) -> int:
    """Slots for the pairs that the rest of the window will bring if it goes on as it began.

    New pairs become rarer: their number grows about like flows ** 0.7. Growing in one leap saves rehashing,
    a guess too low costs another one.
    """
    expected = count * (flows / max(done, 1)) ** 0.7
    return max(2 * size, 1 << int(2 * expected - 1).bit_length())


def _grown(array: npt.NDArray[T], size: int) -> npt.NDArray[T]:
    out = np.empty(size, array.dtype)
    out[: array.shape[0]] = array
    return out
