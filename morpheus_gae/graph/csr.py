"""Compressed rows: which pairs arrive at (or leave) each host."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def _csr(ids: I32, indptr: I64, order: I32) -> None:
    for i in range(ids.shape[0]):
        indptr[ids[i] + 1] += 1
    for n in range(indptr.shape[0] - 1):
        indptr[n + 1] += indptr[n]
    fill = indptr[:-1].copy()
    for i in range(ids.shape[0]):
        order[fill[ids[i]]] = i
        fill[ids[i]] += 1


def csr(ids: I32, hosts: int) -> tuple[I64, I32]:
    """Counting sort of pairs by one of their hosts, stable and linear.

    Parameters
    ----------
    ids
        int32 [P] host of each pair.
    hosts
        N.

    Returns
    -------
    indptr
        int64 [N + 1].
    order
        int32 [P]: the pairs of host n are ``order[indptr[n]:indptr[n + 1]]``.
    """
    indptr, order = np.zeros(hosts + 1, np.int64), np.empty(ids.shape[0], np.int32)
    _csr(ids, indptr, order)
    return indptr, order
