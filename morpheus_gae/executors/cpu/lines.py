"""Arrays that begin with a cache line, so that a row of 64 bytes is one line to wait for and not two."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)

LINE = 64
"""Bytes of a cache line."""


def empty_lines(shape: tuple[int, ...], dtype: type[T]) -> npt.NDArray[T]:
    """An array like ``np.empty``'s that begins at a multiple of `LINE` bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def lines_of(array: npt.NDArray[T], width: int) -> npt.NDArray[T]:
    """A copy of a two-dimensional array with its rows padded to ``width`` by zeros, likewise."""
    out = empty_lines((array.shape[0], width), array.dtype.type)
    out[:, : array.shape[1]] = array
    out[:, array.shape[1] :] = 0
    return out
