"""NDJSON (and JSON arrays): blocks parsed at speed; lines that do not fit are looked at alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pajson

from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.exporters.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose, lacking, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.exporters.presets.table import NOT_A_FLOW
from morpheus_gae.flows.files.stream import Stream
from morpheus_gae.flows.tables.concat import stack
from morpheus_gae.flows.tables.json_rows import is_unicode, rows_to_table
from morpheus_gae.flows.text.blocks import BLOCK_BYTES, Block, text_blocks
from morpheus_gae.flows.text.json_array import is_spread, spread_objects
from morpheus_gae.flows.text.line_kernels import MAX_DEPTH, ODD, TOO_DEEP, count_objects
from morpheus_gae.flows.text.lines import Lines, is_utf8
from morpheus_gae.flows.text.not_flows import first_names, flows_only
from morpheus_gae.flows.text.schema import Types
from morpheus_gae.flows.text.template import Matched, Template, json_template

PATIENCE = 1000
"""Objects without a required key before that is an error rather than bad records."""
PIECE = 512
"""Lines that are parsed together where a block as a whole does not."""
RETRIES = 8
"""Lines of a piece that may be taken out before all of it is looked at line by line."""
TOO_DEEP_TEXT = f"nested more than {MAX_DEPTH} deep"
CHUNK = 1 << 20
ALIKE = 0.8
"""Share of lines that must follow a template for it to pay."""
"""Bytes that one parser thread takes at a time."""

_AT_ROW = re.compile(r"in row (\d+)")

I64 = npt.NDArray[np.int64]


class NdjsonReader:
    """Reads one stream of JSON objects: one a line, one array of them, or one over several lines.

    Parameters
    ----------
    stream
        Text.
    source
        Its name.
    block_bytes
        Bytes of a block.
    preset
        Whose columns they are; told by the first objects if None.
    """

    def __init__(
        self, stream: Stream, source: str, block_bytes: int = BLOCK_BYTES, preset: PresetLike = None
    ) -> None:
        self.source = source
        self.preset = preset
        self.layout: Layout | None = None
        head = stream.peek(4096, lambda given: b"\n" in given.strip() or given.endswith(b"}\n"))
        if is_spread(head):
            stream = spread_objects(stream, head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["))
        self.blocks = text_blocks(stream, block_bytes)
        self.row = 0
        self.types = Types()
        self.complete = False
        self.judged = 0
        self.seen: dict[str, None] = {}
        self.template: Template | None = None
        self.templates_tried = 0

    def __iter__(self) -> Iterator[FlowBatch]:
        for block in self.blocks:
            batch = self._batch(block)
            if batch is not None:
                yield batch
        if not self.complete and self.judged:
            require_columns(list(self.seen), self.source, self.layout)

    def _batch(self, block: Block) -> FlowBatch | None:
        bad: list[BadRecord] = []
        if not self.complete:
            told = [*self.seen, *first_names(block.data)]
            self.layout = self.layout or choose(told, self.preset)
            self.seen.update(dict.fromkeys(told) if self.layout is not None else {})
        block, places, skipped = flows_only(block, self.layout)
        lines: Lines | None = None
        utf8 = is_utf8(block.data)
        matched = None if block.overlong else self._matched(block.data, utf8)
        if matched is not None:
            table, at, count = matched.table, matched.rows, matched.lines
            if len(at) < count:
                table, at, bad = self._with_odd(matched, block.data)
        else:
            count = -1 if block.overlong else count_objects(np.frombuffer(block.data, np.uint8))
            found = self._parsed(block.data) if count >= 0 and utf8 else None
            if found is not None and found.num_rows == count:
                table, at = found, np.arange(count)
            else:
                lines = Lines(block.data)
                table, at, bad = self._careful(lines, block.overlong)
                count = len(lines)
        if not count and not skipped:
            return None
        names = paths(table.schema)
        if self.layout is None:
            for need in columns.missing(table.column_names):
                table = table.append_column(need.split(" or ")[0], pa.nulls(table.num_rows))

        def text_of(i: int) -> str:
            nonlocal lines
            lines = Lines(block.data) if lines is None else lines
            return lines.text(int(at[i]))

        rows = self.row + (at if places is None else places[at])
        preset = self.layout or CANONICAL
        batch = table_to_flows(table, self.source, rows=rows, text_of=text_of, preset=preset)
        self._note(names, len(batch.flows) + len(batch.bad))
        over = () if self.layout is None else self.layout.preset.over
        own = table.select([name for name in table.column_names if name not in over])
        self.types.settle(batch.flows.table, own)
        if matched is None:
            self._learn(block.data)
        if places is not None:
            bad = [replace(b, row=self.row + int(places[b.row - self.row])) for b in bad]
        self.row += count + skipped
        batch.skipped.update({NOT_A_FLOW: skipped} if skipped else {})
        bad = sorted(bad + batch.bad, key=lambda record: record.row)
        return replace(batch, bad=bad, bytes_read=block.bytes_read)

    def _matched(self, data: bytes, utf8: bool) -> Matched | None:
        """The lines as the template reads them, if most of them follow it."""
        if self.template is None or self.template.known != self.types.known:
            self._learn(data)
        if self.template is None:
            return None
        matched = self.template.read(data, utf8)
        if len(matched.rows) >= ALIKE * matched.lines:
            return matched
        self.template = None
        return None

    def _learn(self, data: bytes) -> None:
        """Take the first line for a template, unless templates have failed often before."""
        self.template = None
        self.templates_tried += 1
        # 1st, 2nd, 4th, 8th, ... time: streams that are never alike cost little
        if self.types.known and self.templates_tried & (self.templates_tried - 1) == 0:
            self.template = json_template(data[: data.find(b"\n") + 1], self.types.known)

    def _with_odd(self, matched: Matched, data: bytes) -> tuple[pa.Table, I64, list[BadRecord]]:
        """The table, places and bad records of all lines, those that do not follow the template too."""
        table, at, bad = self._careful(Lines(matched.odd_lines(data)), overlong=False)
        place = matched.odd[2]
        bad = [replace(record, row=self.row + int(place[record.row - self.row])) for record in bad]
        if not table.num_rows:
            return matched.table, matched.rows, bad
        at = np.concatenate([matched.rows, place[at]])
        order = np.argsort(at, kind="stable")
        return stack([matched.table, table]).take(order), at[order], bad

    def _note(self, names: list[str], records: int) -> None:
        """Tell a stream of something else from flows of which some lack a key."""
        if self.complete or not records:
            return
        self.judged += records
        self.seen.update(dict.fromkeys(names))
        self.complete = not lacking(self.seen, self.layout)
        if not self.complete and self.judged >= PATIENCE:
            require_columns(list(self.seen), self.source, self.layout)

    def _careful(self, lines: Lines, overlong: bool) -> tuple[pa.Table, I64, list[BadRecord]]:
        """A table of the lines that are objects, their places, and the lines that are none."""
        garbled = lines.not_utf8()
        bad = [self._bad(Reason.ENCODING, i, "not UTF-8", lines) for i in np.flatnonzero(garbled).tolist()]
        todo = np.flatnonzero(~garbled)
        if overlong:
            bad += [self._bad(Reason.BROKEN_JSON, i, "the line is too long", lines) for i in todo.tolist()]
            todo = todo[:0]
        kinds = lines.kinds()
        deep = kinds[todo] == TOO_DEEP
        bad += [self._bad(Reason.BROKEN_JSON, i, TOO_DEEP_TEXT, lines) for i in todo[deep].tolist()]
        todo = todo[~deep]
        plain, odd = todo[kinds[todo] != ODD], [todo[kinds[todo] == ODD]]
        tables, places = [], []
        table = self._parsed(_kept(lines, plain))
        if table is not None and table.num_rows == len(plain):
            tables, places, plain = [table], [plain], plain[:0]
        for start in range(0, len(plain), PIECE):
            table, fine, others = self._sifted(lines, plain[start : start + PIECE])
            odd.append(others)
            if table is not None:
                tables.append(table)
                places.append(fine)
        table, at = self._alone(lines, np.sort(np.concatenate(odd)), bad)
        at = np.concatenate([*places, at])
        order = np.argsort(at, kind="stable")
        return stack([*tables, table]).take(order), at[order], bad

    def _sifted(self, lines: Lines, at: I64) -> tuple[pa.Table | None, I64, I64]:
        """A table of the lines that the parser takes together, which those are, and the others."""
        for types in (self.types.known, {}):
            fine, odd = at, at[:0]
            for _ in range(RETRIES):
                table, wrong = self._piece(lines, fine, types)
                if table is not None:
                    return table, fine, odd
                if wrong < 0:
                    break
                odd, fine = np.append(odd, fine[wrong]), np.delete(fine, wrong)
        return None, at[:0], at

    def _piece(self, lines: Lines, at: I64, types: dict[str, Any]) -> tuple[pa.Table | None, int]:
        """A table of some lines, or None and which of them the parser refuses (-1 if it does not tell)."""
        data = _kept(lines, at)
        table, error = _read(data, types, one_chunk=True)
        if table is not None and table.num_rows == len(at):
            return self._faithful(data, table), -1
        found = _AT_ROW.search(str(error))
        return None, int(found[1]) if found and int(found[1]) < len(at) else -1

    def _alone(self, lines: Lines, odd: I64, bad: list[BadRecord]) -> tuple[pa.Table, I64]:
        """Lines one by one; what is no object is bad."""
        rows, places = [], []
        for i in odd.tolist():
            try:
                found = json.loads(lines.raw(i))
            except (ValueError, RecursionError) as error:
                detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
                bad.append(self._bad(Reason.BROKEN_JSON, i, detail, lines))
                continue
            if not isinstance(found, dict):
                bad.append(self._bad(Reason.BROKEN_JSON, i, "not an object", lines))
            elif not is_unicode(found):
                bad.append(self._bad(Reason.ENCODING, i, "half of a surrogate pair", lines))
            else:
                rows.append(found)
                places.append(i)
        return rows_to_table(rows, self.types.known), np.array(places, np.int64)

    def _parsed(self, data: bytes) -> pa.Table | None:
        table, _ = _read(data, self.types.known)
        return table if table is None else self._faithful(data, table)

    def _faithful(self, data: bytes, table: pa.Table) -> pa.Table:
        """The table again, with columns that only look like times as text."""
        again = self.types.unfaithful(table.schema)
        if not again:
            return table
        read, _ = _read(data, {**dict(zip(table.schema.names, table.schema.types, strict=True)), **again})
        return table if read is None else read

    def _bad(self, reason: Reason, i: int, detail: str, lines: Lines) -> BadRecord:
        return BadRecord(reason, self.source, self.row + i, detail, lines.text(i))


def _kept(lines: Lines, at: I64) -> bytes:
    keep = np.zeros(len(lines), bool)
    keep[at] = True
    return lines.kept(keep)


def _read(
    data: bytes, types: dict[str, Any], one_chunk: bool = False
) -> tuple[pa.Table | None, Exception | None]:
    """A table of all objects, or None and why the parser refuses."""
    if not data or data.isspace():
        return pa.table({}), None
    schema = pa.schema(list(types.items())) if types else None
    size = len(data) + 1 if one_chunk else CHUNK
    try:
        table = pajson.read_json(
            pa.BufferReader(data),
            read_options=pajson.ReadOptions(use_threads=not one_chunk, block_size=size),
            parse_options=pajson.ParseOptions(explicit_schema=schema),
        )
        # a list that begins with null can come out shorter than it says: apache/arrow#51305
        table.select([f.name for f in table.schema if pa.types.is_nested(f.type)]).validate(full=True)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        return None, error
    return table, None
