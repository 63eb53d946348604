"""Sums: converts memory counters to additive sums and back, so that memories add up.

Flows may count in parts (a burst counts once, the past fades), so a row may have a spread whatever its count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Real = npt.NDArray[np.floating[Any]]

ROUNDING = 8
"""Spread below this multiple of the sums' precision is rounding, and none."""


def sums_of(counters: F32) -> F64:
    """Return flows, sums (3) and sums of squares (3) from counters of `moments`, float64 [R, 7]."""
    c = counters.astype(np.float64)
    n, mean, sd = c[:, :1], c[:, 1:4], c[:, 4:7]
    return np.concatenate([n, n * mean, n * (sd**2 + mean**2)], 1)


def moments(sums: Real, count: Real | None = None) -> F32:
    """Return flows, mean (3) and standard deviation (3) from sums; inverse of `sums_of`.

    Parameters
    ----------
    sums
        float [R, 7].
    count
        float [R] given in place of the number of flows.

    Returns
    -------
    float32 [R, 7]
        Zeros where there are no flows.
    """
    n = np.maximum(sums[:, :1], 0)
    safe = np.where(n > 0, n, 1)
    mean = np.where(n > 0, sums[:, 1:4] / safe, 0)
    square = np.where(n > 0, sums[:, 4:7] / safe, 0)
    variance = square - mean**2
    variance[variance <= ROUNDING * np.finfo(sums.dtype).eps * square] = 0
    told = n if count is None else count[:, None]
    return np.concatenate([told, mean, np.sqrt(variance)], 1).astype(np.float32)


def less(whole: Real, part: Real) -> Real:
    """Return sums without a part, float [R, 7]; a spread that may be rounding of the whole is none."""
    rest = whole - part
    n = np.where(rest[:, :1] > 0, rest[:, :1], 1)
    alike = rest[:, 1:4] ** 2 / n
    noise = ROUNDING * np.finfo(whole.dtype).eps * whole[:, 4:7]
    rest[:, 4:7] = np.where(rest[:, 4:7] - alike > noise, rest[:, 4:7], alike)
    return rest
