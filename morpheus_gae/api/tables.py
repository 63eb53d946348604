"""Tables: converts data frames of any library to Arrow tables, with minimal copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows.tables.distinct import distinct

# numbers of more than 64 bits are an OverflowError
_MIXED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def to_table(flows: Any) -> pa.Table:
    """Flows as a table.

    Parameters
    ----------
    flows
        E records: a pandas, Polars or cuDF data frame, a pyarrow ``Table``, ``RecordBatch`` or
        ``RecordBatchReader``, any object with the Arrow PyCapsule interface (``__arrow_c_stream__`` or
        ``__arrow_c_array__``) or a method ``to_arrow``, or a mapping of names to columns.

    Returns
    -------
    pyarrow.Table
        E rows in the same order, every name once. A column of Python's values that Arrow has no common type
        for is text; pandas' index is left out.

    Raises
    ------
    UsageError
        If it is none of these.
    InputError
        If a library cannot hand its columns over.
    """
    try:
        table = _table(flows)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise InputError(f"the columns cannot be read: {' '.join(str(error).split())[:200]}") from None
    if table is None:
        raise UsageError(
            f"flows must have named columns, got {type(flows).__module__}.{type(flows).__qualname__}: give a "
            "pandas, Polars or cuDF data frame, a pyarrow Table, or anything that speaks Arrow"
        )
    # as readers of files have it
    return table.rename_columns(distinct(table.column_names)).replace_schema_metadata(None)


def _table(flows: Any) -> pa.Table | None:
    if isinstance(flows, pa.Table):
        return flows
    if isinstance(flows, pa.RecordBatch):
        return pa.Table.from_batches([flows])
    if isinstance(flows, pa.RecordBatchReader):
        return flows.read_all()
    # its own export would add the index, and refuses columns of mixed values
    if type(flows).__module__.partition(".")[0] == "pandas" and hasattr(flows, "columns"):
        return pa.table([_pandas_column(flows.iloc[:, i]) for i in range(flows.shape[1])], _names(flows))
    if hasattr(flows, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(flows).read_all()
    if hasattr(flows, "__arrow_c_array__"):
        return pa.Table.from_batches([pa.record_batch(flows)])
    if hasattr(flows, "to_arrow"):
        return _table(flows.to_arrow())
    if isinstance(flows, Mapping):
        names = [str(name) for name in flows]
        return pa.table([_mapped_column(column) for column in flows.values()], names)
    return None


def _names(frame: Any) -> list[str]:
    return [str(name) for name in frame.columns]


def _pandas_column(column: Any) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(column, from_pandas=True)
    except _MIXED:
        return _texts(column.tolist(), column.isna().tolist())


def _mapped_column(column: Any) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.table([column], [""]).column(0)
    except _MIXED:
        if not isinstance(column, (list, tuple)):
            raise
        return _texts(column, [value is None for value in column])


def _texts(values: Sequence[Any], absent: Sequence[bool]) -> pa.Array:
    texts = [None if no else str(value) for no, value in zip(absent, values, strict=True)]
    return pa.array(texts, pa.string())
