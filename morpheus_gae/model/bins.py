"""Bins of the attribute likelihood: exact atoms plus a logarithmic grid.

Network counters pile up on a few exact values (a SYN without an answer, one DNS query). Each value that
holds at least 0.1 % of the training flows is a bin of its own; the rest falls into a log grid.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

MISSING = np.float32(-1.0)
"""Stands for a missing duration: below every real value, so it falls into the first bin."""


def fit_edges(values: F32, max_atoms: int = 150, min_share: float = 1e-3, grid: int = 40) -> F32:
    """Edges of one column's bins.

    Parameters
    ----------
    values
        float32 [E], raw counters.
    max_atoms, min_share
        At most so many atoms, each with at least this share of the flows.
    grid
        Edges of the logarithmic grid between 1 and the largest value.

    Returns
    -------
    float32 [B - 1], ascending
        ``bin = number of edges <= value``. An atom ``a`` is the pair of edges ``a``, ``nextafter(a)``.
    """
    distinct, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:max_atoms]
    atoms = distinct[order][counts[order] >= max(min_share * values.shape[0], 2)]
    top = max(float(values.max(initial=1.0)), 2.0)
    lattice = np.geomspace(1.0, top, grid).astype(np.float32)
    edges = np.concatenate(
        [np.zeros(1, np.float32), atoms, np.nextafter(atoms, np.float32(np.inf)), lattice]
    ).astype(np.float32)
    return np.unique(edges[edges >= 0])


def bin_of(edges: F32, values: F32) -> I32:
    """int32 [E] bin of each raw value."""
    return np.searchsorted(edges, values, side="right").astype(np.int32)


def group_bins(mass: npt.NDArray[np.floating], groups: int = 12) -> I32:
    """Cut contiguous bins into at most ``groups`` groups of about equal mass.

    Parameters
    ----------
    mass
        [B], flows in each bin.
    groups
        Upper limit; groups that would be empty are dropped.

    Returns
    -------
    int32 [B]
        Group of each bin, from 0, ascending.
    """
    total = max(float(mass.sum()), 1.0)
    middle = (np.cumsum(mass) - 0.5 * mass) / total
    raw = np.minimum((middle * groups).astype(np.int64), groups - 1)
    return np.unique(raw, return_inverse=True)[1].reshape(-1).astype(np.int32)
