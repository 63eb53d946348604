"""Scalar arithmetic of the CPU kernels, in steps that LLVM can turn into vector code."""

from __future__ import annotations

import numpy as np
from numba import njit

FAST = {"reassoc", "contract", "nsz", "arcp"}
"""Float rules the kernels may bend: order of sums, fused multiply-add, sign of zero, reciprocals."""
ORDERED = FAST - {"reassoc"}
"""The same where the order of operations keeps bits: without fused multiply-add ``(x - n high) - n low``
would become ``x - n (high + low)``."""
# Kernels with these rules that others call have forceinline: optimised once more inside their caller they may
# round in another way, and a process that compiles them calls the first version where all later ones, which
# load the caller from the cache, have the second.

_LN2 = np.float32(0.69314718)
_LOG2E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)
_ONE = np.float32(1.0)


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def log_fast(value: np.float32) -> np.float32:
    """Natural logarithm of a normal float32 > 0, to 1e-7 absolute near 1 and 2e-7 relative elsewhere."""
    bits = np.float32(value).view(np.int32)
    # the mantissa is taken from [sqrt(1/2), sqrt 2), so that ln is small where the exponent is 0
    shifted = np.int32(bits - np.int32(0x3F3504F3))
    exponent = np.float32(np.int32(shifted >> np.int32(23)))
    mantissa = np.int32(np.int32(shifted & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(np.float32)
    t = mantissa - _ONE
    # Cephes logf (S. Moshier)
    p = np.float32(7.0376836292e-2) * t - np.float32(1.1514610310e-1)
    p = p * t + np.float32(1.1676998740e-1)
    p = p * t - np.float32(1.2420140846e-1)
    p = p * t + np.float32(1.4249322787e-1)
    p = p * t - np.float32(1.6668057665e-1)
    p = p * t + np.float32(2.0000714765e-1)
    p = p * t - np.float32(2.4999993993e-1)
    p = p * t + np.float32(3.3333331174e-1)
    t2 = t * t
    return exponent * _LN2 + (t + t2 * (p * t - np.float32(0.5)))


@njit(cache=True, nogil=True, fastmath=ORDERED, forceinline=True)
def exp_fast(value: np.float32) -> np.float32:
    """The exponential ``e**value`` to 3e-7 relative, for value <= 0; 1e-38 below -87."""
    x = max(np.float32(value), np.float32(-87.0))
    n = np.floor(x * _LOG2E + np.float32(0.5))
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    p = np.float32(1.9875691e-4) * r + np.float32(1.3981999e-3)
    p = p * r + np.float32(8.3334519e-3)
    p = p * r + np.float32(4.1665796e-2)
    p = p * r + np.float32(1.6666665e-1)
    p = p * r + np.float32(0.5)
    p = p * r * r + r + _ONE
    scale = np.int32(np.int32(np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * scale


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def probability_fast(surprise: np.float32) -> np.float32:
    """1 - e**-surprise for surprise >= 0, to 1e-6 relative."""
    s = np.float32(surprise)
    small = s * (
        _ONE
        - s * (np.float32(0.5) - s * (np.float32(1 / 6) - s * (np.float32(1 / 24) - s * np.float32(1 / 120))))
    )
    large = _ONE - exp_fast(-s)
    return small if s < np.float32(0.25) else large
