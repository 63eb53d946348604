"""Message passing for the CPU executor: attention and neighbour means over compressed rows of pairs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.math import exp_fast
from morpheus_gae.graph.prefetch import prefetch

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

LEAK = np.float32(0.2)
AHEAD = 8
"""Pairs between asking for a neighbour's numbers and using them."""
LINE = 16
"""float32 of a cache line."""


@njit(cache=True, nogil=True)
def ask(x: F32, row: int) -> None:
    """Ask for a row, which may begin within a line."""
    for j in range(0, x.shape[1], LINE):
        prefetch(x[row], j)
    prefetch(x[row], x.shape[1] - 1)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def attention(
    lo: int,
    hi: int,
    left: F32,
    right: F32,
    edge: F32,
    pf: F32,
    bias: F32,
    attend: F32,
    indptr: I64,
    order: I32,
    start: I32,
    out: F32,
) -> None:
    """GATv2 with an online softmax over the pairs that arrive at hosts ``lo:hi``, and their self-loops.

    Parameters
    ----------
    left, right
        float32 [N, W] projected hosts, W = heads x width of a head.
    edge
        float32 [5, W] projection of pair features.
    pf
        float32 [P, 5]; ``bias`` float32 [P].
    attend
        float32 [heads, W / heads].
    indptr, order
        Compressed rows: pairs arriving at host n are ``order[indptr[n]:indptr[n + 1]]``.
    start
        int32 [P] host where each pair starts.
    """
    width = left.shape[1]
    heads, dim = attend.shape
    logit = np.empty(heads, np.float32)
    top = np.empty(heads, np.float32)
    total = np.empty(heads, np.float32)
    mixed = np.empty(width, np.float32)
    hidden = np.empty(width, np.float32)
    for i in range(lo, hi):
        for h in range(heads):
            a = np.float32(0.0)
            for j in range(h * dim, (h + 1) * dim):
                v = left[i, j] + right[i, j]
                a += max(v, LEAK * v) * attend[h, j - h * dim]
            top[h] = a
            total[h] = np.float32(1.0)
        for j in range(width):
            mixed[j] = left[i, j]
        for at in range(indptr[i], indptr[i + 1]):
            p = order[at]
            s = start[p]
            if at + AHEAD < order.shape[0]:
                ask(left, start[order[at + AHEAD]])
                ask(pf, order[at + AHEAD])
            f0, f1, f2, f3, f4 = pf[p, 0], pf[p, 1], pf[p, 2], pf[p, 3], pf[p, 4]
            for j in range(width):
                v = left[s, j] + right[i, j]
                v += f0 * edge[0, j] + f1 * edge[1, j] + f2 * edge[2, j] + f3 * edge[3, j] + f4 * edge[4, j]
                hidden[j] = max(v, LEAK * v)
            for h in range(heads):
                a = bias[p]
                for j in range(dim):
                    a += hidden[h * dim + j] * attend[h, j]
                logit[h] = a
                if a > top[h]:
                    shrink = exp_fast(top[h] - a)
                    total[h] *= shrink
                    for j in range(h * dim, (h + 1) * dim):
                        mixed[j] *= shrink
                    top[h] = a
                w = exp_fast(a - top[h])
                total[h] += w
                for j in range(h * dim, (h + 1) * dim):
                    mixed[j] += w * left[s, j]
        for h in range(heads):
            for j in range(h * dim, (h + 1) * dim):
                out[i, j] = mixed[j] / total[h]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def neighbour_mean(
    lo: int, hi: int, x: F32, in_ptr: I64, senders: I32, out_ptr: I64, receivers: I32, out: F32
) -> None:
    """Row mean of hosts ``lo:hi`` over itself and its neighbours both ways, once per ordered pair.

    ``senders``, ``receivers``: int32 [P] the other host of each pair that arrives, or leaves, row by row.
    """
    width, pairs = x.shape[1], senders.shape[0]
    acc = np.empty(width, np.float32)
    for i in range(lo, hi):
        for j in range(width):
            acc[j] = x[i, j]
        for at in range(in_ptr[i], in_ptr[i + 1]):
            s = senders[at]
            ask(x, senders[min(at + AHEAD, pairs - 1)])
            for j in range(width):
                acc[j] += x[s, j]
        for at in range(out_ptr[i], out_ptr[i + 1]):
            d = receivers[at]
            ask(x, receivers[min(at + AHEAD, pairs - 1)])
            for j in range(width):
                acc[j] += x[d, j]
        degree = np.float32(1 + in_ptr[i + 1] - in_ptr[i] + out_ptr[i + 1] - out_ptr[i])
        for j in range(width):
            out[i, j] = acc[j] / degree


@njit(cache=True, nogil=True)
def pair_means(f: F32, pair: I32, pair_flows: I32, out: F32) -> None:
    """Mean edge features of each pair's flows (columns 0-3) and log1p of their number / 4 (column 4)."""
    # float64: one pair may hold a whole window's flows
    total = np.zeros((out.shape[0], 4))
    for i in range(pair.shape[0]):
        p = pair[i]
        for c in range(4):
            total[p, c] += f[i, c]
    for p in range(out.shape[0]):
        for c in range(4):
            out[p, c] = total[p, c] / pair_flows[p]
        out[p, 4] = np.float32(np.log1p(pair_flows[p]) / 4.0)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def moments(f: F32) -> F64:
    """Mean and standard deviation of each of the 4 edge features, one after the other."""
    n = f.shape[0]
    out = np.empty(8, np.float64)
    for c in range(4):
        total = 0.0
        for i in range(n):
            total += f[i, c]
        mean = total / n
        total = 0.0
        for i in range(n):
            total += (f[i, c] - mean) * (f[i, c] - mean)
        out[c], out[4 + c] = mean, math.sqrt(total / n)
    return out
