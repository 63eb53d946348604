"""Tail maps for the CPU kernels: `TailMap` at one value in a few instructions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu_math import FAST, log_fast
from morpheus_gae.model.calibration import TailMap

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

_ONE = np.float32(1.0)


class Tail(NamedTuple):
    """A `TailMap` as the kernels take it.

    Attributes
    ----------
    knots
        float32 [M, 4]: x, y, slope to the next knot, x of the next knot (infinite at the last).
    grid
        int32 [steps + 2]: the last knot before each of equal steps over the knots.
    first, last, per_step
        x of the first and of the last knot, steps per unit of x.
    m, k
        Scale and curvature beyond the last knot.
    """

    knots: F32
    grid: I32
    first: np.float32
    last: np.float32
    per_step: np.float32
    m: np.float32
    k: np.float32


def tail_of(tail: TailMap, steps: int = 4096) -> Tail:
    """Knots, slopes and look-up grid."""
    x, y = tail.x, tail.y
    knots = np.zeros((x.shape[0], 4), np.float32)
    knots[:, 0], knots[:, 1] = x, y
    knots[:-1, 2] = np.diff(y.astype(np.float64)) / np.diff(x.astype(np.float64))
    knots[:-1, 3], knots[-1, 3] = x[1:], np.inf
    width = float(x[-1]) - float(x[0])
    # half a step early: rounding must not name a knot too far
    at = float(x[0]) + (np.arange(steps + 2) - 0.5) * width / steps
    grid = np.clip(np.searchsorted(x, at, side="right") - 1, 0, x.shape[0] - 1).astype(np.int32)
    m, k = (np.float32(v) for v in tail.tail)
    per_step = np.float32(steps / width if width > 0 else 0.0)
    return Tail(knots, grid, x[0], x[-1], per_step, m, k)


@njit(cache=True, nogil=True, fastmath=FAST)
def _beyond(v: np.float32, t: Tail) -> np.float32:
    """`TailMap` beyond the last knot."""
    excess = v - t.last
    top = t.knots[t.knots.shape[0] - 1, 1]
    if t.k > np.float32(1e30):
        return top + excess / t.m
    # ln(1 + u) without losing a small u
    u = excess / (t.k * t.m)
    whole = _ONE + u
    lost = whole - _ONE
    return top + t.k * (log_fast(whole) * (u / lost) if lost > np.float32(0.0) else u)


@njit(cache=True, nogil=True, fastmath=FAST)
def tail_at(v: np.float32, t: Tail) -> np.float32:
    """`TailMap` at one float32."""
    if v >= t.last:
        return _beyond(v, t)
    if v < t.first:
        return t.knots[0, 1] / (_ONE + (t.first - v))
    i = t.grid[np.int32((v - t.first) * t.per_step)]
    # mostly one step or none: added, not branched on
    i += np.int32(t.knots[i, 3] <= v)
    while t.knots[i, 3] <= v:
        i += 1
    return t.knots[i, 1] + (v - t.knots[i, 0]) * t.knots[i, 2]


@njit(cache=True, nogil=True)
def map_tail(values: F32, tail: Tail, out: F32) -> None:
    """`tail_at` elementwise."""
    for i in range(values.shape[0]):
        out[i] = tail_at(values[i], tail)
