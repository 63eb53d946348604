"""Parquet and Arrow IPC: record batches as they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.stream import Stream, StreamFile, TruncatedError

FILE_MAGIC = b"ARROW1"
_PADDED = 8
_BROKEN = (pa.ArrowException, OSError, EOFError)


def parquet_batches(path: str, stream: Stream, batch_rows: int, whole: bool) -> Iterator[FlowBatch]:
    """Flows of a Parquet file.

    Parameters
    ----------
    path
        The file; a name only, where it must be read ``whole``.
    stream
        The same, open.
    batch_rows
        Rows of a batch.
    whole
        Read all of it first: its index stands at the end, which pipes and compressed files cannot seek to.

    Raises
    ------
    TruncatedError
        If the file, or the rest of it, cannot be read.
    """
    data = pa.py_buffer(stream.read_all()) if whole else None
    taken = 0
    try:
        with pq.ParquetFile(path if data is None else pa.BufferReader(data)) as file:
            require_columns(file.schema_arrow.names, path)
            rows, size = max(file.metadata.num_rows, 1), _size(path, stream, whole)
            row = 0
            for batch in file.iter_batches(batch_rows):
                start, row = row, row + batch.num_rows
                taken, before = size * row // rows, taken
                yield table_to_flows(_table(batch), path, start, bytes_read=taken - before)
    except _BROKEN as error:
        raise TruncatedError(_one_line(error)) from None


def arrow_batches(path: str, stream: Stream, batch_rows: int) -> Iterator[FlowBatch]:
    """Flows of an Arrow IPC file or stream.

    Raises
    ------
    TruncatedError
        If the file, or the rest of it, cannot be read.
    """
    if stream.peek(len(FILE_MAGIC)) == FILE_MAGIC:
        # the file format is the stream format between two magics: read forward, it needs no index
        StreamFile(stream).read(_PADDED)
    row = taken = 0
    try:
        with pa.ipc.open_stream(pa.PythonFile(StreamFile(stream), mode="r")) as reader:
            require_columns(reader.schema.names, path)
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                table = _table(batch)
                for start in range(0, table.num_rows, batch_rows):
                    part = table.slice(start, batch_rows)
                    taken, before = stream.tell(), taken
                    yield table_to_flows(part, path, row, bytes_read=taken - before)
                    row += part.num_rows
    except _BROKEN as error:
        raise TruncatedError(_one_line(error)) from None


def _table(batch: pa.RecordBatch) -> pa.Table:
    """The batch with every name once: the first of several keeps it."""
    table = pa.Table.from_batches([batch])
    names = table.column_names
    if len(set(names)) < len(names):
        table = table.rename_columns(
            [f"{n}.{k}" if (k := names[:i].count(n)) else n for i, n in enumerate(names)]
        )
    return table


def _size(path: str, stream: Stream, whole: bool) -> int:
    if whole:
        return stream.tell()
    with open(path, "rb") as file:
        return file.seek(0, 2)


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())[:200]
