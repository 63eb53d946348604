"""CSV and TSV: blocks parsed at speed; a block with odd lines is parsed again without them."""

from __future__ import annotations

import csv as csv_module
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.blocks import BLOCK_BYTES, Block, text_blocks
from morpheus_gae.flows.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.line_kernels import UNREADABLE, quotes_close
from morpheus_gae.flows.lines import Lines
from morpheus_gae.flows.numbers import BLANK
from morpheus_gae.flows.schema import Types
from morpheus_gae.flows.stack import stack
from morpheus_gae.flows.stream import Stream

DELIMITERS = ",\t;|"

Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]


class CsvReader:
    """Reads one CSV stream: a header line, then records; quoted values do not hold line ends.

    Parameters
    ----------
    stream
        Text. The delimiter (comma, tab, semicolon, bar) is the one that the header has most.
    source
        Its name.
    block_bytes
        Bytes of a block.
    """

    def __init__(self, stream: Stream, source: str, block_bytes: int = BLOCK_BYTES) -> None:
        self.source = source
        self.blocks = text_blocks(stream, block_bytes)
        self.row = 0
        self.names: list[str] = []
        self.delimiter = ","
        self.types = Types()

    def __iter__(self) -> Iterator[FlowBatch]:
        for block in self.blocks:
            data = block.data
            if not self.names:
                data = data.lstrip(b"\r\n")
                header, _, data = data.partition(b"\n")
                if not header.strip():
                    continue
                self._header(header)
            yield self._batch(Block(data, block.overlong, block.bytes_read))

    def _header(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip("\r\n")
        self.delimiter = max(DELIMITERS, key=text.count)
        try:
            given = next(csv_module.reader([text.lstrip("#")], delimiter=self.delimiter))
        except csv_module.Error:  # no header of a CSV file
            given = text.split(self.delimiter)
        given = [name.strip() for name in given]
        require_columns(given, self.source)
        # a name that comes twice: the first keeps it
        for i, name in enumerate(given):
            seen = given[:i].count(name)
            self.names.append(f"{name}.{seen}" if seen else name)
        # digits and dots are an address, never a number
        self.types.known = {n: pa.string() for n in columns.ADDRESSES if n in self.names}

    def _batch(self, block: Block) -> FlowBatch:
        data = block.data
        fast = None
        # an open quote swallows lines, a lone carriage return ends one: both are looked at with care
        if not block.overlong and data.count(b"\r") == data.count(b"\r\n") and self._closed(data):
            fast = self._typed(data)
        if fast is None:
            return self._careful(block)
        lines = _Lazy(data)
        batch = table_to_flows(fast, self.source, self.row, text_of=lines.text, bytes_read=block.bytes_read)
        self.types.settle(batch.flows.table)
        self.types.counters_as_text = self.types.counters_as_text and _has_odd_counter(fast, batch)
        self.row += fast.num_rows
        return batch

    def _closed(self, data: bytes) -> bool:
        return b'"' not in data or quotes_close(np.frombuffer(data, np.uint8), ord(self.delimiter))

    def _careful(self, block: Block) -> FlowBatch:
        """Odd lines are set aside before the parser sees them; values are then checked one by one."""
        lines = Lines(block.data)
        counts = lines.columns(self.delimiter)
        bad = []
        good = counts == len(self.names)
        garbled = lines.not_utf8()
        if block.overlong:
            good[:] = False
        for i in np.flatnonzero(~good | garbled).tolist():
            reason, detail = Reason.COLUMN_COUNT, f"{counts[i]} columns in place of {len(self.names)}"
            if garbled[i]:
                reason, detail = Reason.ENCODING, "not UTF-8"
            elif block.overlong:
                detail = "the line is too long to be a record"
            elif counts[i] == UNREADABLE:
                detail = "a quote that does not close, or a carriage return"
            bad.append(BadRecord(reason, self.source, self.row + i, detail, lines.text(i)))
        at = np.flatnonzero(good & ~garbled)
        table = self._parsed(lines, at)
        if table is None:
            table, at, more = self._one_by_one(lines, at)
            bad += more
        batch = table_to_flows(
            table,
            self.source,
            rows=at + self.row,
            text_of=lambda i: lines.text(int(at[i])),
            bytes_read=block.bytes_read,
        )
        self.types.settle(batch.flows.table)
        self.row += len(lines)
        bad = sorted(bad + batch.bad, key=lambda record: record.row)
        return FlowBatch(batch.flows, bad, self.source, block.bytes_read)

    def _parsed(self, lines: Lines, at: I64) -> pa.Table | None:
        keep = np.zeros(len(lines), bool)
        keep[at] = True
        text = lines.kept(keep)
        table = self._typed(text)
        if table is None or table.num_rows != len(at):
            table = self._as_text(text)
            if table is not None:
                self.types.counters_as_text = True
                table = _retyped(table, self.types)
        return table if table is not None and table.num_rows == len(at) else None

    def _one_by_one(self, lines: Lines, at: I64) -> tuple[pa.Table, I64, list[BadRecord]]:
        """By halves, down to the lines that count the right columns and yet do not parse."""
        if len(at) == 1:
            i = int(at[0])
            detail = "the line does not parse"
            record = BadRecord(Reason.COLUMN_COUNT, self.source, self.row + i, detail, lines.text(i))
            return self._empty(), at[:0], [record]
        parts: list[pa.Table] = []
        places: list[I64] = []
        bad: list[BadRecord] = []
        for half in np.array_split(at, 2):
            table, place = self._parsed(lines, half), half
            if table is None:
                table, place, more = self._one_by_one(lines, half)
                bad += more
            parts.append(table)
            places.append(place)
        return stack(parts), np.concatenate(places), bad

    def _empty(self) -> pa.Table:
        return pa.table({name: pa.array([], pa.string()) for name in self.names})

    def _typed(self, data: bytes) -> pa.Table | None:
        """All lines with the types known so far, or None if one of them does not fit."""
        table = self._read(data, self.types.asked(self.names))
        # bytes that are no text make a column binary where its type is still open
        if table is None or any(pa.types.is_binary(kind) for kind in table.schema.types):
            return None
        again = self.types.unfaithful(table.schema)
        if again:
            self.types.known.update(again)
            table = self._read(data, self.types.asked(self.names))
        return table

    def _as_text(self, data: bytes) -> pa.Table | None:
        return self._read(data, dict.fromkeys(self.names, pa.string()))

    def _read(self, data: bytes, types: dict[str, Any]) -> pa.Table | None:
        if not data.strip(b"\r\n"):
            return self._empty()
        try:
            return pacsv.read_csv(
                pa.BufferReader(data),
                read_options=pacsv.ReadOptions(column_names=self.names),
                parse_options=pacsv.ParseOptions(delimiter=self.delimiter),
                convert_options=pacsv.ConvertOptions(column_types=types, null_values=[""]),
            )
        except pa.ArrowInvalid:
            return None


class _Lazy:
    """Lines of a block, found when first asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._lines: Lines | None = None

    def text(self, i: int) -> str:
        if self._lines is None:
            self._lines = Lines(self._data)
        return self._lines.text(i)


def _has_odd_counter(table: pa.Table, batch: FlowBatch) -> bool:
    """Whether some counter could only be read as text."""
    if any(record.reason is Reason.NOT_A_NUMBER for record in batch.bad):
        return True
    words = pa.array(BLANK[1:])
    return any(pc.any(pc.is_in(table[name], value_set=words)).as_py() for name in columns.ATTRIBUTES)


def _retyped(table: pa.Table, types: Types) -> pa.Table:
    """Text columns back in their types, or in the next wider one that fits; counters stay text."""
    for i, name in enumerate(table.column_names):
        kind = types.known.get(name, pa.string())
        if kind == pa.string() or name in columns.ATTRIBUTES:
            continue
        told = pc.if_else(pc.equal(table[name], ""), pa.scalar(None, pa.string()), table[name])
        for wider in (kind, pa.float64()):
            try:
                table = table.set_column(i, name, told.cast(wider))
                break
            except pa.ArrowInvalid:
                continue
    return table
