"""Numbers: a column of counters, whatever type a source gave it, as float64 with the misfits marked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
BLANK = ("", "null", "NULL", "None", "-")
"""Texts that mean: there is no value."""


def numbers(column: pa.ChunkedArray | pa.Array) -> tuple[F64, Bool, Bool]:
    """Read a column of counters.

    Parameters
    ----------
    column
        E values: integers, floats, decimals or text.

    Returns
    -------
    values
        float64 [E]; 0 where absent or no number.
    absent
        bool [E]: null or blank.
    misfit
        bool [E]: NaN, infinite, or no number at all.
    """
    rows = len(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return np.zeros(rows), np.ones(rows, bool), np.zeros(rows, bool)
    if _is_text(kind):
        return _from_text(column)
    absent = _bool(pc.is_null(column))
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return np.zeros(rows), absent, ~absent
    values = np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), 0.0), np.float64)
    misfit = ~np.isfinite(values)
    return np.where(misfit, 0.0, values), absent, misfit


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _from_text(column: pa.ChunkedArray | pa.Array) -> tuple[F64, Bool, Bool]:
    text = pc.utf8_trim_whitespace(column)
    absent = _bool(pc.or_kleene(pc.is_null(text), pc.is_in(text, value_set=pa.array(BLANK, text.type))))
    number = _bool(pc.fill_null(pc.match_substring_regex(text, NUMBER), False))
    plain = pc.replace_with_mask(_flat(text), pa.array(~number), pa.scalar("0", text.type))
    values = np.asarray(plain.cast(pa.float64()), np.float64)
    misfit = (~number & ~absent) | ~np.isfinite(values)
    return np.where(misfit, 0.0, values), absent, misfit


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    merged = column.combine_chunks()
    return pa.concat_arrays(merged.chunks) if isinstance(merged, pa.ChunkedArray) else merged


def _bool(column: pa.ChunkedArray | pa.Array) -> Bool:
    return np.asarray(column).astype(bool)
