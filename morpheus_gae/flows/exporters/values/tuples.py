"""Flow tuples: Azure's lists inside lists, down to texts that hold a flow each, as rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

I64 = npt.NDArray[np.int64]

FIELDS = (
    "tuple_start",
    "tuple_src",
    "tuple_dst",
    "tuple_sport",
    "tuple_dport",
    "tuple_proto",
    "tuple_direction",
    "tuple_decision",
    "tuple_state",
    "tuple_packets_sent",
    "tuple_bytes_sent",
    "tuple_packets_received",
    "tuple_bytes_received",
)
"""Columns of an NSG tuple (version 2), in order."""
STATES = ("B", "C", "E")
"""Begun, continued, ended."""


def unpacked(table: pa.Table, steps: tuple[str, ...]) -> tuple[pa.Table, I64]:
    """A row for every tuple.

    Parameters
    ----------
    table
        Records as Azure writes them: blobs, or messages of an event hub.
    steps
        Names of the columns and fields to go down by, as far as they are there.

    Returns
    -------
    pyarrow.Table
        Plain columns of every level above, the tuple (``flowTuple``), and its ``FIELDS``.
    int64 [E]
        Row of the given table that each came from.
    """
    index = np.arange(table.num_rows)
    for step in steps:
        # a level may come twice: flows in flows
        while step in table.column_names:
            column = table[step].combine_chunks()
            rest = _plain(table.drop_columns([step]), step)
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0)
            kind = column.type
            if pa.types.is_list(kind) or pa.types.is_large_list(kind):
                parents = np.asarray(pc.list_parent_indices(column))
                column, index, rest = pc.list_flatten(column), index[parents], rest.take(parents)
                kind = column.type
            if not pa.types.is_struct(kind):
                # what is no text is no tuple either
                nested = pa.types.is_nested(kind)
                text = pa.nulls(len(column), pa.string()) if nested else pc.cast(column, pa.string())
                return _split(rest, text), index
            # at once: nothing can be appended to a table without columns
            inner = dict(zip([f.name for f in kind], column.flatten(), strict=True))
            table = pa.table({**{name: rest[name] for name in rest.column_names}, **inner})
    return _split(pa.table({}), pa.array([], pa.string())), index[:0]


def _plain(table: pa.Table, step: str) -> pa.Table:
    """Without what is nested, and what would stand for a level to go down by."""
    return table.select([f.name for f in table.schema if not pa.types.is_nested(f.type) and f.name != step])


def _split(table: pa.Table, text: pa.Array) -> pa.Table:
    parts = pc.split_pattern(text, ",")
    lengths = np.asarray(pc.fill_null(pc.list_value_length(parts), 0))
    columns = [_element(parts, lengths, i) for i in range(len(FIELDS))]
    # a VNet tuple has no decision: its state comes one earlier, then whether it is encrypted
    nsg = pc.fill_null(pc.is_in(columns[8], value_set=pa.array(STATES)), False)
    columns[7], columns[8] = (
        pc.if_else(nsg, columns[7], pa.scalar(None, pa.string())),
        pc.if_else(nsg, columns[8], columns[7]),
    )
    table = table.append_column("flowTuple", text) if table.num_columns else pa.table({"flowTuple": text})
    for name, column in zip(FIELDS, columns, strict=True):
        table = table.append_column(name, column)
    return table


def _element(parts: pa.Array, lengths: I64, i: int) -> pa.Array:
    """The i-th part of each text, null where there are fewer, or it is empty."""
    starts = np.cumsum(lengths) - lengths
    at = pa.array(np.where(lengths > i, starts + i, 0), mask=lengths <= i)
    column = pc.list_flatten(parts).take(at)
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
