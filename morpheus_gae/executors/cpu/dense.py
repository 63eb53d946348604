"""Small dense layers for the CPU kernels: 64 rows at a time, held column by column.

With the rows of a block side by side, a layer is multiply-adds of whole vectors by single weights, and its
activations never leave the inner caches. Blocks are always whole: a row's bits do not depend on its
neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.intrinsics import LANES, OUTPUTS, ROWS, tile
from morpheus_gae.executors.cpu.math import FAST, exp_fast

F32 = npt.NDArray[np.float32]

_ZERO = np.float32(0.0)


class Layer(NamedTuple):
    """A linear layer.

    Attributes
    ----------
    w
        float32 [out, in], the outputs padded to a multiple of 4.
    b
        float32 [out].
    """

    w: F32
    b: F32


def layer_of(weights: dict[str, F32], name: str) -> Layer:
    """A torch linear layer's weights, padded with zeros."""
    w = weights[f"{name}.weight"]
    out = -(-w.shape[0] // OUTPUTS) * OUTPUTS
    padded, bias = np.zeros((out, w.shape[1]), np.float32), np.zeros(out, np.float32)
    padded[: w.shape[0]] = w
    bias[: w.shape[0]] = weights.get(f"{name}.bias", 0)
    return Layer(padded, bias)


@njit(cache=True, nogil=True, fastmath=FAST)
def dense(x: F32, layer: Layer, y: F32) -> None:
    """``y = x W + b`` for one block: [in, ROWS] to [out, ROWS]."""
    for first in range(0, layer.w.shape[0], OUTPUTS):
        for lane in range(0, ROWS, LANES):
            tile(x, layer.w, layer.b, y, first, lane)


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def relu(y: F32) -> None:
    """In place."""
    for o in range(y.shape[0]):
        for i in range(ROWS):
            y[o, i] = max(y[o, i], _ZERO)


@njit(cache=True, nogil=True, fastmath=FAST, forceinline=True)
def softmax(y: F32, outputs: int, top: F32, total: F32) -> None:
    """Softmax over the first ``outputs`` of one block, in place; ``top``, ``total``: room for [ROWS]."""
    for i in range(ROWS):
        top[i] = y[0, i]
        total[i] = _ZERO
    for o in range(1, outputs):
        for i in range(ROWS):
            top[i] = max(top[i], y[o, i])
    for o in range(outputs):
        for i in range(ROWS):
            e = exp_fast(y[o, i] - top[i])
            y[o, i] = e
            total[i] += e
    for i in range(ROWS):
        total[i] = np.float32(1.0) / total[i]
    for o in range(outputs):
        for i in range(ROWS):
            y[o, i] *= total[i]
