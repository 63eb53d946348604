"""Kernels that sum what is learnt of pairs over those alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def add_pairs(group: I32, row: I64, sums: F64, types: F32, total: F64, kinds: F64) -> None:
    """Add rows of pairs to those of their groups.

    Parameters
    ----------
    group
        int32 [N] group of each, -1 for none.
    row
        int64 [N] row of each in ``sums`` [R, 7] and ``types`` [R, K].
    total, kinds
        float64 [G, 7] and [G, K], added to.
    """
    for i in range(group.shape[0]):
        g = group[i]
        if g < 0:
            continue
        mine, to = sums[row[i]], total[g]
        for j in range(mine.shape[0]):
            to[j] += mine[j]
        kind, out = types[row[i]], kinds[g]
        for j in range(kind.shape[0]):
            out[j] += kind[j]
