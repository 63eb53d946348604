"""Shorten: an alert that no message could hold, made to fit; it still names its flow and keeps its score."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

MOST_TEXT = 1_000
"""Characters that stay of a text."""
MOST_OTHER = 10_000
"""Bytes of anything else (lists, objects) that stays; more is left out."""


def shorten(table: pa.Table) -> pa.Table:
    """Cut the texts of a row, and leave out what else is large.

    Parameters
    ----------
    table
        One row.

    Returns
    -------
    pa.Table
        The same columns.
    """
    return pa.table([_column(table[name]) for name in table.column_names], table.column_names)


def _column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.utf8_slice_codeunits(column, 0, MOST_TEXT)
    # a slice of a table counts what it shows, not what lies around it
    if column.nbytes > MOST_OTHER:
        return pa.chunked_array([pa.nulls(len(column), column.type)])
    return column
