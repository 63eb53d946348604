"""Conform: converts tables to types that a file format supports, and to the schema of the first one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from morpheus_gae.flows.tables.concat import as_text
from morpheus_gae.flows.tables.json_text import is_leaf_text, plain_text
from morpheus_gae.flows.tables.ordinary import is_odd, ordinary_column

MOST_DIGITS = 38, 76
"""Digits of a decimal128, and of a decimal256."""


def plain(table: pa.Table, kind: str = "arrow") -> pa.Table:
    """Convert a table to types that a file format supports.

    Parameters
    ----------
    table
        E rows of any types.
    kind
        ``arrow``, ``parquet`` or ``csv``.

    Returns
    -------
    pyarrow.Table
        Dictionary columns are decoded; columns without any value are text. Types that the format lacks become
        text: in Parquet unions and objects without fields (as JSON), in CSV nested values, times (ISO 8601),
        durations (milliseconds) and bytes.
    """
    for i, field in enumerate(table.schema):
        found = _column(table[i], kind)
        if found is not table[i]:
            table = table.set_column(i, field.name, found)
    return table


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Convert a table to exactly the schema's columns.

    A column that is missing is null, a value that does not fit its column's type is null, a column that the
    schema lacks is dropped.
    """
    if table.schema.equals(schema):
        return table
    arrays = []
    for field in schema:
        if field.name not in table.column_names:
            arrays.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
            continue
        column = table[field.name]
        if pa.types.is_string(field.type):
            column = as_text(column)
        arrays.append(_fitted(column, field.type))
    return pa.table(arrays, schema=schema)


def _column(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    of = column.type
    if not (isinstance(of, pa.BaseExtensionType) and kind == "arrow" and not is_odd(of.storage_type)):
        column = ordinary_column(column)
    of = column.type
    if pa.types.is_null(of):
        return column.cast(pa.string())
    if kind == "csv":
        is_text = pa.types.is_nested(of) or pa.types.is_interval(of) or is_leaf_text(of)
        return plain_text(column).cast(pa.string()) if is_text else column
    if kind == "parquet":
        wanted = _in_parquet(of)
        if wanted is None:
            return plain_text(column).cast(pa.string())
        return column if wanted == of else _fitted(column, wanted)
    return column


def _in_parquet(kind: Any) -> Any:
    """Return the Parquet type of an ordinary type; None if there is none."""
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return pa.timestamp("ms", kind.tz)
    if pa.types.is_decimal(kind) and kind.bit_width < 128:
        # older versions of the library write only the long ones
        return _in_parquet(pa.decimal128(kind.precision, kind.scale))
    if pa.types.is_decimal(kind) and kind.scale < 0:
        digits = kind.precision - kind.scale
        if digits > MOST_DIGITS[1]:
            return None
        return pa.decimal128(digits, 0) if digits <= MOST_DIGITS[0] else pa.decimal256(digits, 0)
    if pa.types.is_union(kind) or pa.types.is_interval(kind):
        return None
    if not pa.types.is_nested(kind):
        return kind
    if pa.types.is_struct(kind):
        fields = [(kind.field(i), _in_parquet(kind.field(i).type)) for i in range(kind.num_fields)]
        if not fields or any(wanted is None for _, wanted in fields):
            return None
        return pa.struct([field.with_type(wanted) for field, wanted in fields])
    if pa.types.is_map(kind):
        key, item = _in_parquet(kind.key_type), _in_parquet(kind.item_type)
        if key is None or item is None:
            return None
        return kind if (key, item) == (kind.key_type, kind.item_type) else pa.map_(key, item)
    inner = _in_parquet(kind.value_type)
    if inner is None:
        return None
    if pa.types.is_fixed_size_list(kind):
        # not preserved in the file, and some readers fail on nulls
        return pa.list_(inner)
    if inner == kind.value_type:
        return kind
    return pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner)


def _fitted(column: pa.ChunkedArray, kind: Any) -> pa.ChunkedArray:
    """Cast a column; null where a value does not fit."""
    return pa.chunked_array([part for chunk in column.chunks for part in _parts(chunk, kind)], kind)


def _parts(array: pa.Array, kind: Any) -> list[pa.Array]:
    try:
        return [array.cast(kind)]
    except (pa.ArrowException, OverflowError):
        pass
    rows = len(array)
    if rows <= 1:
        return [pa.nulls(rows, kind)]
    # misfits are few: bisect
    half = rows // 2
    parts = _parts(array.slice(0, half), kind) + _parts(array.slice(half), kind)
    return [pa.concat_arrays(parts)]
