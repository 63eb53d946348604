"""Bins of raw counters for the CPU kernels: by the bits of the number, then a step or two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

SHIFT = 17
"""Bits of a float32 below its sign, exponent and 6 leading mantissa bits: 64 buckets an octave, so that
whole numbers below 128 need no step at all."""


def bucket_starts(edges: F32) -> I32:
    """int32 [2**14]: for each bucket of float32 bit patterns the first bin a value in it can have."""
    floor = (np.arange(1 << (31 - SHIFT), dtype=np.uint32) << np.uint32(SHIFT)).view(np.float32)
    floor = np.where(np.isnan(floor), np.float32(np.inf), floor)
    return np.searchsorted(edges, floor, side="right").astype(np.int32)


def ended(edges: F32) -> F32:
    """The edges and a NaN, which no value reaches: the search needs no end."""
    return np.append(edges, np.float32(np.nan))


@njit(cache=True, nogil=True)
def bin_at(v: np.float32, edges: F32, starts: I32) -> np.int32:
    """`bin_of` one float32 >= 0, by `ended` edges."""
    at = starts[np.float32(v).view(np.int32) >> SHIFT]
    while edges[at] <= v:
        at += 1
    return np.int32(at)
