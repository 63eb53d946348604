"""Cells: rows of a table as Python values, whatever is in them; for what is told of single records."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


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
        return [_value(scalar) for chunk in column.chunks for scalar in chunk]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return "(not UTF-8)"
    except (ValueError, OverflowError, KeyError):
        value = getattr(scalar, "value", None)
        return None if value is None else str(value)
