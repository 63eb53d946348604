"""Open: a destination by its extension."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.ndjson import json_lines

FORMATS = {
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
}


class OutputClosed(OutputError):
    """Whoever read our output has gone (``| head``): nothing more is wanted."""


class Sink(Protocol):
    """Where tables go, in order."""

    def add(self, table: pa.Table) -> None:
        """Take a table."""
        ...

    def flush(self) -> None:
        """Hand everything taken so far to the operating system, in whole records."""
        ...

    def close(self) -> None:
        """Finish; nothing can be added after."""
        ...


class TextSink:
    """NDJSON or CSV into a binary file."""

    def __init__(self, file: BinaryIO, kind: str, *, owned: bool = True) -> None:
        self._file, self._kind, self._owned = file, kind, owned
        self._schema: pa.Schema | None = None

    def add(self, table: pa.Table) -> None:
        """Write the rows; CSV keeps the columns of the first table."""
        try:
            if self._kind == "ndjson":
                self._file.write(json_lines(table))
                return
            header = self._schema is None
            if self._schema is None:
                self._schema = _plain(table).schema
            out = pa.BufferOutputStream()
            pacsv.write_csv(conform(_plain(table), self._schema), out, pacsv.WriteOptions(include_header=header))
            self._file.write(out.getvalue())
        except BrokenPipeError:
            raise OutputClosed("the reader of the output is gone") from None
        except OSError as error:
            raise OutputError(f"the output cannot be written: {error.strerror}") from None

    def flush(self) -> None:
        """Hand over what is buffered."""
        try:
            self._file.flush()
        except BrokenPipeError:
            raise OutputClosed("the reader of the output is gone") from None
        except OSError as error:
            raise OutputError(f"the output cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Flush, and close a file of our own."""
        self.flush()
        if self._owned:
            self._file.close()


class ColumnSink:
    """Parquet or Arrow IPC; the columns and types of the first table hold for the file."""

    def __init__(self, path: str, kind: str) -> None:
        self._path, self._kind = path, kind
        self._writer: Any = None
        self._schema: pa.Schema | None = None
        _open(path).close()

    def add(self, table: pa.Table) -> None:
        """Write the rows: missing columns become null, values that do not fit become null."""
        if table.num_rows == 0 and self._schema is None:
            return
        try:
            if self._schema is None:
                self._schema = _plain(table).schema
                if self._kind == "parquet":
                    self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
                else:
                    self._writer = pa.ipc.new_file(self._path, self._schema)
            self._writer.write_table(conform(_plain(table), self._schema))
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error}") from None

    def flush(self) -> None:
        """Nothing to do: a row group is written when it is added, the index when the file is closed."""

    def close(self) -> None:
        """Write the index."""
        if self._writer is not None:
            self._writer.close()


def open_sink(url: str, format: str | None = None) -> Sink:
    """Open a destination.

    Parameters
    ----------
    url
        Path ending in .jsonl, .ndjson, .json, .csv (these also .gz), .parquet or .arrow; ``-`` is stdout
        (NDJSON unless ``format`` says otherwise).
    format
        Overrides the extension.

    Raises
    ------
    OutputError
        If it cannot be opened.
    UsageError
        For an unknown extension; the message lists the known ones.
    """
    if url == "-":
        if format not in (None, "ndjson", "csv"):
            raise UsageError(f"stdout takes ndjson or csv, not {format}")
        return TextSink(sys.stdout.buffer, format or "ndjson", owned=False)
    name = Path(url)
    packed = name.suffix.lower() == ".gz"
    suffix = (name.with_suffix("") if packed else name).suffix.lower()
    kind = format or FORMATS.get(suffix)
    if kind is None:
        raise UsageError(f"{url}: unknown format {suffix or '(no extension)'!r}; known: {' '.join(FORMATS)}")
    if kind in ("parquet", "arrow"):
        if packed:
            raise UsageError(f"{url}: {kind} files are compressed inside; leave .gz out")
        return ColumnSink(url, kind)
    file: Any = _open(url)
    return TextSink(gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if packed else file, kind)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the schema's columns; null where a column is missing or a value does not fit."""
    arrays = []
    for field in schema:
        if field.name not in table.column_names:
            arrays.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
            continue
        column = table[field.name]
        try:
            arrays.append(column if column.type == field.type else column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            arrays.append(pa.chunked_array([pa.array([_fitting(v, field.type) for v in column.to_pylist()], field.type)]))
    return pa.table(arrays, schema=schema)


def _fitting(value: Any, kind: Any) -> Any:
    try:
        return pa.scalar(value).cast(kind).as_py() if value is not None else None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return None


def _plain(table: pa.Table) -> pa.Table:
    """Dictionary columns as their values, null columns as text: types any file format can keep."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table[i].cast(field.type.value_type))
        elif pa.types.is_null(field.type):
            table = table.set_column(i, field.name, table[i].cast(pa.string()))
    return table


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "wb")
    except OSError as error:
        hint = "" if os.path.isdir(os.path.dirname(path) or ".") else "; its folder does not exist"
        raise OutputError(f"{path} cannot be written: {error.strerror}{hint}") from None
