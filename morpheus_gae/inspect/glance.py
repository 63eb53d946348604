"""Glance: columns and first records of a file that is not readable as flows."""

from __future__ import annotations

import io
import os
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from morpheus_gae.errors import GaeError
from morpheus_gae.flows.files.stream import StreamFile, TruncatedError, open_stream
from morpheus_gae.flows.tables.cells import cells
from morpheus_gae.flows.text.csv_columns import DELIMITERS
from morpheus_gae.inspect.report import Example

HEAD_BYTES = 1 << 18
LINE = "line"


def glance(path: str, kind: str, rows: int) -> tuple[dict[str, str], list[Example]]:
    """Look at the beginning of a file.

    Parameters
    ----------
    path
        Of a file; of anything else there is nothing to see a second time.
    kind
        Its format.
    rows
        Records to show.

    Returns
    -------
    columns
        Names and types; none where the format cannot be read.
    examples
        The first records, without flows.
    """
    if not os.path.isfile(path):
        return {}, []
    try:
        table = _first(path, kind, rows)
    except (pa.ArrowException, OSError, EOFError, ValueError, GaeError, TruncatedError):
        table = None
    if table is not None:
        columns = {field.name: str(field.type) for field in table.schema}
        found = cells(table.slice(0, rows))
        return columns, [Example(i, _plain(row), {}) for i, row in enumerate(found)]
    if kind not in ("csv", "ndjson"):
        return {}, []
    try:
        lines = _lines(path)
    except (OSError, GaeError, TruncatedError):
        return {}, []
    return {}, [Example(i, {LINE: line}, {}) for i, line in enumerate(islice(lines, rows))]


def _first(path: str, kind: str, rows: int) -> pa.Table | None:
    if kind == "parquet":
        with pq.ParquetFile(path) as file:
            batches = list(islice(file.iter_batches(rows), 1))
            return pa.Table.from_batches(batches, file.schema_arrow)
    if kind == "arrow":
        stream = open_stream(path)
        try:
            if stream.peek(6) == b"ARROW1":
                StreamFile(stream).read(8)
            reader = pa.ipc.open_stream(pa.PythonFile(StreamFile(stream), mode="r"))
            table = pa.Table.from_batches(list(islice(reader, 1)), reader.schema).slice(0, rows)
            table.validate(full=True)
            return table
        finally:
            stream.close()
    if kind not in ("csv", "ndjson"):
        return None
    head = "\n".join(_lines(path)).encode()
    if not head:
        return None
    if kind == "ndjson":
        return pa_json.read_json(io.BytesIO(head))
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    delimiter = max(DELIMITERS, key=line.count)
    delimiter = delimiter if delimiter in line else " "
    return pa_csv.read_csv(
        io.BytesIO(head),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, invalid_row_handler=lambda row: "skip"),
    )


def _lines(path: str) -> list[str]:
    """The first lines that are whole; all of them, if the file is short."""
    stream = open_stream(path)
    try:
        head = stream.peek(HEAD_BYTES)
    finally:
        stream.close()
    text = head.decode("utf-8-sig", "replace")
    whole = text if len(head) < HEAD_BYTES else text.rpartition("\n")[0]
    return [line for line in whole.splitlines() if line.strip()]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Values that JSON has a form for."""
    return {
        name: value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
        for name, value in row.items()
    }
