"""CSV and TSV: blocks parsed at speed; a block with bad lines is parsed again around them."""

from __future__ import annotations

import csv as csv_module
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.blocks import BLOCK_BYTES, Stream, text_blocks
from morpheus_gae.flows.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.numbers import BLANK

DELIMITERS = ",\t;|"


class CsvReader:
    """Reads one CSV stream.

    Parameters
    ----------
    stream
        Text with a header line.
    source
        Its name.
    block_bytes
        Bytes of a block.
    head
        Bytes that were read already.
    """

    def __init__(self, stream: Stream, source: str, block_bytes: int = BLOCK_BYTES, head: bytes = b"") -> None:
        self.stream, self.source = stream, source
        self.blocks = text_blocks(stream, block_bytes, head)
        self.row = 0
        self.names: list[str] = []
        self.delimiter = ","
        self.types: dict[str, Any] = {}

    def __iter__(self) -> Iterator[FlowBatch]:
        took = 0
        for given in self.blocks:
            # line ends inside quotes are not supported: flow exporters do not write them
            block = given if b"\r" not in given else given.replace(b"\r\n", b"\n")
            if not self.names:
                block = block.lstrip(b"\n")
                header, _, block = block.partition(b"\n")
                if not header.strip():
                    continue
                self._header(header)
            at = self.stream.tell()
            yield self._batch(block, at - took)
            took = at

    def _header(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").lstrip("#").strip()
        self.delimiter = max(DELIMITERS, key=text.count)
        self.names = [n.strip() for n in next(csv_module.reader([text], delimiter=self.delimiter))]
        require_columns(self.names, self.source)

    def _batch(self, block: bytes, took: int) -> FlowBatch:
        rows = block.count(b"\n") + (not block.endswith(b"\n")) if block else 0
        table = self._fast(block)
        if table is not None and table.num_rows == rows:
            batch = table_to_flows(table, self.source, self.row, text_of=_Lines(block), bytes_read=took)
        else:
            batch = self._careful(block, took)
        self.row += rows
        return batch

    def _convert(self, types: dict[str, Any]) -> pacsv.ConvertOptions:
        return pacsv.ConvertOptions(column_types=types, null_values=list(BLANK), strings_can_be_null=True)

    def _parse(self, block: bytes, types: dict[str, Any]) -> pa.Table:
        if not block.strip():
            return pa.table({n: pa.array([], types.get(n, pa.string())) for n in self.names})
        return pacsv.read_csv(
            pa.BufferReader(block),
            read_options=pacsv.ReadOptions(column_names=self.names, block_size=max(len(block), 1)),
            parse_options=pacsv.ParseOptions(delimiter=self.delimiter, newlines_in_values=False),
            convert_options=self._convert(types),
        )

    def _fast(self, block: bytes) -> pa.Table | None:
        """The whole block in one go; None if any line of it is odd."""
        try:
            table = self._parse(block, self.types)
        except pa.ArrowInvalid:
            return None
        if not self.types and table.num_rows:
            # types of the first good block hold for all: columns without a value yet stay open
            found = {f.name: f.type for f in table.schema if not pa.types.is_null(f.type)}
            self.types = {n: _widened(n, t) for n, t in found.items()}
            table = table.cast(pa.schema([(n, self.types.get(n, table[n].type)) for n in table.column_names]))
        return table

    def _careful(self, block: bytes, took: int) -> FlowBatch:
        """Line by line where a line does not split into the header's columns; values checked one by one."""
        lines = block.split(b"\n")
        if lines and not lines[-1]:
            lines.pop()
        want, mark = len(self.names), self.delimiter.encode()
        good: list[int] = []
        bad: list[BadRecord] = []
        for i, line in enumerate(lines):
            if not line.strip():
                continue
            count = line.count(mark) + 1
            if b'"' in line:
                count = _quoted_fields(line, self.delimiter)
            if count != want:
                bad.append(self._bad(Reason.COLUMN_COUNT, i, f"{count} columns in place of {want}", line))
            elif not (line.isascii() or _is_utf8(line)):
                bad.append(self._bad(Reason.ENCODING, i, "not UTF-8", line))
            else:
                good.append(i)
        kept = [lines[i] for i in good]
        text = dict.fromkeys(self.names, pa.string())
        table = _retyped(self._parse(b"\n".join(kept), text), self.types)
        rows = np.array(good, np.int64) + self.row
        batch = table_to_flows(
            table, self.source, rows=rows, text_of=lambda i: kept[i].decode("utf-8", "replace"), bytes_read=took
        )
        bad = sorted(bad + batch.bad, key=lambda record: record.row)
        return FlowBatch(batch.flows, bad, self.source, took)

    def _bad(self, reason: Reason, line: int, detail: str, text: bytes) -> BadRecord:
        return BadRecord(reason, self.source, self.row + line, detail, text.decode("utf-8", "replace"))


class _Lines:
    """Lines of a block by number, split when first asked."""

    def __init__(self, block: bytes) -> None:
        self._block: bytes = block
        self._lines: list[bytes] | None = None

    def __call__(self, i: int) -> str:
        if self._lines is None:
            self._lines = self._block.split(b"\n")
        return self._lines[i].decode("utf-8", "replace")


def _widened(name: str, kind: Any) -> Any:
    """Type a column keeps: a duration may be whole in one block and not in the next; flags may be counts."""
    if name == columns.DURATION and pa.types.is_integer(kind):
        return pa.float64()
    return kind


def _retyped(table: pa.Table, types: dict[str, Any]) -> pa.Table:
    """Text columns back in their types, except counters (checked by value) and columns that do not fit."""
    for i, name in enumerate(table.column_names):
        kind = types.get(name)
        if kind is None or name in columns.ATTRIBUTES:
            continue
        try:
            table = table.set_column(i, name, table[name].cast(kind))
        except pa.ArrowInvalid:
            continue
    return table


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quoted_fields(line: bytes, delimiter: str) -> int:
    try:
        return len(next(csv_module.reader([line.decode("utf-8", "replace")], delimiter=delimiter, strict=True)))
    except (csv_module.Error, StopIteration):
        return -1
