"""Sums: converts memory counters to additive sums and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def sums_of(counters: F32) -> F64:
    """Return sums from flows, mean (3) and standard deviation (3), float64 [R, 7]."""
    c = counters.astype(np.float64)
    n, mean, sd = c[:, :1], c[:, 1:4], c[:, 4:7]
    return np.concatenate([n, n * mean, n * (sd**2 + mean**2)], 1)


def moments(sums: F64) -> F32:
    """Return flows, mean (3) and standard deviation (3) from sums, float32 [R, 7]; inverse of `sums_of`."""
    n = sums[:, :1]
    safe = np.where(n > 0, n, 1.0)
    mean = sums[:, 1:4] / safe
    variance = np.where(n > 1, sums[:, 4:7] / safe - mean**2, 0.0)
    return np.concatenate([n, mean, np.sqrt(np.maximum(variance, 0.0))], 1).astype(np.float32)
