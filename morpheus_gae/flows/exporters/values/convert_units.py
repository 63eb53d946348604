"""Numbers of a unit that was told, in that of the canonical columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.exporters.values.cast import times
from morpheus_gae.flows.exporters.values.kernels import NO_TIME
from morpheus_gae.flows.exporters.values.units import BYTES, TIMES
from morpheus_gae.flows.tables.numbers import numbers

I64 = npt.NDArray[np.int64]
Column = Any

_WHOLE = r"^[+]?\d{1,18}$"


def in_bytes(column: Column, unit: str) -> Column:
    """Counters of bytes, from a column in a unit of ``BYTES``; what is no number stays one."""
    factor = BYTES[unit]
    if factor == 1:
        return column
    if isinstance(factor, int) and pa.types.is_integer(column.type):
        try:
            return pc.multiply_checked(column.cast(pa.int64()), pa.scalar(factor, pa.int64()))
        except pa.ArrowException:
            pass
    values, absent, misfit = numbers(column)
    return pa.chunked_array([pa.array(np.where(misfit, np.nan, values * factor), mask=absent)])


def in_micros(column: Column, unit: str) -> I64:
    """Times as int64 [E] microseconds since 1970, as ``presets_values.times``, but numbers are of one unit.

    Parameters
    ----------
    column
        E times; those that are no numbers (dates as text, Arrow's own) tell their unit themselves.
    unit
        One of ``TIMES``.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return in_micros(column.cast(kind.value_type), unit)
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if text:
        column = pc.utf8_trim_whitespace(column)
        if pc.all(pc.match_substring_regex(column, _WHOLE), min_count=0).as_py():
            column = column.cast(pa.int64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return times(column)
    if pa.types.is_integer(column.type):
        return _whole(column, unit)
    values, absent, misfit = numbers(column)
    micros = np.rint(values * TIMES[unit])
    none = absent | misfit | ~((micros > 0) & (micros < 2**62))
    out = np.where(none, NO_TIME, np.where(none, 0, micros).astype(np.int64))
    return np.where(misfit, times(column), out) if text and misfit.any() else out


def _whole(column: Column, unit: str) -> I64:
    """Whole numbers without a detour by floats, which do not hold every nanosecond."""
    absent = np.asarray(column.is_null())
    values = np.asarray(pc.fill_null(column, 0))
    known = ~absent & (values > 0) & (values < 2**62)
    whole = np.where(known, values, 0).astype(np.int64)
    if unit == "ns":
        return np.where(known, whole // 1000, NO_TIME)
    factor = int(TIMES[unit])
    return np.where(known & (whole < 2**62 // factor), whole * factor, NO_TIME)
