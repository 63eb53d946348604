"""Parquet and Arrow IPC: record batches as they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows.exporters.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.files.ahead import in_order, readers
from morpheus_gae.flows.files.stream import Stream, StreamFile, TruncatedError
from morpheus_gae.flows.readers.parquet_footer import with_dictionary
from morpheus_gae.flows.tables.checks import DamagedError
from morpheus_gae.flows.trace import tracing

FILE_MAGIC = b"ARROW1"
_PADDED = 8
_FEW = 4
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
        Rows of a batch.
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
    data = pa.py_buffer(stream.read_all()) if whole else None
    try:
        with _opened(path if data is None else pa.BufferReader(data), dictionaries) as file:
            layout = _layout(file.schema_arrow, path, preset)
            rows, size = max(file.metadata.num_rows, 1), _size(path, stream, whole)
            first = min(skip, file.metadata.num_rows) // batch_rows * batch_rows

            def placed() -> Iterator[tuple[pa.Table, int, int]]:
                row, taken = first, size * first // rows
                for batch in _batches_from(file, first, batch_rows):
                    start, row = row, row + batch.num_rows
                    taken, before = size * row // rows, taken
                    yield batch, start, taken - before

            def converted(part: tuple[pa.Table, int, int]) -> FlowBatch:
                batch, start, read = part
                return table_to_flows(_named(batch), path, start, bytes_read=read, preset=layout or CANONICAL)

            # whoever listens is told in order; a few batches are not worth threads
            alone = tracing().active or (rows - first) // batch_rows < _FEW
            yield from in_order(placed(), converted, 1 if alone else readers())
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


def _opened(source: Any, dictionaries: bool) -> Any:
    file = pq.ParquetFile(source)
    if not dictionaries or not file.num_row_groups:
        return file
    if isinstance(source, str):
        with open(source, "rb") as raw:
            told = with_dictionary(raw)
    else:
        told = with_dictionary(source)
        source.seek(0)
    texts = [f.name for f in file.schema_arrow if pa.types.is_string(f.type) and f.name in told]
    metadata = file.metadata
    file.close()
    return pq.ParquetFile(source, metadata=metadata, read_dictionary=texts)


def _batches_from(file: Any, first: int, size: int) -> Iterator[pa.Table]:
    """Tables of ``size`` rows (the last one fewer) from row ``first`` on."""
    group, lead = 0, first
    while group < file.num_row_groups and lead >= file.metadata.row_group(group).num_rows:
        lead -= file.metadata.row_group(group).num_rows
        group += 1
    held: pa.Table | None = None
    for batch in file.iter_batches(size, row_groups=range(group, file.num_row_groups)):
        table = pa.Table.from_batches([batch])
        cut = min(lead, table.num_rows)
        lead, table = lead - cut, table.slice(cut)
        held = table if held is None else pa.concat_tables([held, table])
        if held.num_rows >= size:
            # as long as nothing was cut off, batches come in the right size
            yield held.slice(0, size) if held.num_rows > size else held
            held = held.slice(size) if held.num_rows > size else None
    if held is not None and held.num_rows:
        yield held


def _table(batch: pa.RecordBatch) -> pa.Table:
    return _named(pa.Table.from_batches([batch]))


def _named(table: pa.Table) -> pa.Table:
    """The table with every name once: the first of several keeps it."""
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
    if isinstance(error, UnicodeDecodeError):
        return "the name of a column or of a time zone is not UTF-8"
    if isinstance(error, DamagedError):
        return error.detail
    return " ".join(str(error).split())[:200]
