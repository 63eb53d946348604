"""NDJSON (and JSON arrays): blocks parsed at speed; lines that do not fit are looked at alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pajson

from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.blocks import BLOCK_BYTES, Block, text_blocks
from morpheus_gae.flows.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.json_array import is_spread, spread_objects
from morpheus_gae.flows.json_rows import rows_to_table
from morpheus_gae.flows.lines import Lines
from morpheus_gae.flows.schema import Types
from morpheus_gae.flows.stack import stack
from morpheus_gae.flows.stream import Stream

PATIENCE = 1000
"""Objects without a required key before that is an error rather than bad records."""
LEAF = 32
"""Lines that are looked at one by one where a block does not parse."""
CHUNK = 1 << 20
"""Bytes that one parser thread takes at a time."""

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
    """

    def __init__(self, stream: Stream, source: str, block_bytes: int = BLOCK_BYTES) -> None:
        self.source = source
        head = stream.peek(4096, lambda given: b"\n" in given.strip() or given.endswith(b"}\n"))
        if is_spread(head):
            stream = spread_objects(stream, head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["))
        self.blocks = text_blocks(stream, block_bytes)
        self.row = 0
        self.types = Types()
        self.complete = False
        self.seen: dict[str, None] = {}

    def __iter__(self) -> Iterator[FlowBatch]:
        for block in self.blocks:
            batch = self._batch(block)
            if batch is not None:
                yield batch
        if not self.complete and self.seen:
            require_columns(list(self.seen), self.source)

    def _batch(self, block: Block) -> FlowBatch | None:
        bad: list[BadRecord] = []
        table = None if block.overlong or not _is_utf8(block.data) else self._parsed(block.data)
        if table is not None and table.num_rows == _records(block.data):
            lines, at = None, np.arange(table.num_rows)
            count = table.num_rows
        else:
            lines = Lines(block.data)
            table, at, bad = self._careful(lines, block.overlong)
            count = len(lines)
        if not count:
            return None
        self._note(table)
        for need in columns.missing(table.column_names):
            table = table.append_column(need.split(" or ")[0], pa.nulls(table.num_rows))

        def text_of(i: int) -> str:
            nonlocal lines
            lines = Lines(block.data) if lines is None else lines
            return lines.text(int(at[i]))

        batch = table_to_flows(table, self.source, rows=at + self.row, text_of=text_of)
        self.types.settle(batch.flows.table)
        self.row += count
        bad = sorted(bad + batch.bad, key=lambda record: record.row)
        return FlowBatch(batch.flows, bad, self.source, block.bytes_read)

    def _note(self, table: pa.Table) -> None:
        """Tell a stream of something else from flows of which some lack a key."""
        if self.complete or not table.num_rows:
            return
        self.seen.update(dict.fromkeys(table.column_names))
        self.complete = not columns.missing(list(self.seen))
        if not self.complete and self.row + table.num_rows >= PATIENCE:
            require_columns(list(self.seen), self.source)

    def _careful(self, lines: Lines, overlong: bool) -> tuple[pa.Table, I64, list[BadRecord]]:
        """A table of the lines that are objects, their places, and the lines that are none."""
        garbled = lines.not_utf8()
        bad = [self._bad(Reason.ENCODING, i, "not UTF-8", lines) for i in np.flatnonzero(garbled).tolist()]
        todo = np.flatnonzero(~garbled)
        if overlong:
            bad += [self._bad(Reason.BROKEN_JSON, i, "the line is too long", lines) for i in todo.tolist()]
            todo = todo[:0]
        fine, odd = self._sifted(lines, todo)
        rows, places = [], []
        for i in odd.tolist():
            try:
                found = json.loads(lines.raw(i))
            except (ValueError, RecursionError) as error:
                detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
                bad.append(self._bad(Reason.BROKEN_JSON, i, detail, lines))
                continue
            if isinstance(found, dict):
                rows.append(found)
                places.append(i)
            else:
                bad.append(self._bad(Reason.BROKEN_JSON, i, "not an object", lines))
        table = rows_to_table(rows, self.types.known)
        at = np.array(places, np.int64)
        if len(fine):
            quick = self._kept(lines, fine)
            if quick is None:  # fine in parts, but not together
                quick = rows_to_table([json.loads(lines.raw(i)) for i in fine.tolist()], self.types.known)
            table, at = stack([quick, table]), np.concatenate([fine, at])
            order = np.argsort(at, kind="stable")
            table, at = (table.take(order), at[order]) if places else (table, at)
        return table, at, bad

    def _sifted(self, lines: Lines, at: I64) -> tuple[I64, I64]:
        """The lines that the parser takes together, and the others, found by halves."""
        if not len(at):
            return at, at
        table = self._kept(lines, at)
        if table is not None:
            self.types.settle(table)
            return at, at[:0]
        if len(at) <= LEAF:
            return at[:0], at
        parts = [self._sifted(lines, half) for half in np.array_split(at, 2)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _kept(self, lines: Lines, at: I64) -> pa.Table | None:
        keep = np.zeros(len(lines), bool)
        keep[at] = True
        table = self._parsed(lines.kept(keep))
        return table if table is not None and table.num_rows == len(at) else None

    def _parsed(self, data: bytes) -> pa.Table | None:
        table = _read(data, self.types.known)
        if table is None and self.types.known:
            # another type than before, for all that can be told here
            table = _read(data, {})
        if table is None:
            return None
        again = self.types.unfaithful(table.schema)
        if again:
            self.types.known.update(again)
            table = _read(data, self.types.known)
        return table

    def _bad(self, reason: Reason, i: int, detail: str, lines: Lines) -> BadRecord:
        return BadRecord(reason, self.source, self.row + i, detail, lines.text(i))


def _read(data: bytes, types: dict[str, object]) -> pa.Table | None:
    """A table of all objects, or None if the parser refuses any of them."""
    if not data.strip():
        return pa.table({})
    schema = pa.schema(list(types.items())) if types else None
    try:
        return pajson.read_json(
            pa.BufferReader(data),
            read_options=pajson.ReadOptions(block_size=CHUNK),
            parse_options=pajson.ParseOptions(explicit_schema=schema),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return None


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _records(data: bytes) -> int:
    """Lines that are not blank; cheap where none can be."""
    if data[:1] != b"{" or b"\r" in data or b"\n\n" in data or b"\n " in data or b"\n\t" in data:
        return len(Lines(data))
    return data.count(b"\n") + (not data.endswith(b"\n"))
