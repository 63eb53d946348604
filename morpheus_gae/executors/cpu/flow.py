"""Flow scores on the CPU: bins, mixture, both tail maps and the fusion, 128 flows at a time.

A block's steps are loops of their own, so that LLVM makes vector code of the arithmetic, and the mixtures
of its pairs are asked for before the bins are looked up, so that memory works meanwhile. Every loop runs
over whole blocks: a flow's bits do not depend on where it stands, so neither threads nor windows change them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.bins import bin_at
from morpheus_gae.executors.cpu.intrinsics import product_of_four, two_products_of_four
from morpheus_gae.executors.cpu.math import FAST, log_fast, probability_fast
from morpheus_gae.executors.cpu.tail import Tail, map_tail
from morpheus_gae.executors.cpu.ties import refined, ties_of
from morpheus_gae.graph.prefetch import prefetch
from morpheus_gae.model.lift import POWER

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]

LANES = 128
WIDTH = 32
"""Flow types are padded to a multiple: a row of 32 floats is two cache lines and a loop without an end."""

MEMO = 1 << 14
PROBE = 16
"""Blocks until the memo must have answered a quarter of the flows of the latter half of them."""

_ONE, _ZERO, _SHARE = np.float32(1.0), np.float32(0.0), np.float32(0.01)
_SMOOTH = (np.float32(0.010), np.float32(0.011), np.float32(0.013))
_CLIP = np.float32(8.0)
_POWER = np.float32(POWER)


class FlowModel(NamedTuple):
    """What the kernel reads of the model.

    Attributes
    ----------
    edges, starts
        Bins of each column, see `cpu_bins`.
    group1, group2
        int32 group of each bin of forward and of backward bytes.
    t1, t2, t3
        float32 rows of ``width`` probabilities, flat: [B1], [G1, B2], [G2, B3]. Not logs: three factors and
        a share stay far above the smallest float32.
    bins
        int32 [2]: B2 and B3.
    mean, inverse
        float32 [3].
    flow, fused
        Tails.
    width
        Flow types, padded.
    centre
        int64 [3], see `model.ties`.
    everywhere
        float32 [width] share of each flow type in all traffic, see `model.lift`; [0] without lift.
    lift
        Its tail.
    """

    edges: tuple[F32, F32, F32]
    starts: tuple[I32, I32, I32]
    group1: I32
    group2: I32
    t1: F32
    t2: F32
    t3: F32
    bins: I32
    mean: F32
    inverse: F32
    flow: Tail
    fused: Tail
    width: int
    centre: I64
    everywhere: F32
    lift: Tail


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def _block(
    chosen: I32, count: int, attributes: F32, missing: npt.NDArray[np.bool_], pair: I32, row: I32,
    pair_part: F32, mix: F32, model: FlowModel, scored: bool, work: F32, at: I32, out: F32, tie: I32,
) -> None:  # fmt: skip
    """Score ``count`` chosen flows into ``tie`` and ``out`` [4 * LANES]: score if ``scored``, surprise, pair,
    flow.
    """
    width = model.width
    for j in range(count):
        i = chosen[j]
        r = row[pair[i]]
        at[j] = r
        prefetch(mix, r * np.int64(width))
        prefetch(mix, r * np.int64(width) + 16)
        for c in range(3):
            work[c * LANES + j] = attributes[i, c]
    ties_of(work, count, LANES, model.centre, tie)
    # squares of the standardised attributes
    mean0, mean1, mean2 = model.mean[0], model.mean[1], model.mean[2]
    inverse0, inverse1, inverse2 = model.inverse[0], model.inverse[1], model.inverse[2]
    for j in range(LANES):
        a = (log_fast(_ONE + work[j]) - mean0) * inverse0
        b = (log_fast(_ONE + work[LANES + j]) - mean1) * inverse1
        c = (log_fast(_ONE + work[2 * LANES + j]) - mean2) * inverse2
        a = min(max(a, -_CLIP), _CLIP)
        b = min(max(b, -_CLIP), _CLIP)
        c = min(max(c, -_CLIP), _CLIP)
        work[3 * LANES + j] = _SMOOTH[0] * a * a + _SMOOTH[1] * b * b + _SMOOTH[2] * c * c
    n2, n3 = model.bins[0], model.bins[1]
    for j in range(count):
        b1 = bin_at(work[j], model.edges[0], model.starts[0])
        b2 = bin_at(work[LANES + j], model.edges[1], model.starts[1])
        b3 = np.int32(0)
        if not missing[chosen[j]]:
            b3 = bin_at(work[2 * LANES + j], model.edges[2], model.starts[2])
        at[LANES + j] = b1 * width
        at[2 * LANES + j] = (model.group1[b1] * n2 + b2) * width
        at[3 * LANES + j] = (model.group2[b2] * n3 + b3) * width
    lifted = model.everywhere.shape[0] > 0
    for j in range(count):
        own = np.int64(at[j]) * width
        row1, row2, row3 = at[LANES + j], at[2 * LANES + j], at[3 * LANES + j]
        total = of_all = _ZERO
        if lifted:
            for k in range(0, width, WIDTH):
                here, there = two_products_of_four(
                    mix,
                    own + k,
                    model.everywhere,
                    k,
                    model.t1,
                    row1 + k,
                    model.t2,
                    row2 + k,
                    model.t3,
                    row3 + k,
                )
                total += here
                of_all += there
            work[LANES + j] = of_all
        else:
            for k in range(0, width, WIDTH):
                total += product_of_four(
                    mix, own + k, model.t1, row1 + k, model.t2, row2 + k, model.t3, row3 + k
                )
        work[j] = total
    for j in range(LANES):
        work[3 * LANES + j] -= log_fast(work[j])
    for j in range(count):
        out[2 * LANES + j] = pair_part[at[j]]
    map_tail(work[3 * LANES :], model.flow, at[:LANES], out[3 * LANES :])
    if lifted:
        for j in range(LANES):
            work[3 * LANES + j] += _POWER * log_fast(work[LANES + j])
        map_tail(work[3 * LANES :], model.lift, at[:LANES], work[:LANES])
        for j in range(LANES):
            f, v = out[3 * LANES + j], work[j]
            out[3 * LANES + j] = max(f, v) + _SHARE * min(f, v)
    for j in range(LANES):
        p, f = out[2 * LANES + j], out[3 * LANES + j]
        work[j] = max(p, f) + _SHARE * min(p, f)
    map_tail(work[:LANES], model.fused, at[:LANES], out[LANES : 2 * LANES])
    if scored:
        for j in range(LANES):
            out[j] = probability_fast(out[LANES + j])


@njit(cache=True, nogil=True)
def _slot(key: np.uint32, a: np.uint32, b: np.uint32, c: np.uint32) -> np.uint64:
    """Where the memo keeps a flow; only speed depends on it, so it needs no salt."""
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(a) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= np.uint64(b) * np.uint64(0x94D049BB133111EB) + np.uint64(c) * np.uint64(0xD6E8FEB86659FD93)
    h ^= h >> np.uint64(32)
    h *= np.uint64(0x9E3779B97F4A7C15)
    return h >> np.uint64(50)


@njit(cache=True, nogil=True)
def score_flows(
    lo: int, hi: int, attributes: F32, bits: U32, missing: npt.NDArray[np.bool_], pair: I32, row: I32,
    pair_part: F32, mix: F32, model: FlowModel, score: F32, surprise: F64, pair_out: F32, flow_out: F32,
) -> None:  # fmt: skip
    """Score flows ``lo:hi``.

    A memo holds the scores of flows with equal pair and attributes, as long as it answers often enough.

    Parameters
    ----------
    attributes, bits
        float32 [E, 3] raw counters, and the same memory as uint32.
    row
        int32 [P] row of ``pair_part`` [R] and ``mix`` (R rows of ``model.width``, flat) for each pair.
    score
        float32 [E], or [0] where surprises are calibrated once more: scores come then.
    """
    chosen = np.empty(LANES, np.int32)
    work, out = np.ones(4 * LANES, np.float32), np.ones(4 * LANES, np.float32)
    at = np.zeros(4 * LANES, np.int32)
    scored = score.shape[0] > 0
    use = hi - lo > 4 * PROBE * LANES
    size = MEMO if use else 1
    keys, kept = np.empty((size, 4), np.uint32), np.empty((size, 4), np.float32)
    kept_tie, tie, fine = np.empty(size, np.int32), np.zeros(LANES, np.int32), surprise.view(np.int64)
    for slot in range(size):
        keys[slot, 0] = np.uint32(0xFFFFFFFF)
    slots = np.zeros(LANES, np.uint64)
    done, answered, blocks = lo, 0, 0
    while done < hi:
        m = 0
        if use:
            while done < hi and m < LANES:
                i = done
                done += 1
                key = (np.uint32(pair[i]) << np.uint32(1)) | np.uint32(missing[i])
                slot = _slot(key, bits[i, 0], bits[i, 1], bits[i, 2])
                k = keys[slot]
                if k[0] == key and k[1] == bits[i, 0] and k[2] == bits[i, 1] and k[3] == bits[i, 2]:
                    v = kept[slot]
                    if scored:
                        score[i] = v[0]
                    pair_out[i], flow_out[i] = v[2], v[3]
                    fine[i] = refined(v[1], kept_tie[slot], missing[i])
                    answered += 1
                else:
                    chosen[m] = i
                    slots[m] = slot
                    m += 1
        else:
            m = min(LANES, hi - done)
            for j in range(m):
                chosen[j] = done + j
            done += m
            # the next block's mixtures arrive while this one is at work
            for i in range(done, min(done + LANES, hi)):
                r = row[pair[i]]
                prefetch(mix, r * np.int64(model.width))
                prefetch(mix, r * np.int64(model.width) + 16)
                prefetch(pair_part, r)
        _block(chosen, m, attributes, missing, pair, row, pair_part, mix, model, scored, work, at, out, tie)
        for j in range(m):
            i = chosen[j]
            if scored:
                score[i] = out[j]
            fine[i] = refined(out[LANES + j], tie[j], missing[i])
            pair_out[i], flow_out[i] = out[2 * LANES + j], out[3 * LANES + j]
        if use:
            for j in range(m):
                i = chosen[j]
                key = (np.uint32(pair[i]) << np.uint32(1)) | np.uint32(missing[i])
                k, v = keys[slots[j]], kept[slots[j]]
                k[0], k[1], k[2], k[3] = key, bits[i, 0], bits[i, 1], bits[i, 2]
                v[0], v[1], v[2], v[3] = out[j], out[LANES + j], out[2 * LANES + j], out[3 * LANES + j]
                kept_tie[slots[j]] = tie[j]
            blocks += 1
            if blocks == PROBE // 2:
                answered = 0
            elif blocks == PROBE:
                # flows seen by the latter half of the blocks: those computed and those answered
                use = answered * 4 > PROBE // 2 * LANES + answered
