"""Triton: what several kernels compute for each of their lanes."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import triton
import triton.language as tl

from morpheus_gae.model.ties import ABOVE, BELOW, FURTHEST, SHIFT

_BELOW0, _BELOW1, _BELOW2 = (tl.constexpr(weight) for weight in BELOW)
_ABOVE0, _ABOVE1, _ABOVE2 = (tl.constexpr(weight) for weight in ABOVE)
_FURTHEST, _SHIFT = tl.constexpr(FURTHEST), tl.constexpr(SHIFT)


@triton.jit
def standardised(values, mean, inverse):
    """float32: log1p, standardised and cut at -8 and 8."""
    z = (tl.log(1.0 + values) - mean) * inverse
    return tl.minimum(tl.maximum(z, -8.0), 8.0)


@triton.jit
def at_or_below(values, edges, count, STEPS: tl.constexpr):
    """int32: edges at or below each value, by bisection; ``STEPS`` is the bit length of the most edges."""
    low = tl.zeros_like(values).to(tl.int32)
    high = low + count
    for _ in tl.static_range(STEPS):
        open_ = low < high
        middle = (low + high) // 2
        below = tl.load(edges + middle, mask=open_, other=float("inf")) <= values
        low = tl.where(open_ & below, middle + 1, low)
        high = tl.where(open_ & ~below, middle, high)
    return low


@triton.jit
def tail(values, x, y, scale, count, STEPS: tl.constexpr):
    """float32: ``model.calibration.TailMap``; ``scale`` points to m and k, k = 0 in the place of infinity."""
    i = at_or_below(values, x, count, STEPS) - 1
    i = tl.minimum(tl.maximum(i, 0), count - 2)
    x0, y0 = tl.load(x + i), tl.load(y + i)
    inner = y0 + (values - x0) / (tl.load(x + i + 1) - x0) * (tl.load(y + i + 1) - y0)
    first, last = tl.load(x), tl.load(x + count - 1)
    under = tl.load(y) / (1.0 + tl.maximum(first - values, 0.0))
    m, k = tl.load(scale), tl.load(scale + 1)
    excess = tl.maximum(values - last, 0.0) / m
    bent = k * tl.log(1.0 + excess / tl.where(k > 0, k, 1.0))
    over = tl.load(y + count - 1) + tl.where(k > 0, bent, excess)
    return tl.where(values < first, under, tl.where(values > last, over, inner))


@triton.jit
def log1p_of_share(s):
    """float32: ln(1 + s) of s in 0 to 1, without the loss of 1 + s: the series of 2 atanh(s / (2 + s))."""
    t = s / (2.0 + s)
    q = t * t
    series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13))))))
    return 2.0 * t * series


@triton.jit
def softplus(values):
    """float32: ln(1 + e**v), without overflow on either side."""
    return tl.maximum(values, 0.0) + log1p_of_share(tl.exp(-tl.abs(values)))


@triton.jit
def share_below(surprise):
    """float32: 1 - e**-s of s from 0, by its series where the difference would lose digits."""
    s = tl.minimum(surprise, 0.25)
    series = s * (1.0 - s * (1 / 2 - s * (1 / 6 - s * (1 / 24 - s * (1 / 120 - s * (1 / 720))))))
    return tl.where(surprise < 0.25, series, 1.0 - tl.exp(-surprise))


@triton.jit
def _weighted(attribute, centre, BELOW: tl.constexpr, ABOVE: tl.constexpr):
    away = (attribute + 1.0).to(tl.int32, bitcast=True).to(tl.int64) - tl.load(centre)
    far = tl.minimum(tl.abs(away), _FURTHEST)
    return far * tl.where(away < 0, BELOW, ABOVE)


@triton.jit
def apart(surprise, x0, x1, x2, none, centre):
    """float64: ``model.ties.apart`` of float32, three attributes, and whether the duration is missing."""
    total = none.to(tl.int64) << _SHIFT
    total += _weighted(x0, centre, _BELOW0, _ABOVE0)
    total += _weighted(x1, centre + 1, _BELOW1, _ABOVE1)
    total += _weighted(x2, centre + 2, _BELOW2, _ABOVE2)
    wide = surprise.to(tl.float64).to(tl.int64, bitcast=True)
    return (wide | (total >> _SHIFT)).to(tl.float64, bitcast=True)
