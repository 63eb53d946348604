"""Edge decoder on the CPU: the product of both hosts once a pair, edge features once a flow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.dense import Layer, dense, relu
from morpheus_gae.executors.cpu.graph import AHEAD, ask
from morpheus_gae.executors.cpu.intrinsics import ROWS
from morpheus_gae.executors.cpu.math import FAST
from morpheus_gae.graph.prefetch import prefetch

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

_ZERO = np.float32(0.0)


@njit(cache=True, nogil=True, fastmath=FAST)
def pair_terms(
    lo: int, hi: int, pair_src: I32, pair_dst: I32, z: F32, by_src: F32, by_dst: F32, product: Layer, out: F32
) -> None:
    """``W (z_s * z_d)`` and both hosts' own terms for pairs ``lo:hi``.

    Parameters
    ----------
    z
        float32 [N, z].
    by_src, by_dst
        float32 [N, H].
    product
        z to H.
    out
        float32 [P, H], written.
    """
    width, hidden = z.shape[1], out.shape[1]
    x = np.zeros((width, ROWS), np.float32)
    y = np.empty((product.w.shape[0], ROWS), np.float32)
    for first in range(lo, hi, ROWS):
        m = min(ROWS, hi - first)
        for i in range(m):
            s, d = pair_src[first + i], pair_dst[first + i]
            ahead = min(first + i + AHEAD, hi - 1)
            ask(z, pair_src[ahead])
            ask(z, pair_dst[ahead])
            for j in range(width):
                x[j, i] = z[s, j] * z[d, j]
        dense(x, product, y)
        for i in range(m):
            s, d = pair_src[first + i], pair_dst[first + i]
            ahead = min(first + i + AHEAD, hi - 1)
            ask(by_src, pair_src[ahead])
            ask(by_dst, pair_dst[ahead])
            for j in range(hidden):
                out[first + i, j] = y[j, i] + by_src[s, j] + by_dst[d, j]


@njit(cache=True, nogil=True, fastmath=FAST)
def edge_logits(
    lo: int, hi: int, f: F32, pair: I32, u: F32, first_layer: Layer, second_layer: Layer, head: F32,
    bias: np.float32, skip: F32, out: F32,
) -> None:  # fmt: skip
    """Logit of flows ``lo:hi``: ``head . relu(u + edge MLP(f)) + bias + skip . f``.

    Parameters
    ----------
    f
        float32 [E, 4].
    u
        float32 [P, H] terms of each pair.
    head, skip
        float32 [H], [4].
    out
        float32 [E], written.
    """
    numbers, hidden = f.shape[1], u.shape[1]
    x = np.zeros((numbers, ROWS), np.float32)
    h = np.empty((first_layer.w.shape[0], ROWS), np.float32)
    y = np.empty((second_layer.w.shape[0], ROWS), np.float32)
    turned = np.empty((ROWS, hidden), np.float32)
    for first in range(lo, hi, ROWS):
        m = min(ROWS, hi - first)
        for i in range(m):
            row = u[pair[first + i]]
            for j in range(0, hidden, 16):
                prefetch(row, j)
            for j in range(numbers):
                x[j, i] = f[first + i, j]
        dense(x, first_layer, h)
        relu(h)
        dense(h, second_layer, y)
        for i in range(ROWS):
            for j in range(hidden):
                turned[i, j] = y[j, i]
        for i in range(m):
            p = pair[first + i]
            total = bias
            for j in range(hidden):
                total += head[j] * max(turned[i, j] + u[p, j], _ZERO)
            for j in range(numbers):
                total += skip[j] * f[first + i, j]
            out[first + i] = total
