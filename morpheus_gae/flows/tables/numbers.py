"""Numbers: a column of counters, whatever type a source gave it, as float64 with the misfits marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

# bounded, so that no match overflows a float64
NUMBER = r"^-?(\d{1,40}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?$"
BLANK = ("", "null", "NULL", "None", "-")
"""Texts that mean: there is no value."""
LARGEST = float(np.finfo(np.float32).max)
"""Counters are scored as float32: what does not fit is no number."""
LARGEST_COUNTER = 2**64 - 1
"""No counter of IPFIX is wider (RFC 7011, 6.1): more is damage."""
_FIRST_BEYOND = 2.0**64
_LONG = re.compile(r"\d{20,40}")


def numbers(column: pa.ChunkedArray | pa.Array) -> tuple[F64, Bool, Bool]:
    """Read a column of counters.

    Parameters
    ----------
    column
        E values: integers, floats, decimals, text, or times (as milliseconds).

    Returns
    -------
    values
        float64 [E]; 0 where absent or no number.
    absent
        bool [E]: null or blank.
    misfit
        bool [E]: NaN, infinite, beyond float32, or no number at all.
    """
    rows, kind = len(column), column.type
    if pa.types.is_dictionary(kind):
        return numbers(column.cast(kind.value_type))
    if rows == 0 or pa.types.is_null(kind):
        return np.zeros(rows), np.ones(rows, bool), np.zeros(rows, bool)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _from_text(column)
    if str(kind) == "string_view":
        return _from_text(column.cast(pa.large_string()))
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        wanted = pa.duration("ms") if pa.types.is_duration(kind) else pa.timestamp("ms", kind.tz)
        column = column.cast(wanted, safe=False).cast(pa.int64())
        kind = column.type
    absent = _bool(column.is_null()) if column.null_count else np.zeros(rows, bool)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return np.zeros(rows), absent, ~absent
    column = column.cast(pa.float64(), safe=False)
    if column.null_count:
        column = pc.fill_null(column, 0.0)
    return _checked(np.asarray(column, np.float64), absent)


def too_large(
    column: pa.ChunkedArray | pa.Array, values: F64, text_of: Callable[[int], str] | None = None
) -> Bool:
    """Which counters are above ``LARGEST_COUNTER``.

    Parameters
    ----------
    column
        E values.
    values
        float64 [E]: the same, as ``numbers`` reads them.
    text_of
        Raw text of a record, for parsers that make a float64 of whole numbers above int64: it rounds both
        ``LARGEST_COUNTER`` and what is just above it to 2**64.

    Returns
    -------
    bool [E]
    """
    beyond = np.asarray(values >= _FIRST_BEYOND)
    if not beyond.any() or pa.types.is_integer(column.type):
        return np.zeros(len(beyond), bool)
    for i in np.flatnonzero(beyond).tolist():
        value = column[i].as_py()
        if isinstance(value, float):
            text = text_of(i) if text_of is not None and value == _FIRST_BEYOND else ""
            written = [int(digits) for digits in _LONG.findall(text) if float(digits) == value]
            beyond[i] = not written or max(written) > LARGEST_COUNTER
        else:
            beyond[i] = Decimal(value) > LARGEST_COUNTER
    return beyond


def _from_text(column: pa.ChunkedArray | pa.Array) -> tuple[F64, Bool, Bool]:
    text = pc.fill_null(pc.utf8_trim_whitespace(column), "")
    number = pc.match_substring_regex(text, NUMBER)
    told = _bool(number)
    absent = _bool(pc.is_in(text, value_set=pa.array(BLANK, text.type)))
    plain = text if told.all() else pc.if_else(number, text, pa.scalar("0", text.type))
    values, absent, misfit = _checked(np.asarray(plain.cast(pa.float64()), np.float64), absent)
    return values, absent, misfit | ~(told | absent)


def _checked(values: F64, absent: Bool) -> tuple[F64, Bool, Bool]:
    fits = np.abs(values) <= LARGEST
    if fits.all():
        return values, absent, np.zeros(len(values), bool)
    return np.where(fits, values, 0.0), absent, ~fits


def _bool(column: Any) -> Bool:
    return np.asarray(column).astype(bool)
