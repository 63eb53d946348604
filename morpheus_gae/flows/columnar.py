"""Parquet and Arrow IPC: record batches as they lie in the file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows.blocks import Replay, Stream, Truncated
from morpheus_gae.flows.convert import FlowBatch, require_columns, table_to_flows

FILE_MAGIC = b"ARROW1"


def parquet_batches(path: str, stream: Stream, batch_rows: int, head: bytes = b"") -> Iterator[FlowBatch]:
    """Flows of a Parquet file; from stdin it is read whole, as its index stands at the end.

    Raises
    ------
    Truncated
        If the file, or the rest of it, cannot be read.
    """
    source: str | io.BytesIO = path
    if path == "-":
        source = io.BytesIO(head + b"".join(iter(lambda: stream.read(1 << 20), b"")))
    try:
        with pq.ParquetFile(source) as file:
            require_columns(file.schema_arrow.names, path)
            row, total = 0, max(file.metadata.num_rows, 1)
            size = source.getbuffer().nbytes if isinstance(source, io.BytesIO) else os.path.getsize(path)
            for batch in file.iter_batches(batch_rows):
                table = pa.Table.from_batches([batch])
                yield table_to_flows(table, path, row, bytes_read=size * table.num_rows // total)
                row += table.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise Truncated(str(error)) from None


def arrow_batches(path: str, stream: Stream, batch_rows: int, head: bytes = b"") -> Iterator[FlowBatch]:
    """Flows of an Arrow IPC file or stream.

    Raises
    ------
    Truncated
        If the file, or the rest of it, cannot be read.
    """
    head = head or stream.read(len(FILE_MAGIC))
    row = took = 0
    try:
        if head.startswith(FILE_MAGIC):
            # the file format is the stream format between magics: read forward, it needs no seek
            padding = 8 - len(FILE_MAGIC)
            head = head[len(FILE_MAGIC) :] or stream.read(padding)
            head = head[padding:]
        with pa.ipc.open_stream(pa.PythonFile(Replay(stream, head), mode="r")) as reader:
            require_columns(reader.schema.names, path)
            for batch in reader:
                table = pa.Table.from_batches([batch])
                for start in range(0, table.num_rows, batch_rows):
                    part = table.slice(start, batch_rows)
                    at = stream.tell()
                    yield table_to_flows(part, path, row, bytes_read=at - took)
                    row, took = row + part.num_rows, at
    except (pa.ArrowInvalid, OSError) as error:
        raise Truncated(str(error)) from None
