"""Compiled contributions: see `detect.contributions`."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_SHARE = np.float32(0.01)
"""Weight of the smaller of pair and flow, see `model.calibration.fuse`."""


@njit(cache=True, nogil=True)
def contribute(
    pair: F32, flow: F32, others: F32, counts: F32, surprise: F64, x: F32, y: F32, tail: F32, fused: bool,
    unit: float, out: F64,
) -> None:  # fmt: skip
    """Decompose the surprise of flagged flows.

    Parameters
    ----------
    pair, flow
        float32 [F], the model's parts.
    others, counts
        float32 [F], what the rest of the window added, and what of it counts did; of length 0 for none.
    surprise
        float64 [F].
    x, y, tail
        Of `model.calibration.TailMap`, for pair and flow fused.
    fused
        Whether there is a part of the flow.
    unit
        Parts of a nat that are told.
    out
        float64 [4, F], written, in the order of ``CONTRIBUTIONS``.
    """
    for i in range(pair.shape[0]):
        fuse = pair[i]
        if fused:
            fuse = max(pair[i], flow[i]) + _SHARE * min(pair[i], flow[i])
        own = np.float64(_on_tail(fuse, x, y, tail))
        p, f = np.float64(pair[i]), np.float64(flow[i])
        if p >= f:
            f *= 0.01
        else:
            p *= 0.01
        whole = p + f
        if whole <= 0:
            # if both parts are 0, what calibration adds is the pair's
            p, whole = 1.0, 1.0
        a, b, c, d = own * p / whole, own * f / whole, 0.0, 0.0
        if others.shape[0]:
            added = np.float64(others[i])
            if counts.shape[0]:
                c = min(np.float64(counts[i]), added)
            d = added - c
        total = ((a + b) + c) + d
        if total <= 0:
            # as above: a result from zeros is the pair's
            a, total = 1.0, 1.0
        times = surprise[i] / total
        a, b, c, d = a * times, b * times, c * times, d * times
        largest, most = 0, a
        if b > most:
            largest, most = 1, b
        if c > most:
            largest, most = 2, c
        if d > most:
            largest = 3
        # few decimals are quick to write; what rounding takes away goes to the largest part
        a, b, c, d = np.floor(a * unit), np.floor(b * unit), np.floor(c * unit), np.floor(d * unit)
        rest = np.rint(surprise[i] * unit) - (((a + b) + c) + d)
        out[0, i], out[1, i], out[2, i], out[3, i] = a, b, c, d
        out[largest, i] += rest
        for k in range(4):
            out[k, i] /= unit


@njit(cache=True, nogil=True)
def _on_tail(v: np.float32, x: F32, y: F32, tail: F32) -> np.float32:
    """`model.calibration.TailMap` of one value."""
    last, one = x.shape[0] - 1, np.float32(1)
    if v < x[0]:
        return np.float32(y[0] / (one + (x[0] - v)))
    if v > x[last]:
        m, k = tail[0], tail[1]
        excess = v - x[last]
        if math.isfinite(k):
            return np.float32(y[last] + k * np.float32(math.log1p(np.float32(excess / (k * m)))))
        return np.float32(y[last] + excess / m)
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) >> 1
        if x[middle] <= v:
            low = middle
        else:
            high = middle - 1
    if low == last or x[low] == v:
        return y[low]
    slope = (np.float64(y[low + 1]) - np.float64(y[low])) / (np.float64(x[low + 1]) - np.float64(x[low]))
    return np.float32(slope * (np.float64(v) - np.float64(x[low])) + np.float64(y[low]))
