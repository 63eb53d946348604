"""Excess: what a count above what is usual adds, one at a time; see `model.activity`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.model.activity import MOST

F32 = npt.NDArray[np.float32]


@njit(cache=True, nogil=True)
def nats(count: float, past: float, share: float, prior: F32) -> float:
    """`model.activity.nats` of one count."""
    burst, spread = float(prior[0]), float(prior[1])
    start, slope = float(prior[2]), float(prior[3])
    expected = (past + 1) * share
    root = np.sqrt(burst * expected * (1 + share) + spread * expected * expected + 1)
    return min(max(slope * ((count - expected) / root - start), 0.0), MOST)
