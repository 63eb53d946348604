"""Calibration: from a head's raw value to -ln of the share of benign flows at least as strange.

Empirical where the benign validation flows can say, extrapolated beyond. Every map is strictly increasing,
so flows that differ before it differ after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


STEEPEST = 3.0
"""Steepest slope of a map: repeated flows pile up on single raw values, and a step there would turn the
rounding of a raw value into a visible difference between executors."""

CURVATURE = 3.0
"""Of the tails of raw values."""


@dataclass(frozen=True)
class TailMap:
    """A strictly increasing map v -> -ln P(V >= v).

    Attributes
    ----------
    x, y
        float32 [M] knots of the piecewise linear part, both strictly increasing, y > 0.
    tail
        float32 [2]: scale m and curvature k. Beyond the last knot
        ``y_M + k ln(1 + (v - x_M) / (k m))``: exponential tail at first, heavier further out, so that
        a far outlier saturates late; k = inf is the exponential tail.

    Notes
    -----
    Below the first knot the map is ``y_0 / (1 + x_0 - v)``.
    """

    x: F32
    y: F32
    tail: F32

    def __call__(self, v: F32) -> F32:
        """float32, elementwise."""
        x, y = self.x, self.y
        m, k = self.tail
        out = np.interp(v, x, y).astype(np.float32)
        low, high = v < x[0], v > x[-1]
        out[low] = y[0] / (1 + (x[0] - v[low]))
        excess = v[high] - x[-1]
        out[high] = y[-1] + (k * np.log1p(excess / (k * m)) if np.isfinite(k) else excess / m)
        return out


def fuse(pair: F32, flow: F32) -> F32:
    """One value from both calibrated parts: ``max + 0.01 min``.

    A flow is as strange as the stranger of its two sides (Tippett's minimum-p, 1931); the small share of
    the other side keeps flows apart that tie on the first.
    """
    out: F32 = np.maximum(pair, flow) + np.float32(0.01) * np.minimum(pair, flow)
    return out


def fit_tail(
    values: npt.NDArray[np.floating], *, knots: int = 96, upto: float = 0.95, k: float = np.inf
) -> TailMap:
    """Fit the map on benign validation values.

    Parameters
    ----------
    values
        [V] raw values of benign flows.
    knots
        Most knots of the empirical part.
    upto
        Quantile where the empirical part ends.
    k
        Curvature of the tail.
    """
    # in their own type: there may be a hundred million
    v = np.sort(values)
    n = v.shape[0]
    # -ln spacing puts as many knots into the last percent as into the first half
    depth = np.linspace(0.0, -np.log1p(-upto), knots)
    q = -np.expm1(-depth)
    at = np.minimum((q * n).astype(np.int64), n - 1)
    x = v[at]
    # P(V >= v) of a value with ties counts all of them: take the first position of each distinct value
    first = np.searchsorted(v, x, side="left")
    y = -np.log((n - first + 0.5) / (n + 1.0))
    x32 = x.astype(np.float32)
    keep = np.concatenate([[True], np.diff(x32) > 0])
    x32, y = x32[keep], y[keep]
    y = np.maximum.accumulate(y) + np.arange(y.shape[0]) * 1e-5 + 1e-3
    # a knot moves right where the map would be steeper than STEEPEST: x[i] >= x[i-1] + dy / STEEPEST
    x32 = (np.maximum.accumulate(x32 - y / STEEPEST) + y / STEEPEST).astype(np.float32)
    # far from zero, float32 may not tell the moved knots apart
    keep = np.concatenate([[True], np.diff(x32) > 0])
    x32, y = x32[keep], y[keep]
    threshold = v[min(int(0.95 * n), n - 1)]
    excess = v[np.searchsorted(v, threshold) :].astype(np.float64) - float(threshold)
    m = max(float(excess.mean()) if excess.size else 0.0, 1e-2)
    return TailMap(x32, y.astype(np.float32), np.array([m, k], np.float32))


def fit_far(values: npt.NDArray[np.floating], knots: int, k: float = CURVATURE) -> TailMap:
    """`fit_tail`, empirical as far as 10 of the values lie beyond, extrapolated from there.

    Parameters
    ----------
    values, knots, k
        See ``fit_tail``.
    """
    n = max(values.shape[0], 1)
    return fit_tail(values, knots=knots, upto=min(max(1 - 10 / n, 0.95), 0.9999), k=k)
