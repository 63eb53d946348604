"""Told units: what the values of a column are in, found out from what the readers make of them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.flows.exporters.values.cast import times
from morpheus_gae.flows.exporters.values.kernels import NO_TIME
from morpheus_gae.flows.exporters.values.units import DURATIONS, TIMES
from morpheus_gae.flows.tables.concat import is_text

LOOKED_AT = 1_000
TEXT, TEXT_WITH_ZONE = "text without a zone, taken as UTC", "text with a zone"
STAMP, STAMP_WITH_ZONE = "timestamp without a zone, taken as UTC", "timestamp"

_ZONE = re.compile(r"(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$", re.IGNORECASE)
_DATE = re.compile(r"\d[-/]\d|\d\.\d+\.\d|[A-Za-z]{3}")


def time_unit(column: Any) -> str:
    """What the times of a column are in.

    Parameters
    ----------
    column
        pyarrow.ChunkedArray of E times, as ``presets_values.times`` takes them.

    Returns
    -------
    str
        One of ``units.TIMES`` for numbers (also as text), or which kind of text or timestamp it is; empty if
        there is no time among the first thousand.
    """
    column = column.slice(0, LOOKED_AT)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        return STAMP if column.type.tz is None else STAMP_WITH_ZONE
    found = times(column)
    known = np.flatnonzero(found != NO_TIME)
    if not len(known):
        return ""
    at = int(known[0])
    value = column[at].as_py()
    if is_text(column.type):
        value = value.strip()
        if _DATE.search(value):
            _, _, clock = value.partition("T" if "T" in value else " ")
            return TEXT_WITH_ZONE if clock and _ZONE.search(clock) else TEXT
    factor = float(found[at]) / float(value)
    return min(TIMES, key=lambda unit: abs(np.log(TIMES[unit] / factor)))


def length_unit(milliseconds: float) -> str:
    """The name of a unit of so many milliseconds."""
    return next((name for name, size in DURATIONS.items() if size == milliseconds), f"{milliseconds:g} ms")
