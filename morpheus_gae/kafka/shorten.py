"""Shorten: truncates an alert that exceeds the message size; its flow and score are kept."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

MOST_TEXT = 1_000
"""Maximum length of a text."""
MOST_OTHER = 10_000
"""Maximum size of other values (lists, objects); larger ones are dropped."""


def shorten(table: pa.Table) -> pa.Table:
    """Truncate the texts of a row, and drop other large values.

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
    # counts only the slice, not its whole buffers
    if column.nbytes > MOST_OTHER:
        return pa.chunked_array([pa.nulls(len(column), column.type)])
    return column
