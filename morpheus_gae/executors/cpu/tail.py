"""Tail maps for the CPU kernels: `TailMap` at one value in a few instructions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.math import FAST, log_fast
from morpheus_gae.model.calibration import TailMap

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

_ONE = np.float32(1.0)


class Tail(NamedTuple):
    """A `TailMap` as the kernels take it.

    Attributes
    ----------
    knots
        float32 [4 M]: of each knot x, y, slope to the next knot, x of the next knot (infinite at the last).
    grid
        int32 [steps + 2]: the last knot before each of equal steps over the knots.
    most
        Most knots within a step.
    first, last, per_step
        x of the first and of the last knot, steps per unit of x.
    m, k
        Scale and curvature beyond the last knot.
    """

    knots: F32
    grid: I32
    most: int
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
    # a value at a step's end may be taken for the next one's: half a step more on either side
    most = int((np.append(grid[2:], grid[-1]) - grid[:-1]).max())
    return Tail(knots.reshape(-1), grid, most, x[0], x[-1], per_step, m, k)


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def _beyond(v: np.float32, t: Tail) -> np.float32:
    """`TailMap` beyond the last knot."""
    excess = v - t.last
    top = t.knots[t.knots.shape[0] - 3]
    if t.k > np.float32(1e30):
        return top + excess / t.m
    # ln(1 + u) without losing a small u
    u = excess / (t.k * t.m)
    whole = _ONE + u
    lost = whole - _ONE
    return top + t.k * (log_fast(whole) * (u / lost) if lost > np.float32(0.0) else u)


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def map_tail(values: F32, t: Tail, knot: I32, out: F32) -> None:
    """`TailMap` elementwise; ``knot`` is room for int32 of as many values.

    Every step is a loop of its own without a branch. Values outside the knots, which are few, come last.
    """
    n = values.shape[0]
    knots, grid, first, last, per_step, most = t.knots, t.grid, t.first, t.last, t.per_step, t.most
    outside = 0
    for i in range(n):
        v = values[i]
        inside = min(max(v, first), last)
        outside += int(v < first) + int(v >= last)
        knot[i] = grid[np.uint32((inside - first) * per_step)]
    for _ in range(most):
        for i in range(n):
            at = knot[i]
            knot[i] = at + np.int32(knots[np.uint32(4 * at + 3)] <= values[i])
    for i in range(n):
        at = np.uint32(4 * knot[i])
        out[i] = knots[at + np.uint32(1)] + (values[i] - knots[at]) * knots[at + np.uint32(2)]
    if outside:
        for i in range(n):
            v = values[i]
            if v >= last:
                out[i] = _beyond(v, t)
            elif v < first:
                out[i] = knots[1] / (_ONE + (first - v))
