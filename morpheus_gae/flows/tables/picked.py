"""Picked: few rows of a table in pieces, without joining the pieces first, as Arrow does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows.tables.ordinary import ordinary_column, ordinary_table

I64 = npt.NDArray[np.int64]


def picked(table: pa.Table, index: I64) -> pa.Table:
    """Rows of a table.

    Parameters
    ----------
    table
        E rows, of any types.
    index
        int64 [F] positions, ascending.

    Returns
    -------
    pyarrow.Table
        F rows. Where they come from several pieces, or Arrow cannot take rows of a type, dictionaries are
        replaced by what they stand for: joined, their words would be compared, those of other rows too.
    """
    if all(column.num_chunks <= 1 for column in table.columns):
        return _taken(table, index)
    batches = table.to_batches()
    starts = np.cumsum([0, *map(len, batches)])
    cuts = np.searchsorted(index, starts).tolist()
    parts = [
        _taken(pa.Table.from_batches([batch]), index[cuts[i] : cuts[i + 1]] - starts[i])
        for i, batch in enumerate(batches)
        if cuts[i] < cuts[i + 1]
    ]
    if not parts:
        return table.slice(0, 0)
    if len(parts) == 1:
        return parts[0]
    try:
        return pa.concat_tables([_spelt_out(part) for part in parts]).combine_chunks()
    except pa.ArrowNotImplementedError:
        return pa.concat_tables([ordinary_table(part) for part in parts]).combine_chunks()


def _spelt_out(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, ordinary_column(table[i]))
    return table


def _taken(table: Any, index: I64) -> pa.Table:
    try:
        return table.take(pa.array(index))
    except pa.ArrowNotImplementedError:
        return ordinary_table(table).take(pa.array(index))
