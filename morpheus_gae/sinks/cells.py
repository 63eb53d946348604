"""Cells: makes text in CSV files harmless for spreadsheets and terminals."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.tables.printable import FORMULA, UNPRINTABLE, cell

_ACTS = f"[{UNPRINTABLE}]|^[{FORMULA}]"


def harmless(table: pa.Table) -> pa.Table:
    r"""Apply ``flows.tables.printable.cell`` to the texts and column names of a table.

    Parameters
    ----------
    table
        E rows in CSV's types; numbers, also as text, are unchanged.

    Returns
    -------
    pyarrow.Table
        ``'=1+1`` for ``=1+1``, ``\x1b[31m`` for an escape sequence of terminals.
    """
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(i, field.name, _text(table[i]))
    return table.rename_columns([cell(name) for name in table.column_names])


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    acts = pc.fill_null(pc.match_substring_regex(column, _ACTS), False)
    if not pc.any(acts).as_py():
        return column
    # only values with special characters are handled one by one
    made = pa.array([cell(text) for text in column.filter(acts).to_pylist()], column.type)
    flat = pa.concat_arrays(column.chunks)
    return pa.chunked_array([pc.replace_with_mask(flat, pa.concat_arrays(acts.chunks), made)])
