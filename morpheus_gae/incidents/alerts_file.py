"""Alerts from a file: validates tables of alerts before they are folded."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.errors import InputError
from morpheus_gae.incidents.flagged import PARTS

NUMBERS = ("anomaly_score", "surprise", "threshold", *PARTS)
NEEDED = ("anomaly_score", "surprise", "threshold", "why", "model")


def checked(table: pa.Table, source: str) -> pa.Table:
    """Validate a table of alerts from outside, and return its flagged rows.

    Parameters
    ----------
    table
        Rows with the columns of flows and those of alerts (encoding ``plain``).
    source
        Name for the error.

    Raises
    ------
    InputError
        If columns of alerts are missing or have wrong types.
    """
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise InputError(f"{source} holds no alerts of encoding plain: it has no column {', '.join(missing)}")
    for name in NUMBERS:
        if name not in table.column_names:
            continue
        kind = table.schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
            raise InputError(f"{source}: column {name} holds {kind}, not numbers")
        values = pc.fill_null(table[name].cast(pa.float64(), safe=False), 0.0)
        table = table.set_column(table.column_names.index(name), name, values)
    for name in ("why", "model"):
        kind = table.schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
            raise InputError(f"{source}: column {name} holds {kind}, not text")
        text = pc.fill_null(table[name].cast(pa.string()), "")
        table = table.set_column(table.column_names.index(name), name, text)
    if "is_anomaly" in table.column_names:
        kind = table.schema.field("is_anomaly").type
        if not (pa.types.is_boolean(kind) or pa.types.is_integer(kind)):
            raise InputError(f"{source}: column is_anomaly holds {kind}, not true or false")
        table = table.filter(pc.fill_null(table["is_anomaly"].cast(pa.bool_()), False))
    table = table.filter(pc.is_finite(table["threshold"]))
    return table.filter(pc.is_finite(table["surprise"]))
