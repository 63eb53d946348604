"""Parquet and Arrow IPC: record batches as they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from morpheus_gae.flows.exporters.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.files.ahead import in_order, readers
from morpheus_gae.flows.files.stream import Stream, StreamFile, TruncatedError
from morpheus_gae.flows.readers.row_groups import LARGEST, Part, RowGroups, parts_of
from morpheus_gae.flows.tables.checks import DamagedError
from morpheus_gae.flows.tables.distinct import distinct
from morpheus_gae.flows.trace import tracing

FILE_MAGIC = b"ARROW1"
_PADDED = 8
_BROKEN = (pa.ArrowException, OSError, EOFError, DamagedError, UnicodeDecodeError, RecursionError)


def parquet_batches(
    path: str,
    stream: Stream,
    batch_rows: int,
    whole: bool,
    preset: PresetLike = None,
    skip: int = 0,
    dictionaries: bool = False,
) -> Iterator[FlowBatch]:
    """Flows of a Parquet file.

    Parameters
    ----------
    path
        The file; a name only, where it must be read ``whole``.
    stream
        The same, open.
    batch_rows
        Rows of a batch at most; it ends where a row group ends.
    whole
        Read all of it first: its index stands at the end, which pipes and compressed files cannot seek to.
    preset
        Whose columns they are; told by the columns if None.
    skip
        Records that nobody wants: the batches before the one that holds record ``skip`` are left out, and
        row groups in which there is nothing else are not read.
    dictionaries
        Leave text as dictionaries where the file holds it so: an address is then parsed once and not once
        a row.

    Raises
    ------
    TruncatedError
        If the file, or the rest of it, cannot be read.
    """
    source = pa.py_buffer(stream.read_all()) if whole else path
    try:
        with RowGroups(source, dictionaries) as file:
            layout = _layout(file.schema, path, preset)
            parts = parts_of(file.sizes, batch_rows, skip)
            rows, size = max(sum(file.sizes), 1), _size(path, stream, whole)
            # whoever listens is told in order
            alone = tracing().active or len(parts) < 2 or max(file.sizes) > LARGEST or readers() < 2

            def flows(table: pa.Table, first: int) -> FlowBatch:
                read = size * (first + table.num_rows) // rows - size * first // rows
                return table_to_flows(_named(table), path, first, bytes_read=read, preset=layout or CANONICAL)

            def converted(part: Part) -> tuple[list[FlowBatch], Exception | None]:
                batches: list[FlowBatch] = []
                try:
                    for table, first in file.tables(part, batch_rows, alone):
                        batches.append(flows(table, first))
                except _BROKEN as error:
                    return batches, error
                return batches, None

            if alone:
                for part in parts:
                    for table, first in file.tables(part, batch_rows, alone):
                        yield flows(table, first)
                return
            for batches, error in in_order(iter(parts), converted, readers()):
                yield from batches
                if error is not None:
                    raise error
    except _BROKEN as error:
        raise TruncatedError(_one_line(error)) from None


def arrow_batches(
    path: str, stream: Stream, batch_rows: int, preset: PresetLike = None
) -> Iterator[FlowBatch]:
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
            layout = _layout(reader.schema, path, preset)
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                table = _table(batch)
                for start in range(0, table.num_rows, batch_rows):
                    part = table.slice(start, batch_rows)
                    taken, before = stream.tell(), taken
                    yield table_to_flows(
                        part, path, row, bytes_read=taken - before, preset=layout or CANONICAL
                    )
                    row += part.num_rows
    except _BROKEN as error:
        raise TruncatedError(_one_line(error)) from None


def _layout(schema: pa.Schema, path: str, preset: PresetLike) -> Layout | None:
    names = paths(schema)
    layout = choose(names, preset)
    require_columns(names, path, layout)
    return layout


def _table(batch: pa.RecordBatch) -> pa.Table:
    return _named(pa.Table.from_batches([batch]))


def _named(table: pa.Table) -> pa.Table:
    """The table with every name once."""
    names = distinct(table.column_names)
    return table if names == table.column_names else table.rename_columns(names)


def _size(path: str, stream: Stream, whole: bool) -> int:
    if whole:
        return stream.tell()
    with open(path, "rb") as file:
        return file.seek(0, 2)


def _one_line(error: Any) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "the name of a column or of a time zone is not UTF-8"
    if isinstance(error, DamagedError):
        return error.detail
    return " ".join(str(error).split())[:200]
