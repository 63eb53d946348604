"""Flow likelihood for the CPU executor: bins, mixture and tail map of every flow in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.model.calibration import TailMap

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

SHIFT = 19
"""Bits of a float32 below its sign, exponent and 4 leading mantissa bits: 16 buckets an octave."""
LN2 = 0.6931471805599453


def bucket_starts(edges: F32) -> I32:
    """int32 [4096]: for each bucket of float32 bit patterns the first bin a value in it can have."""
    floor = (np.arange(4096, dtype=np.uint32) << np.uint32(SHIFT)).view(np.float32)
    floor = np.where(np.isnan(floor), np.float32(np.inf), floor)
    return np.searchsorted(edges, floor, side="right").astype(np.int32)


@njit(cache=True, nogil=True, inline="always")
def log1p_fast(value: np.float32) -> float:
    """ln(1 + value) of a float32 >= 0, to 1e-6 (polynomial of degree 9 on [1/sqrt 2, sqrt 2))."""
    bits = np.float32(np.float32(1.0) + value).view(np.int32)
    exponent = (bits >> 23) - 127
    mantissa = (bits & 0x7FFFFF) / 8388608.0 + 1.0
    if mantissa > 1.4142135:
        mantissa *= 0.5
        exponent += 1
    t = (mantissa - 1.0) / (mantissa + 1.0)
    t2 = t * t
    series = t * (2.0 + t2 * (0.66666667 + t2 * (0.4 + t2 * (0.28571429 + t2 * 0.22222222))))
    return exponent * LN2 + series


@njit(cache=True, nogil=True, inline="always")
def apply_tail(v: float, x: F32, y: F32, tail: F32, grid: I32) -> float:
    """`TailMap` at one value; ``grid`` holds the knot where each of equal steps over the knots starts."""
    last = x.shape[0] - 1
    if v < x[0]:
        return y[0] / (1.0 + (x[0] - v))
    if v >= x[last]:
        excess = v - x[last]
        m, k = tail[0], tail[1]
        if np.isinf(k):
            return y[last] + excess / m
        return y[last] + k * np.log1p(excess / (k * m))
    at = int((v - x[0]) / (x[last] - x[0]) * (grid.shape[0] - 1))
    i = grid[min(at, grid.shape[0] - 1)]
    while i > 0 and x[i] > v:
        i -= 1
    while x[i + 1] <= v:
        i += 1
    return y[i] + (v - x[i]) / (x[i + 1] - x[i]) * (y[i + 1] - y[i])


def tail_arrays(tail: TailMap, steps: int = 1024) -> tuple[F32, F32, F32, I32]:
    """Knots and their look-up grid, as `apply_tail` takes them."""
    x = tail.x
    at = np.linspace(float(x[0]), float(x[-1]), steps)
    grid = np.clip(np.searchsorted(x, at, side="right") - 1, 0, x.shape[0] - 2)
    return x, tail.y, tail.tail, grid.astype(np.int32)


@njit(cache=True, nogil=True)
def map_tail(values: F32, x: F32, y: F32, tail: F32, grid: I32, out: F32) -> None:
    """`apply_tail` elementwise."""
    for i in range(values.shape[0]):
        out[i] = apply_tail(values[i], x, y, tail, grid)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})
def flow_values(
    attributes: F32,
    missing: npt.NDArray[np.bool_],
    pair: I32,
    mix: F32,
    edges: tuple[F32, F32, F32],
    starts: tuple[I32, I32, I32],
    group1: I32,
    group2: I32,
    t1: F32,
    t2: F32,
    t3: F32,
    mean: F32,
    inverse: F32,
    smooth: F32,
    out: F32,
) -> None:
    """-ln likelihood of each flow's attributes under its pair's mixture of flow types.

    Parameters
    ----------
    attributes
        float32 [E, 3] raw counters.
    mix
        float32 [P, K] shares of the flow types.
    t1, t2, t3
        float32 [B1, K], [G1, B2, K], [G2, B3, K] probabilities (not logs: three factors and a share stay
        far above the smallest float32).
    """
    k = mix.shape[1]
    b = np.empty(3, np.int32)
    for i in range(pair.shape[0]):
        weak = 0.0
        for c in range(3):
            v = attributes[i, c]
            z = (log1p_fast(v) - mean[c]) * inverse[c]
            z = min(max(z, -8.0), 8.0)
            weak += smooth[c] * z * z
            if c == 2 and missing[i]:
                b[2] = 0
                continue
            edge = edges[c]
            at = starts[c][np.float32(v).view(np.int32) >> SHIFT]
            while at < edge.shape[0] and edge[at] <= v:
                at += 1
            b[c] = at
        row1 = t1[b[0]]
        row2 = t2[group1[b[0]], b[1]]
        row3 = t3[group2[b[1]], b[2]]
        own = mix[pair[i]]
        total = np.float32(0.0)
        for j in range(k):
            total += own[j] * row1[j] * row2[j] * row3[j]
        out[i] = weak - np.log(total)


@njit(cache=True, nogil=True)
def finish(
    pair: I32,
    pair_part: F32,
    flow_raw: F32,
    flow: tuple[Any, ...],
    fused: tuple[Any, ...],
    both: bool,
    score: F32,
    surprise: F32,
    pair_out: F32,
    flow_out: F32,
) -> None:
    """Calibrate, fuse and calibrate again: score, surprise and both parts of every flow."""
    for i in range(pair.shape[0]):
        p = pair_part[pair[i]]
        f = (
            np.float32(apply_tail(flow_raw[i], flow[0], flow[1], flow[2], flow[3]))
            if both
            else np.float32(0.0)
        )
        v = max(p, f) + np.float32(0.01) * min(p, f) if both else p
        s = apply_tail(v, fused[0], fused[1], fused[2], fused[3])
        pair_out[i] = p
        flow_out[i] = f
        surprise[i] = s
        score[i] = -np.expm1(-s)
