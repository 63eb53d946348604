"""Habits: distribution-free ranges and percentiles from a pair's or source's memory.

Memory has, for each pair and host, the number of flows, and mean and standard deviation of their standardised
attributes. That allows two statements that hold for any distribution:

::

    at least 1 - 1/k^2 of the flows are within k standard deviations (Chebyshev's inequality)
    at most 3/t have a sum of three squared distances of t or more   (Markov's, for a sum with mean 3)

The first gives ranges, the second percentiles, which are therefore lower bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.features import CLIP

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

WITHIN = ((10.0, 99), (5.0, 96), (float(np.sqrt(10.0)), 90), (2.0, 75))
"""Number of standard deviations, and the least percentage of flows within them."""
FINEST = 1e-3
"""Least standard deviation, in units of the training traffic's: below, rounding would dominate."""
FEWEST = 10
"""Minimum number of flows for a percentile."""


@dataclass(frozen=True)
class Habit:
    """Which attributes of F flows are far from what the pairs, or sources, that they belong to have shown.

    Attributes
    ----------
    flows
        float64 [F] flows in memory; 0 where there are none, or nobody knows how many: a burst that memory
        counts as one flow still differs in itself.
    level
        int64 [F, 3] index into ``WITHIN`` of the widest range that an attribute is outside of; -1 if within
        all or unknown.
    low, high
        float64 [F, 3] ends of that range, as counted.
    """

    flows: F64
    level: I64
    low: F64
    high: F64


def habit(x: F32, known: F32, mean: F32, scale: F32) -> Habit:
    """Compare flows with rows of memory.

    Parameters
    ----------
    x
        float32 [F, 3] standardised attributes (`model.features.edge_features`).
    known
        float32 [F, 7] rows of memory: flows, mean (3), standard deviation (3); zeros where there is none.
    mean, scale
        float32 [3] of the training traffic.
    """
    n, centre = known[:, 0].astype(np.float64), known[:, 1:4].astype(np.float64)
    spread = np.maximum(known[:, 4:7].astype(np.float64), FINEST)
    away = np.where(n[:, None] > 0, np.abs(x - centre) / spread, 0.0)
    level = np.full(away.shape, -1, np.int64)
    for i in range(len(WITHIN) - 1, -1, -1):
        # slightly beyond the range, so that its ends can be rounded outwards
        level[away > 1.01 * WITHIN[i][0]] = i
    k = np.array([k for k, _ in WITHIN])[level]
    ends = [centre - k * spread, centre + k * spread]
    # values beyond were clipped when counted
    level[(ends[0] <= -CLIP) | (ends[1] >= CLIP)] = -1
    low, high = (np.expm1(np.clip(e, -CLIP, CLIP) * scale + mean) for e in ends)
    n[(n < 1.5) & (known[:, 4:7] > 0).any(1)] = 0
    return Habit(n, level, np.maximum(low, 0), high)


def percentiles(x: F32, table: F32, at: I64) -> F64:
    """Percent of the flows in memory that are nearer to the mean, at least; NaN where memory cannot tell.

    Parameters
    ----------
    x
        float32 [F, 3] standardised attributes.
    table
        float32 [N, 7] memory of pairs or hosts, rows as ``known`` of ``habit``.
    at
        int64 [F] row of each flow; -1 where there is none.

    Returns
    -------
    float64 [F]
    """
    out = np.full(at.shape[0], np.nan)
    some = np.flatnonzero(at >= 0)
    some = some[table[at[some], 0] >= FEWEST]
    known = table[at[some]].astype(np.float64)
    away = (x[some] - known[:, 1:4]) / np.maximum(known[:, 4:7], FINEST)
    total, n = np.einsum("ij,ij->i", away, away), known[:, 0]
    told = np.flatnonzero(total > 3)
    out[some[told]] = np.floor(1e4 * np.minimum(1 - 3 / total[told], n[told] / (n[told] + 1))) / 100
    return out
