"""Cells: rows of a table as Python values, whatever is in them; for what is told of single records."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from morpheus_gae.flows.tables.json_text import objects, plain_text


def cells(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as dictionaries.

    Text that is not UTF-8 comes with the replacement character in its place; what Python has no form for (a
    time after the year 9999) as text or, at worst, as None.
    """
    columns = [_values(column) for column in table.columns]
    names = table.column_names
    if not columns:
        return [{} for _ in range(table.num_rows)]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            # no copy, and no check
            raw = column.cast(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary())
            return [None if v is None else v.decode("utf-8", "replace") for v in raw.to_pylist()]
        return list(column.to_pylist())
    except (ValueError, OverflowError, KeyError):
        return [_value(column.slice(i, 1)) for i in range(len(column))]


def _value(one: pa.ChunkedArray) -> Any:
    try:
        return one[0].as_py()
    except UnicodeDecodeError:
        return "(not UTF-8)"
    except (ValueError, OverflowError, KeyError):
        return plain_text(one)[0].as_py()


def records(table: pa.Table) -> list[str]:
    """Rows as JSON, as the outputs write them; where text is not UTF-8, as ``cells`` has it.

    Parameters
    ----------
    table
        E rows, at least one column.
    """
    if table.num_rows == 0:
        return []
    try:
        texts: list[str] = objects(table).to_pylist()
        return texts
    except UnicodeDecodeError:
        if table.num_rows > 1:
            return [text for i in range(table.num_rows) for text in records(table.slice(i, 1))]
        return [json.dumps(row, default=str) for row in cells(table)]
