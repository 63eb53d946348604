"""CSV and TSV: blocks parsed at speed; a block with odd lines is parsed again without them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.exporters.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose
from morpheus_gae.flows.exporters.mapping import ColumnMap, PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.exporters.presets.table import NOT_A_FLOW
from morpheus_gae.flows.files.stream import Stream
from morpheus_gae.flows.tables.concat import stack
from morpheus_gae.flows.tables.distinct import distinct
from morpheus_gae.flows.tables.numbers import BLANK
from morpheus_gae.flows.text.blocks import BLOCK_BYTES, Block, text_blocks
from morpheus_gae.flows.text.csv_columns import DELIMITERS, cells, divided
from morpheus_gae.flows.text.line_kernels import UNREADABLE, quotes_close
from morpheus_gae.flows.text.lines import Lines, is_utf8
from morpheus_gae.flows.text.preambles import (
    header_of,
    layout_of,
    readable,
    records_only,
    text_columns,
    without_line,
)
from morpheus_gae.flows.text.schema import Types
from morpheus_gae.flows.text.template import Matched, Template, delimited_template
from morpheus_gae.flows.trace import tracing

ALIKE = 0.8
"""Share of lines that must be plain for the fast reader to pay."""

Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]


class CsvReader:
    """Reads one CSV stream: a header line, then records; quoted values do not hold line ends.

    Parameters
    ----------
    stream
        Text. The delimiter (comma, tab, semicolon, bar) is the one that the header has most; a space if it
        has none of them. Without a header, it is the one that makes the columns that were told.
    source
        Its name.
    block_bytes
        Bytes of a block.
    preset
        Whose columns they are; told by the header if None.
    """

    def __init__(
        self, stream: Stream, source: str, block_bytes: int = BLOCK_BYTES, preset: PresetLike = None
    ) -> None:
        self.source = source
        self.preset = preset
        self.columns = preset.columns if isinstance(preset, ColumnMap) else ()
        self.layout: Layout | None = None
        self.ended = False
        self.blocks = text_blocks(stream, block_bytes)
        self.row = 0
        #: Whether there is no header.
        self.bare = False
        #: The line that told the names; none if nothing did.
        self.header = b""
        self.names: list[str] = []
        self.delimiter = ","
        self.types = Types()
        self.template: Template | None = None
        self.odd_blocks = 0

    def __iter__(self) -> Iterator[FlowBatch]:
        for block in self.blocks:
            data = block.data
            if self.columns and not self.names:
                data = self._told_columns(data)
            while data and not self.names:
                line, _, rest = data.partition(b"\n")
                header = header_of(line)
                data = rest if not header or self._header(header) else data
            if not self.names or self.ended:
                continue
            if self.layout is not None:
                data, self.ended = records_only(readable(data, self.layout.preset), self.layout.preset)
            yield self._records(Block(data, block.overlong, block.bytes_read))

    def _header(self, line: bytes) -> bool:
        """Learn the names; whether the line told them, or is a record already."""
        text = line.decode("utf-8", "replace").strip("\r\n")
        self.delimiter = max(DELIMITERS, key=text.count)
        if self.delimiter not in text and " " in text:
            self.delimiter = " "
        given = cells(text.lstrip("#"), self.delimiter)
        given, self.layout, told = layout_of(given, self.preset)
        self.bare = not told
        self._know(given)
        self.header = line.strip(b"\r\n") if told else b""
        return told

    def _told_columns(self, data: bytes) -> bytes:
        """Learn the names that were told; the lines without those that hold no record."""
        self.layout = choose(self.columns, self.preset)
        comment = b"" if self.layout is None else self.layout.preset.comment.encode()
        found = divided(data, self.columns, comment, self.source)
        if found is None:
            return b""
        self.delimiter, before = found
        self.bare = not before
        self._know(list(self.columns))
        return [*data.split(b"\n", before), b""][before]

    def _know(self, given: list[str]) -> None:
        """Take columns for those of the stream."""
        require_columns(given, self.source, self.layout)
        self.names += distinct(given)
        # digits and dots are an address, never a number
        self.types.known = {n: pa.string() for n in text_columns(self.layout) if n in self.names}
        if self.layout is not None:
            self.types.counters = self.layout.counters(self.names)

    def _records(self, block: Block) -> FlowBatch:
        """The flows of a block in which the header may have come again."""
        data, places, again = without_line(block.data, self.header)
        if not again:
            return self._batch(block)
        first = self.row
        batch = self._batch(Block(data, block.overlong, block.bytes_read))
        self.row += again
        batch.skipped[NOT_A_FLOW] += again
        tracing().renumbered(first, places)
        flows = replace(batch.flows, rows=first + places[batch.flows.rows - first])
        bad = [replace(b, row=first + int(places[b.row - first])) for b in batch.bad]
        return replace(batch, flows=flows, bad=bad)

    def _batch(self, block: Block) -> FlowBatch:
        data = block.data
        matched = None if block.overlong else self._matched(data)
        if matched is not None:
            return self._templated(matched, block)
        fast = None
        # an open quote swallows lines, a lone carriage return ends one: both are looked at with care
        if not block.overlong and data.count(b"\r") == data.count(b"\r\n") and self._closed(data):
            fast = self._typed(data)
        if fast is None:
            return self._careful(block)
        lines = _Lazy(data)
        batch = table_to_flows(
            fast, self.source, self.row, text_of=lines.text, bytes_read=block.bytes_read, preset=self._told()
        )
        self.types.settle(batch.flows.table, fast.select(self.own))
        odd = self.types.counters_as_text and _has_odd_counter(fast, batch, self.types.counters)
        self.types.counters_as_text = odd
        self.row += fast.num_rows
        return batch

    def _matched(self, data: bytes) -> Matched | None:
        """The lines by the fast reader, if it can read most of them."""
        known = {name: self.types.known[name] for name in self.names if name in self.types.known}
        # types come from a block that the general reader has seen; in one column, a blank line is a value
        if (
            not self.row
            or len(self.names) < 2
            or self.types.counters_as_text
            or self.unset
            or self.odd_blocks > 8
        ):
            return None
        if self.template is None or self.template.known != known:
            self.template = delimited_template(self.names, self.delimiter, known)
        if self.template is None:
            return None
        matched = self.template.read(data, is_utf8(data))
        if len(matched.rows) >= ALIKE * matched.lines:
            return matched
        self.odd_blocks += 1
        return None

    def _templated(self, matched: Matched, block: Block) -> FlowBatch:
        table, at = matched.table, matched.rows
        bad: list[BadRecord] = []
        lines = _Lazy(block.data)
        if len(at) < matched.lines:
            rest, places, bad = self._sorted_out(Lines(matched.odd_lines(block.data)), overlong=False)
            place = matched.odd[2]
            bad = [replace(record, row=self.row + int(place[record.row - self.row])) for record in bad]
            if rest.num_rows:
                at = np.concatenate([at, place[places]])
                order = np.argsort(at, kind="stable")
                table, at = stack([table, rest]).take(order), at[order]
        batch = table_to_flows(
            table,
            self.source,
            rows=at + self.row,
            text_of=lambda i: lines.text(int(at[i])),
            preset=self._told(),
        )
        self.types.settle(batch.flows.table, table.select(self.own))
        self.row += matched.lines
        bad = sorted(bad + batch.bad, key=lambda record: record.row)
        return replace(batch, bad=bad, bytes_read=block.bytes_read)

    @property
    def own(self) -> list[str]:
        """Columns that keep what the stream holds; a map may put others in the place of some."""
        over = () if self.layout is None else self.layout.preset.over
        return [name for name in self.names if name not in over]

    @property
    def unset(self) -> tuple[str, ...]:
        """Words that mean: no value."""
        return () if self.layout is None else self.layout.preset.unset

    def _told(self) -> Layout | str:
        return self.layout or CANONICAL

    def _closed(self, data: bytes) -> bool:
        return b'"' not in data or quotes_close(np.frombuffer(data, np.uint8), ord(self.delimiter))

    def _careful(self, block: Block) -> FlowBatch:
        """Odd lines are set aside before the parser sees them; values are then checked one by one."""
        lines = Lines(block.data)
        table, at, bad = self._sorted_out(lines, block.overlong)
        batch = table_to_flows(
            table,
            self.source,
            rows=at + self.row,
            text_of=lambda i: lines.text(int(at[i])),
            preset=self._told(),
        )
        self.types.settle(batch.flows.table, table.select(self.own))
        self.row += len(lines)
        bad = sorted(bad + batch.bad, key=lambda record: record.row)
        return replace(batch, bad=bad, bytes_read=block.bytes_read)

    def _sorted_out(self, lines: Lines, overlong: bool) -> tuple[pa.Table, I64, list[BadRecord]]:
        """A table of the lines that have the right columns, their places, and the other lines."""
        counts = lines.columns(self.delimiter)
        bad = []
        good = counts == len(self.names)
        garbled = lines.not_utf8()
        if overlong:
            good[:] = False
        for i in np.flatnonzero(~good | garbled).tolist():
            reason, detail = Reason.COLUMN_COUNT, f"{counts[i]} columns in place of {len(self.names)}"
            if garbled[i]:
                reason, detail = Reason.ENCODING, "not UTF-8"
            elif overlong:
                detail = "the line is too long to be a record"
            elif counts[i] == UNREADABLE:
                detail = "a quote that does not close, or a carriage return"
            bad.append(BadRecord(reason, self.source, self.row + i, detail, lines.text(i)))
        at = np.flatnonzero(good & ~garbled)
        table = self._parsed(lines, at)
        if table is None:
            table, at, more = self._one_by_one(lines, at)
            bad += more
        return table, at, bad

    def _parsed(self, lines: Lines, at: I64) -> pa.Table | None:
        keep = np.zeros(len(lines), bool)
        keep[at] = True
        text = lines.kept(keep)
        table = self._typed(text)
        if table is None or table.num_rows != len(at):
            table = self._as_text(text)
            if table is not None:
                self.types.counters_as_text = True
                table = _retyped(table, self.types, self.unset)
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
                convert_options=pacsv.ConvertOptions(column_types=types, null_values=["", *self.unset]),
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


def _has_odd_counter(table: pa.Table, batch: FlowBatch, names: tuple[str, ...]) -> bool:
    """Whether some counter could only be read as text."""
    if any(record.reason is Reason.NOT_A_NUMBER for record in batch.bad):
        return True
    words = pa.array(BLANK[1:])
    return any(pc.any(pc.is_in(table[name], value_set=words)).as_py() for name in names)


def _retyped(table: pa.Table, types: Types, unset: tuple[str, ...]) -> pa.Table:
    """Text columns back in their types, or in the next wider one that fits; counters stay text."""
    for i, name in enumerate(table.column_names):
        kind = types.known.get(name, pa.string())
        if kind == pa.string() or name in types.counters:
            continue
        blank = pc.is_in(table[name], value_set=pa.array(["", *unset]))
        told = pc.if_else(blank, pa.scalar(None, pa.string()), table[name])
        for wider in (kind, pa.float64()):
            try:
                table = table.set_column(i, name, told.cast(wider))
                break
            except pa.ArrowInvalid:
                continue
    return table
