"""Ties on the CPU: `model.ties` flow by flow, for kernels that have the attributes at hand, and in a pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.model.ties import ABOVE, BELOW, FURTHEST, SHIFT

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

_ONE = np.float32(1)
_B0, _B1, _B2 = BELOW
_A0, _A1, _A2 = ABOVE


@njit(cache=True, nogil=True, inline="always")
def _away(value: Any, centre: int, below: int, above: int) -> int:
    away = np.int64(np.float32(_ONE + value).view(np.int32)) - centre
    return min(abs(away), FURTHEST) * (below if away < 0 else above)


@njit(cache=True, nogil=True)
def ties_of(columns: F32, count: int, stride: int, centre: I64, out: I32) -> None:
    """T without missing durations of ``count`` flows, whose attributes lie in columns ``stride`` apart."""
    c0, c1, c2 = centre[0], centre[1], centre[2]
    for j in range(count):
        total = _away(columns[j], c0, _B0, _A0) + _away(columns[stride + j], c1, _B1, _A1)
        out[j] = np.int32((total + _away(columns[2 * stride + j], c2, _B2, _A2)) >> SHIFT)


@njit(cache=True, nogil=True, inline="always")
def refined(surprise: Any, tie: Any, missing: Any) -> int:
    """Bits of a surprise, float64, with T in those that its float32 leaves free."""
    return np.float64(surprise).view(np.int64) | (np.int64(tie) + np.int64(missing))


@njit(cache=True, nogil=True)
def apart(
    lo: int, hi: int, surprise: F32, attributes: F32, missing: npt.NDArray[np.bool_], centre: I64, out: F64
) -> None:
    """Fill ``out[lo:hi]``, float64 [E]; see `model.ties`."""
    bits = out.view(np.int64)
    c0, c1, c2 = centre[0], centre[1], centre[2]
    for i in range(lo, hi):
        total = _away(attributes[i, 0], c0, _B0, _A0) + _away(attributes[i, 1], c1, _B1, _A1)
        total += _away(attributes[i, 2], c2, _B2, _A2)
        bits[i] = refined(surprise[i], total >> SHIFT, missing[i])
