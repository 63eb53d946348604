"""Host ids and pair ids by open-addressing hash tables: linear, no sorting, no strings.

Ids are given by first appearance. Keys pass SplitMix64's finaliser, so sequential addresses, one hub, or
addresses alike in their low bits all probe about once. That finaliser can be run backwards: whoever may
choose addresses could pick ones that share a slot and make the table quadratic. A salt drawn once per
process prevents that. Ids do not depend on it: they follow first appearance alone.
"""

from __future__ import annotations

import secrets
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]

T = TypeVar("T", bound=np.generic)

BLOCK = 64
SALT = np.uint64(secrets.randbits(64))
_C1 = np.uint64(0xBF58476D1CE4E5B9)
_C2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)


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
def _insert_hosts(
    hi: U64, lo: U64, slots: I32, host_hi: U64, host_lo: U64, salt: np.uint64, count: int, done: int, out: I32
) -> tuple[int, int]:
    """Give ids to addresses ``done:`` until the table is half full; (hosts, addresses done)."""
    mask = np.uint64(slots.shape[0] - 1)
    limit = slots.shape[0] // 2
    at = np.empty(BLOCK, np.uint64)
    guess = np.empty(BLOCK, np.int32)
    n = lo.shape[0]
    while done < n and count + BLOCK <= limit:
        stop = min(done + BLOCK, n)
        # the block's table loads do not depend on each other, so their cache misses overlap
        for i in range(done, stop):
            j = i - done
            at[j] = host_hash(hi[i], lo[i], salt) & mask
            guess[j] = slots[at[j]]
        for i in range(done, stop):
            j = i - done
            slot, host = at[j], guess[j]
            if host < 0:
                host = slots[slot]
            while host >= 0 and (host_lo[host] != lo[i] or host_hi[host] != hi[i]):
                slot = (slot + np.uint64(1)) & mask
                host = slots[slot]
            if host < 0:
                host = count
                slots[slot] = host
                host_hi[host], host_lo[host] = hi[i], lo[i]
                count += 1
            out[i] = host
        done = stop
    return count, done


@njit(cache=True, nogil=True)
def _rehash_hosts(slots: I32, host_hi: U64, host_lo: U64, salt: np.uint64, count: int) -> None:
    mask = np.uint64(slots.shape[0] - 1)
    for host in range(count):
        slot = host_hash(host_hi[host], host_lo[host], salt) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = host


def host_ids(src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64) -> tuple[I32, I32, U64, U64]:
    """Number the distinct addresses.

    Parameters
    ----------
    src_hi, src_lo, dst_hi, dst_lo
        uint64 [E].

    Returns
    -------
    src, dst
        int32 [E] host ids: sources first, in order of appearance, then destinations not yet seen.
    host_hi, host_lo
        uint64 [N] address of each host.
    """
    e = src_lo.shape[0]
    size = 1 << 14
    slots = np.full(size, -1, np.int32)
    host_hi, host_lo = np.empty(size // 2, np.uint64), np.empty(size // 2, np.uint64)
    out = (np.empty(e, np.int32), np.empty(e, np.int32))
    count = 0
    for ids, hi, lo in ((out[0], src_hi, src_lo), (out[1], dst_hi, dst_lo)):
        done = 0
        while True:
            count, done = _insert_hosts(hi, lo, slots, host_hi, host_lo, SALT, count, done, ids)
            if done >= e:
                break
            size *= 4
            slots = np.full(size, -1, np.int32)
            host_hi, host_lo = _grown(host_hi, size // 2), _grown(host_lo, size // 2)
            _rehash_hosts(slots, host_hi, host_lo, SALT, count)
    return out[0], out[1], host_hi[:count].copy(), host_lo[:count].copy()


@njit(cache=True, nogil=True)
def _insert_pairs(
    src: I32, dst: I32, slots: I32, codes: U64, flows: I32, salt: np.uint64, count: int, done: int, out: I32
) -> tuple[int, int]:
    mask = np.uint64(slots.shape[0] - 1)
    limit = slots.shape[0] // 2
    at = np.empty(BLOCK, np.uint64)
    key = np.empty(BLOCK, np.uint64)
    guess = np.empty(BLOCK, np.int32)
    n = src.shape[0]
    while done < n and count + BLOCK <= limit:
        stop = min(done + BLOCK, n)
        for i in range(done, stop):
            j = i - done
            key[j] = (np.uint64(src[i]) << _S32) | np.uint64(dst[i])
            at[j] = mix(key[j] ^ salt) & mask
            guess[j] = slots[at[j]]
        for i in range(done, stop):
            j = i - done
            slot, pair = at[j], guess[j]
            if pair < 0:
                pair = slots[slot]
            while pair >= 0 and codes[pair] != key[j]:
                slot = (slot + np.uint64(1)) & mask
                pair = slots[slot]
            if pair < 0:
                pair = count
                slots[slot] = pair
                codes[pair] = key[j]
                flows[pair] = 0
                count += 1
            flows[pair] += 1
            out[i] = pair
        done = stop
    return count, done


@njit(cache=True, nogil=True)
def _rehash_pairs(slots: I32, codes: U64, salt: np.uint64, count: int) -> None:
    mask = np.uint64(slots.shape[0] - 1)
    for pair in range(count):
        slot = mix(codes[pair] ^ salt) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = pair


def pair_ids(src: I32, dst: I32) -> tuple[I32, I32, I32, I32]:
    """Number the distinct ordered pairs of hosts.

    Parameters
    ----------
    src, dst
        int32 [E] host ids.

    Returns
    -------
    pair
        int32 [E] pair ids by first appearance.
    pair_src, pair_dst
        int32 [P] hosts of each pair.
    pair_flows
        int32 [P] flows of each pair.
    """
    e = src.shape[0]
    # small enough to stay in cache where pairs repeat; starting larger costs more than the rehash it saves
    size = 1 << max(14, int(max(e // 4, 1)).bit_length())
    slots = np.full(size, -1, np.int32)
    codes, flows = np.empty(size // 2, np.uint64), np.empty(size // 2, np.int32)
    out = np.empty(e, np.int32)
    count = done = 0
    while True:
        count, done = _insert_pairs(src, dst, slots, codes, flows, SALT, count, done, out)
        if done >= e:
            break
        size *= 4
        slots = np.full(size, -1, np.int32)
        codes, flows = _grown(codes, size // 2), _grown(flows, size // 2)
        _rehash_pairs(slots, codes, SALT, count)
    found = codes[:count]
    return (
        out,
        (found >> _S32).astype(np.int32),
        (found & np.uint64(0xFFFFFFFF)).astype(np.int32),
        flows[:count].copy(),
    )


def _grown(array: npt.NDArray[T], size: int) -> npt.NDArray[T]:
    out = np.empty(size, array.dtype)
    out[: array.shape[0]] = array
    return out
