"""Column sinks: Parquet and Arrow IPC files."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.errors import OutputError
from morpheus_gae.sinks.conform import conform, plain
from morpheus_gae.sinks.sink import told

GROUP_ROWS = 65_536
"""Minimum rows of a Parquet row group: small ones are slow to read."""


class ColumnSink:
    """Parquet or Arrow IPC; the schema of the first table applies to the file (see ``conform``).

    A Parquet file is readable once closed. A file without rows is valid, and empty.

    Parameters
    ----------
    file
        Binary file, open for writing; closed at the end.
    name
        For errors.
    kind
        ``parquet`` or ``arrow``.
    """

    def __init__(self, file: Any, name: str, kind: str) -> None:
        self._file, self._name, self._kind = file, name, kind
        self._writer: Any = None
        self._schema: pa.Schema = pa.schema([])
        self._waiting: list[pa.Table] = []
        self._closed = False

    def add(self, table: pa.Table) -> None:
        """Write the rows."""
        table = plain(table, self._kind)
        if self._writer is None:
            self._schema = table.schema.remove_metadata()
            if table.num_rows == 0:
                return
            self._open()
        self._waiting.append(conform(table, self._schema))
        if self._kind == "arrow" or sum(t.num_rows for t in self._waiting) >= GROUP_ROWS:
            self._write()

    def flush(self) -> None:
        """Flush written rows; a Parquet file holds back the last, small row group."""
        with told(self._name):
            self._file.flush()

    def close(self) -> None:
        """Write pending rows and the footer."""
        if self._closed:
            return
        self._closed = True
        with told(self._name), self._file:
            if self._writer is None:
                self._open()
            self._write()
            self._writer.close()

    def _open(self) -> None:
        try:
            if self._kind == "parquet":
                self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")
            else:
                self._writer = pa.ipc.new_file(self._file, self._schema)
        except (pa.ArrowException, OSError) as error:
            raise OutputError(f"{self._name} cannot be written as {self._kind}: {error}") from None

    def _write(self) -> None:
        tables, self._waiting = self._waiting, []
        if tables:
            with told(self._name):
                self._writer.write_table(pa.concat_tables(tables).combine_chunks())
