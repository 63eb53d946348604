"""Text sinks: NDJSON and CSV, to files and stdout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from morpheus_gae.sinks.cells import harmless
from morpheus_gae.sinks.conform import conform, plain
from morpheus_gae.sinks.ndjson import json_lines
from morpheus_gae.sinks.sink import Rendered, told

CHUNK_ROWS = 65_536
"""Rows formatted at once: bounds the memory of large tables."""


class TextSink:
    """NDJSON or CSV into a binary file.

    Parameters
    ----------
    file
        Object with ``write``, ``flush`` and ``close``.
    name
        For errors.
    kind
        ``ndjson`` (each table with its own columns) or ``csv`` (with the schema of the first table, see
        ``conform``, and escaped text, see ``cells``).
    beneath
        File under a compressing one, flushed and closed after it.
    owned
        Whether to close the files.
    """

    def __init__(self, file: Any, name: str, kind: str, *, beneath: Any = None, owned: bool = True) -> None:
        self._files = [file] if beneath is None else [file, beneath]
        self._name, self._kind, self._owned = name, kind, owned
        self._schema: pa.Schema | None = None
        self._closed = False

    def add(self, table: pa.Table | Rendered) -> None:
        """Write the rows."""
        with told(self._name):
            for data in table.parts if isinstance(table, Rendered) else self._rendered(table):
                self._files[0].write(data)

    def rendered(self, table: pa.Table) -> pa.Table | Rendered:
        """Return rows as they are written, where that does not depend on earlier ones."""
        return Rendered([*self._rendered(table)]) if self._kind == "ndjson" else table

    def flush(self) -> None:
        """Flush buffered rows."""
        with told(self._name):
            for file in self._files:
                file.flush()

    def close(self) -> None:
        """Flush, and close owned files."""
        if self._closed:
            return
        self._closed = True
        with told(self._name), ExitStack() as last:
            # close all of them even on errors
            for file in reversed(self._files):
                last.callback(file.close if self._owned else file.flush)

    def _rendered(self, table: pa.Table) -> Iterator[bytes]:
        for start in range(0, table.num_rows, CHUNK_ROWS):
            part = table.slice(start, CHUNK_ROWS)
            yield json_lines(part) if self._kind == "ndjson" else self._csv(part)

    def _csv(self, table: pa.Table) -> bytes:
        table = plain(table, "csv")
        header = self._schema is None
        if self._schema is None:
            self._schema = table.schema
        out = pa.BufferOutputStream()
        options = pacsv.WriteOptions(include_header=header)
        pacsv.write_csv(harmless(conform(table, self._schema)), out, options)
        data: bytes = out.getvalue().to_pybytes()
        return data
