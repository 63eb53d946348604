"""Conform: later tables in the columns and types that the first one set."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from morpheus_gae.flows.stack import as_text


def plain(table: pa.Table, nested: bool = True) -> pa.Table:
    """The table in types that a file format can keep.

    Parameters
    ----------
    table
        E rows.
    nested
        Whether the format has nested types; else such columns become JSON text.

    Returns
    -------
    pyarrow.Table
        Dictionary columns are their values; columns without any value are text.
    """
    for i, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_dictionary(kind):
            table = table.set_column(i, field.name, table[i].cast(kind.value_type))
        elif pa.types.is_null(kind):
            table = table.set_column(i, field.name, table[i].cast(pa.string()))
        elif not nested and (pa.types.is_nested(kind) or "binary" in str(kind)):
            table = table.set_column(i, field.name, as_text(table[i]))
    return table


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the schema's columns.

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
        try:
            arrays.append(column.cast(field.type))
        except pa.ArrowException:
            values = [_fitting(value, field.type) for value in column.to_pylist()]
            arrays.append(pa.chunked_array([pa.array(values, field.type)]))
    return pa.table(arrays, schema=schema)


def _fitting(value: Any, kind: Any) -> Any:
    try:
        return None if value is None else pa.scalar(value).cast(kind).as_py()
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
