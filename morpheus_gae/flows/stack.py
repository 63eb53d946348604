"""Stack: tables one above the other, even where their columns disagree about a type."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def stack(tables: list[pa.Table]) -> pa.Table:
    """Join tables in order.

    Columns that a table lacks are null there; types that differ are widened (whole numbers to floats); types
    that have nothing in common become text.

    Parameters
    ----------
    tables
        At least one.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        pass
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    clashing = [
        name for name in names if not _agree([t.schema.field(name) for t in tables if name in t.schema.names])
    ]
    return pa.concat_tables([_told(table, clashing) for table in tables], promote_options="permissive")


def _told(table: pa.Table, names: list[str]) -> pa.Table:
    for name in names:
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, as_text(table[name]))
    return table


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as text: strings as they are, nested ones as JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type))
    if not pa.types.is_nested(kind):
        try:
            return pc.cast(column, pa.string())
        except pa.ArrowException:
            pass
    values = [v if v is None or isinstance(v, str) else _json(v) for v in column.to_pylist()]
    return pa.chunked_array([pa.array(values, pa.string())])


def _json(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else json.dumps(value, default=str, ensure_ascii=False)


def _agree(fields: list[Any]) -> bool:
    try:
        pa.unify_schemas([pa.schema([field]) for field in fields], promote_options="permissive")
    except pa.ArrowException:
        return False
    return True
