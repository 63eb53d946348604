"""Ties on the CPU: `model.ties.apart` in one pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.model.ties import ABOVE, BELOW, FURTHEST, SHIFT

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_ONE = np.float32(1)


@njit(cache=True, nogil=True)
def apart(
    lo: int, hi: int, surprise: F32, attributes: F32, missing: npt.NDArray[np.bool_], centre: I64, out: F64
) -> None:
    """Fill ``out[lo:hi]``, float64 [E]; see `model.ties`."""
    bits = out.view(np.int64)
    c0, c1, c2 = centre[0], centre[1], centre[2]
    for i in range(lo, hi):
        a = np.int64(np.float32(_ONE + attributes[i, 0]).view(np.int32)) - c0
        b = np.int64(np.float32(_ONE + attributes[i, 1]).view(np.int32)) - c1
        c = np.int64(np.float32(_ONE + attributes[i, 2]).view(np.int32)) - c2
        total = min(abs(a), FURTHEST) * (BELOW[0] if a < 0 else ABOVE[0])
        total += min(abs(b), FURTHEST) * (BELOW[1] if b < 0 else ABOVE[1])
        total += min(abs(c), FURTHEST) * (BELOW[2] if c < 0 else ABOVE[2])
        wide = np.float64(surprise[i]).view(np.int64)
        bits[i] = wide | ((total >> SHIFT) + np.int64(missing[i]))
