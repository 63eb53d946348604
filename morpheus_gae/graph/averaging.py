"""Neighbour averaging to convergence.

``y <- o / 2 + mean over neighbours (y) / 2``, the fixed point of personalised PageRank on features with
teleport 1/2 (Gasteiger et al. 2019, arXiv:1810.05997). The mean is taken over ordered pairs in both
directions, one vote each: hosts that talk both ways count twice, and so does a host that talks to itself; a
host without pairs has a mean of zero. With P the matrix of these means, each row of P sums to 1 (or 0), so
``|P v| <= |v|`` in the largest entry and a sweep at least halves the distance to the fixed point
``(I - P / 2)^-1 o / 2``: convergence is certain, 10 sweeps bring 1e-3 of the start, and when a sweep moves
no value by ``tolerance`` none is farther than that from the fixed point. A sweep is linear in the pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.graph import parallel
from morpheus_gae.graph.csr import csr

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

GRAIN = 1024
"""Least hosts of a thread's range."""


@njit(cache=True, nogil=True)
def _sweep(
    lo: int,
    hi: int,
    o: F32,
    y: F32,
    in_ptr: I64,
    senders: I32,
    out_ptr: I64,
    receivers: I32,
    new: F32,
) -> float:
    width = o.shape[1]
    largest = np.float32(0.0)
    acc = np.empty(width, np.float32)
    for i in range(lo, hi):
        acc[:] = 0.0
        for at in range(in_ptr[i], in_ptr[i + 1]):
            s = senders[at]
            for j in range(width):
                acc[j] += y[s, j]
        for at in range(out_ptr[i], out_ptr[i + 1]):
            d = receivers[at]
            for j in range(width):
                acc[j] += y[d, j]
        degree = in_ptr[i + 1] - in_ptr[i] + out_ptr[i + 1] - out_ptr[i]
        scale = np.float32(0.5) / np.float32(max(degree, 1))
        for j in range(width):
            v = np.float32(0.5) * o[i, j] + scale * acc[j]
            largest = max(largest, abs(v - y[i, j]))
            new[i, j] = v
    return largest


def _swept(o: F32, y: F32, in_ptr: I64, senders: I32, out_ptr: I64, receivers: I32, new: F32) -> float:
    """Sweep over all hosts; the largest change."""
    changes = [0.0]

    def kernel(lo: int, hi: int) -> None:
        changes.append(float(_sweep(lo, hi, o, y, in_ptr, senders, out_ptr, receivers, new)))

    parallel.run(kernel, o.shape[0], GRAIN)
    return max(changes)


def neighbour_average(
    o: F32, pair_src: I32, pair_dst: I32, *, tolerance: float = 1e-3, max_sweeps: int = 50
) -> tuple[F32, int, float]:
    """Average host features over neighbours until no value moves by ``tolerance``.

    Parameters
    ----------
    o
        float32 [N, F].
    pair_src, pair_dst
        int32 [P] ordered pairs.
    tolerance
        Largest change of a sweep that counts as converged.
    max_sweeps
        Cap.

    Returns
    -------
    y
        float32 [N, F].
    sweeps
        Sweeps done.
    change
        Largest change of the last sweep (infinite if there was none).
    """
    in_ptr, in_order = csr(pair_dst, o.shape[0])
    out_ptr, out_order = csr(pair_src, o.shape[0])
    # looked up once, not once a sweep
    senders, receivers = pair_src[in_order], pair_dst[out_order]
    y, new = o.copy(), np.empty_like(o)
    sweeps, change = 0, np.inf
    while sweeps < max_sweeps and change >= tolerance and o.shape[0]:
        change = _swept(o, y, in_ptr, senders, out_ptr, receivers, new)
        y, new = new, y
        sweeps += 1
    return y, sweeps, change
