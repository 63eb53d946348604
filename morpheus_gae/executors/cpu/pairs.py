"""Pair scores on the CPU: look up, leave out what is the same, existence head and mixture of flow types.

A pair that memory knows in neither direction is all its hosts are: pairs of the same two kinds of host
(the row of a known one, the class flags of an unknown one) have the same numbers and are scored once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.dense import Layer, dense, relu, softmax
from morpheus_gae.executors.cpu.intrinsics import ROWS
from morpheus_gae.executors.cpu.math import FAST
from morpheus_gae.executors.cpu.memory import Counters, Places, find_kin, find_pairs
from morpheus_gae.executors.cpu.tail import Tail, map_tail
from morpheus_gae.graph.prefetch import prefetch

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
U16 = npt.NDArray[np.uint16]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

KNOWN = 1 << 12
"""Kinds of pairs remembered at a time."""
CHUNK = 2048
"""Pairs looked up at a time."""
MIX_FLOOR = 1e-5
_HALF = np.float32(2.0**112)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


class PairModel(NamedTuple):
    """What the kernel reads of the model.

    Attributes
    ----------
    existence
        Three layers, 20 to 64 to 64 to 1.
    context
        Two layers, 24 (and 3 z with an encoder) to 32 to K.
    tau
        Weight of the context's opinion in flows.
    types, width
        K, and K padded; both 0 where the model has no flow types.
    tail
        Calibration of the existence head.
    """

    existence: tuple[Layer, Layer, Layer]
    context: tuple[Layer, Layer]
    tau: np.float32
    types: int
    width: int
    tail: Tail


class Hosts(NamedTuple):
    """A window's hosts.

    Attributes
    ----------
    key, narrow, wide, found, row
        See `cpu_memory.Places`.
    kind
        int32 [N] row of a known host; of others below 0, by row and class flags.
    flags
        float32 [N, 5].
    z
        float32 [N, z] embeddings, [N, 0] without an encoder.
    """

    key: U64
    narrow: U64
    wide: U64
    found: I32
    row: I32
    kind: I32
    flags: F32
    z: F32


def hosts_of(places: Places, known: int, flags: F32, z: F32 | None) -> Hosts:
    """Put them together; ``known`` hosts are in memory, the rows of prefixes behind them."""
    bits = (flags @ np.exp2(np.arange(flags.shape[1], dtype=np.float32))).astype(np.int32)
    stands_in = np.maximum(places.row - np.int32(known - 1), 0)
    kind = np.where(places.found >= 0, places.found, -1 - bits - (stands_in << flags.shape[1])).astype(
        np.int32
    )
    none = np.empty((flags.shape[0], 0), np.float32)
    return Hosts(*places, kind, flags, none if z is None else z)


@njit(cache=True, nogil=True)
def _distinct(
    lo: int, hi: int, pair_src: I32, pair_dst: I32, kind: I32, forward: I32, reverse: I32,
    seen: I64, at: I32, row: I32, chosen: I32,
) -> int:  # fmt: skip
    """Choose one of each kind of pair; ``row`` tells every pair where its kind's scores are.

    ``seen`` and ``at`` remember kinds and their rows from one call to the next.
    """
    count = 0
    for p in range(lo, hi):
        if forward[p - lo] < 0 and reverse[p - lo] < 0:
            code = (np.int64(kind[pair_src[p]]) << 32) ^ (np.int64(kind[pair_dst[p]]) & np.int64(0xFFFFFFFF))
            slot = np.int64((np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(52))
            if seen[slot] == code:
                row[p] = at[slot]
                continue
            seen[slot], at[slot] = code, lo + count
        row[p] = lo + count
        chosen[count] = p
        count += 1
    return count


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def _gather(
    m: int, chosen: I32, lo: int, pair_src: I32, pair_dst: I32, forward: I32, reverse: I32, hosts: Hosts,
    memory: Counters, with_context: bool, x: F32, c: F32,
) -> None:  # fmt: skip
    """Existence numbers and flags [20, ROWS], profile and embeddings [24 + 3 z, ROWS] of a block of pairs."""
    found, flags, z = hosts.row, hosts.flags, hosts.z
    pair, host = memory.pair, memory.host
    for j in range(10):
        for i in range(ROWS):
            x[j, i] = _ZERO
    for j in range(24):
        for i in range(ROWS):
            c[j, i] = _ZERO
    for i in range(m):
        p = chosen[i]
        s, d = pair_src[p], pair_dst[p]
        hs, hd, f, r = found[s], found[d], forward[p - lo], reverse[p - lo]
        if f >= 0:
            x[0, i] = pair[f, 0]
            x[6, i] = pair[f, 7]
            c[0, i] = pair[f, 0]
            c[1, i] = _ONE
            for j in range(6):
                c[2 + j, i] = pair[f, 1 + j]
        if r >= 0:
            x[1, i] = pair[r, 0]
            x[7, i] = pair[r, 7]
        if hs >= 0:
            x[2, i] = host[hs, 0]
            x[3, i] = host[hs, 8]
            x[8, i] = host[hs, 7]
            if host[hs, 0] > _ZERO:
                c[8, i] = host[hs, 0]
                c[9, i] = _ONE
                for j in range(6):
                    c[10 + j, i] = host[hs, 1 + j]
        if hd >= 0:
            x[4, i] = host[hd, 0]
            x[5, i] = host[hd, 8]
            x[9, i] = host[hd, 7]
            if host[hd, 8] > _ZERO:
                c[16, i] = host[hd, 8]
                c[17, i] = _ONE
                for j in range(6):
                    c[18 + j, i] = host[hd, 9 + j]
        for j in range(5):
            x[10 + j, i] = flags[s, j]
            x[15 + j, i] = flags[d, j]
        if with_context:
            n = z.shape[1]
            for j in range(n):
                c[24 + j, i] = z[s, j] * z[d, j]
                c[24 + n + j, i] = z[s, j]
                c[24 + 2 * n + j, i] = z[d, j]


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def _shares(
    m: int, chosen: I32, lo: int, out: int, forward: I32, g: F32, types: U16, tau: np.float32, turned: F32,
    mix: F32,
) -> None:  # fmt: skip
    """Shares of the flow types of a block of pairs, from the context's softmax and the pairs' own counts.

    ``g`` is [K, ROWS], ``turned`` room for [ROWS, K]; the shares go to rows ``out`` and on of ``mix``.
    """
    k = turned.shape[1]
    keep, floor = np.float32(1 - MIX_FLOOR), np.float32(MIX_FLOOR) / np.float32(k)
    for i in range(ROWS):
        for j in range(k):
            turned[i, j] = g[j, i]
    for i in range(m):
        row = forward[chosen[i] - lo]
        if row < 0:
            for j in range(k):
                mix[out + i, j] = turned[i, j] * keep + floor
        else:
            total = tau
            for j in range(k):
                # float16 to float32: exponent and mantissa moved into place, then the bias corrected
                count = np.int32(np.int32(types[row, j]) << np.int32(13)).view(np.float32) * _HALF
                mix[out + i, j] = count + tau * turned[i, j]
                total += count
            scale = keep / total
            for j in range(k):
                mix[out + i, j] = mix[out + i, j] * scale + floor
        for j in range(k, mix.shape[1]):
            mix[out + i, j] = _ZERO


@njit(cache=True, nogil=True)
def _ask(
    chosen: I32, lo: int, pair_src: I32, pair_dst: I32, forward: I32, reverse: I32, found: I32,
    memory: Counters,
) -> None:  # fmt: skip
    """Ask for what `_gather` and `_shares` will read of these pairs."""
    for p in chosen:
        f, r = forward[p - lo], reverse[p - lo]
        if f >= 0:
            prefetch(memory.pair[f], 0)
            prefetch(memory.types[f], 0)
        if r >= 0:
            prefetch(memory.pair[r], 0)
        for n in (found[pair_src[p]], found[pair_dst[p]]):
            if n >= 0:
                prefetch(memory.host[n], 0)


@njit(cache=True, nogil=True, fastmath=FAST)
def score_pairs(
    lo: int, hi: int, pair_src: I32, pair_dst: I32, hosts: Hosts, memory: Counters, model: PairModel,
    only_logit: bool, row: I32, part: F32, mix: F32, known: I32,
) -> None:  # fmt: skip
    """Score pairs ``lo:hi``.

    Parameters
    ----------
    only_logit
        Stop at the existence logit.
    row
        int32 [P], written: where each pair's scores are in ``part`` and ``mix``.
    part
        float32 [P], some of it written: the calibrated pair part (or the logit).
    mix
        float32 [P, width], likewise: shares of the flow types.
    known
        int32 [P], written: each pair's own row in memory, -1 where it has none.
    """
    room = min(CHUNK, hi - lo)
    forward, reverse, chosen = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    e0, e1, e2 = model.existence
    c0, c1 = model.context
    x, c = np.zeros((20, ROWS), np.float32), np.zeros((max(c0.w.shape[1], 24), ROWS), np.float32)
    h0, h1 = np.empty((e0.w.shape[0], ROWS), np.float32), np.empty((e1.w.shape[0], ROWS), np.float32)
    y = np.empty((e2.w.shape[0], ROWS), np.float32)
    g0, g1 = np.empty((c0.w.shape[0], ROWS), np.float32), np.empty((c1.w.shape[0], ROWS), np.float32)
    top, total, knot = np.empty(ROWS, np.float32), np.empty(ROWS, np.float32), np.empty(ROWS, np.int32)
    turned = np.empty((ROWS, model.types), np.float32)
    with_z = not only_logit and hosts.z.shape[1] > 0
    seen, at = np.empty(KNOWN, np.int64), np.empty(KNOWN, np.int32)
    for slot in range(KNOWN):
        seen[slot] = np.int64(1) << 62
    for start in range(lo, hi, CHUNK):
        stop = min(start + CHUNK, hi)
        find_pairs(start, stop, pair_src, pair_dst, hosts.key, memory.keys, memory.slots, forward, reverse)
        for i in range(stop - start):
            known[start + i] = forward[i]
        if with_z:
            count = stop - start
            for i in range(count):
                row[start + i] = start + i
                chosen[i] = start + i
        else:
            count = _distinct(
                start, stop, pair_src, pair_dst, hosts.kind, forward, reverse, seen, at, row, chosen
            )
        if memory.kin_keys.shape[0]:
            find_kin(
                chosen[:count], start, pair_src, pair_dst, hosts.key, hosts.narrow, hosts.wide,
                memory.kin_keys, memory.kin_slots, memory.keys.shape[0], forward, reverse,
            )  # fmt: skip
        _ask(chosen[: min(ROWS, count)], start, pair_src, pair_dst, forward, reverse, hosts.row, memory)
        for first in range(0, count, ROWS):
            m = min(ROWS, count - first)
            block = chosen[first : first + m]
            _gather(m, block, start, pair_src, pair_dst, forward, reverse, hosts, memory, with_z, x, c)
            # the layers take long enough for the next block's rows to arrive
            ahead = chosen[first + m : min(first + m + ROWS, count)]
            _ask(ahead, start, pair_src, pair_dst, forward, reverse, hosts.row, memory)
            dense(x, e0, h0)
            relu(h0)
            dense(h0, e1, h1)
            relu(h1)
            dense(h1, e2, y)
            if only_logit:
                for i in range(m):
                    part[start + first + i] = y[0, i]
                continue
            for i in range(ROWS):
                top[i] = -y[0, i]
            map_tail(top, model.tail, knot, total)
            for i in range(m):
                part[start + first + i] = total[i]
            if model.types == 0:
                continue
            dense(c, c0, g0)
            relu(g0)
            dense(g0, c1, g1)
            softmax(g1, model.types, top, total)
            _shares(m, block, start, start + first, forward, g1, memory.types, model.tau, turned, mix)
