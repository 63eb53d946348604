"""Counters as they usually come, numbers of at least 0: read in one pass, without a second look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

BEYOND = 2.0**64
"""No counter of IPFIX is wider (RFC 7011, 6.1)."""
_NONE = np.zeros(0, np.bool_)


@njit(cache=True, nogil=True)
def _fill(values: Any, absent: Bool, out: F32, first: int, column: int) -> bool:
    """Write values to a column of ``out`` from row ``first`` on; whether all are from 0 to below 2**64.

    ``absent``, bool [E], tells those that are none; of length 0 if there is no such.
    """
    fine = True
    for i in range(values.shape[0]):
        # by way of float64, as whoever looks twice rounds
        value = np.float64(values[i])
        if absent.shape[0] and absent[i]:
            value = 0.0
        # false for NaN too
        fine &= (value >= 0.0) & (value < BEYOND)
        out[first + i, column] = np.float32(value)
    return fine


def counters(columns: Sequence[pa.ChunkedArray], optional: int) -> tuple[F32, Bool] | None:
    """Columns of counters, if all of their values are usual ones.

    Parameters
    ----------
    columns
        K columns of E values.
    optional
        Which of them may have nulls.

    Returns
    -------
    float32 [E, K], bool [E]
        Values, 0 where there is none, and where the optional column has none. None if a value is negative,
        2**64 or more, not finite, or missing elsewhere, or if a column is of another type than numbers are.
    """
    rows = len(columns[0])
    out, missing = np.empty((rows, len(columns)), np.float32), np.zeros(rows, np.bool_)
    for number, column in enumerate(columns):
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_float64(kind) or pa.types.is_float32(kind)):
            return None
        if column.null_count and number != optional:
            return None
        first = 0
        for chunk in column.chunks:
            absent = _NONE
            if chunk.null_count:
                absent = np.asarray(chunk.is_null().to_numpy(zero_copy_only=False), np.bool_)
                missing[first : first + len(chunk)] = absent
            if len(chunk) and not _fill(_values(chunk), absent, out, first, number):
                return None
            first += len(chunk)
    return out, missing


def whole(column: pa.ChunkedArray) -> npt.NDArray[np.int64] | None:
    """int64 [E] of a column, if it is of that type, without nulls, and a float64 could hold every value."""
    if column.type != pa.int64() or column.null_count or not len(column):
        return None
    values = np.concatenate([_values(chunk) for chunk in column.chunks])
    return None if values.min() < -(2**53) or values.max() > 2**53 else values


def _values(array: pa.Array) -> npt.NDArray[Any]:
    """Values of an array, int64 or float64, whatever its nulls hold; read-only."""
    if array.type not in (pa.int64(), pa.float64()):
        narrow = pa.types.is_integer(array.type) and array.type != pa.uint64()
        array = array.cast(pa.int64() if narrow else pa.float64(), safe=False)
    kind = np.int64 if array.type == pa.int64() else np.float64
    stop = array.offset + len(array)
    values = np.frombuffer(array.buffers()[1], kind, stop)[array.offset :] if stop else np.zeros(0, kind)
    # one form of the kernel is enough
    values.flags.writeable = False
    return values
