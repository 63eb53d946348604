"""Compiled writing of numbers of few decimals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_PLACES = 6


@njit(cache=True, nogil=True)
def write(values: Any, unit: float, most: float, offsets: Any, data: Any) -> int:
    """Write float64 values one after the other as text.

    Parameters
    ----------
    values
        float64 [E]; NaN and infinities are written as ``null``.
    unit
        Ten to the power of the decimals, which are six.
    most
        Bound of what is written.
    offsets
        int64 [E + 1], written: where each text begins, and the end of the last.
    data
        uint8, written: 18 bytes a value suffice.

    Returns
    -------
    int
        Bytes written; -1 once a value does not fit.
    """
    end = 0
    for i in range(values.shape[0]):
        offsets[i] = end
        value = values[i]
        if not np.isfinite(value):
            # a slice would take as long as ten numbers
            data[end], data[end + 1], data[end + 2], data[end + 3] = 110, 117, 108, 108
            end += 4
            continue
        size = abs(value)
        parts = np.int64(0)
        if size > 0:
            if size >= most:
                return -1
            parts = np.int64(size * unit + 0.5)
            # the nearest to a decimal of 15 digits is the nearest to no other
            if parts / unit != size:
                return -1
        if value < 0 or (value == 0 and np.signbit(value)):
            data[end] = 45
            end += 1
        # unsigned: these are divided by a multiplication
        whole = np.uint64(parts) // np.uint64(1_000_000)
        rest = np.uint64(parts) - whole * np.uint64(1_000_000)
        digits, above = 1, np.uint64(10)
        while above <= whole:
            digits += 1
            above *= np.uint64(10)
        for k in range(end + digits - 1, end - 1, -1):
            data[k] = np.uint8(whole % np.uint64(10) + np.uint64(48))
            whole //= np.uint64(10)
        end += digits
        if rest:
            data[end] = 46
            places = _PLACES
            while rest % np.uint64(10) == 0:
                rest //= np.uint64(10)
                places -= 1
            for k in range(end + places, end, -1):
                data[k] = np.uint8(rest % np.uint64(10) + np.uint64(48))
                rest //= np.uint64(10)
            end += 1 + places
    offsets[values.shape[0]] = end
    return end
