"""NDJSON (and JSON arrays): blocks parsed at speed; lines that Arrow refuses are looked at alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.blocks import BLOCK_BYTES, Stream, Truncated, text_blocks
from morpheus_gae.flows.convert import FlowBatch, require_columns, table_to_flows
from morpheus_gae.flows.frame import Flows, concat

PIECE = 256
"""Lines of a piece when a block has to be parsed in pieces."""
PATIENCE = 1000
"""Objects without a required column before that is an error rather than bad records."""
_AT_ROW = re.compile(r"in row (\d+)")


class NdjsonReader:
    """Reads one stream of JSON objects, one a line (or one array of them).

    Parameters
    ----------
    stream
        Text.
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
        self.complete = False
        self.incomplete: dict[str, int] = {}

    def __iter__(self) -> Iterator[FlowBatch]:
        took = 0
        blocks = self._lines_of_array() if self._is_array() else self.blocks
        for block in blocks:
            at = self.stream.tell()
            yield self._batch(block, at - took)
            took = at
        if not self.complete and self.incomplete:
            require_columns(list(self.incomplete), self.source)

    def _is_array(self) -> bool:
        first = next(self.blocks, b"")
        rest = self.blocks

        def again() -> Iterator[bytes]:
            if first:
                yield first
            yield from rest

        self.blocks = again()
        return first.lstrip().startswith(b"[")

    def _lines_of_array(self) -> Iterator[bytes]:
        """Elements of a JSON array, one a line, as they come; memory is a block and one element."""
        decoder, text, at = json.JSONDecoder(), "", 0
        for block in self.blocks:
            text, at = text[at:] + block.decode("utf-8", "replace"), 0
            lines: list[bytes] = []
            while True:
                start = re.compile(r"[\s,\[]*").match(text, at)
                at = start.end() if start else at
                if at >= len(text) or text[at] == "]":
                    break
                try:
                    _, end = decoder.raw_decode(text, at)
                except ValueError:
                    break
                lines.append(text[at:end].replace("\n", " ").encode())
                at = end
            if lines:
                yield b"\n".join(lines)
        rest = text[at:].strip().rstrip("]").strip()
        if rest:
            yield rest.replace("\n", " ").encode()
            raise Truncated("the array does not end")
        if not text[at:].strip().startswith("]"):
            raise Truncated("the array does not end")

    def _batch(self, block: bytes, took: int) -> FlowBatch:
        lines: list[bytes] | None = None
        table = _parse(block)
        parts: list[Flows] = []
        bad: list[BadRecord] = []
        if table is not None and _rows(block) == table.num_rows:
            pieces: Iterator[tuple[pa.Table, int | list[int]]] = iter([(table, 0)])
            count = table.num_rows
            if table.num_rows and not self._has_columns(table):
                lines = _split(block)
        else:
            lines = _split(block)
            count = len(lines)
            pieces = self._pieces(lines, bad)
        for piece, first in pieces:
            batch = self._flows(piece, first, lines, block)
            bad += batch.bad
            if len(batch.flows):
                parts.append(batch.flows)
        self.row += count
        flows = concat(parts) if parts else _no_flows()
        return FlowBatch(flows, sorted(bad, key=lambda record: record.row), self.source, took)

    def _flows(self, table: pa.Table, first: int | list[int], lines: list[bytes] | None, block: bytes) -> FlowBatch:
        at = np.array(first) if isinstance(first, list) else np.arange(first, first + table.num_rows)
        self._note(table)

        def text_of(i: int) -> str:
            every = lines if lines is not None else _split(block)
            return every[int(at[i])].decode("utf-8", "replace")

        return table_to_flows(_completed(table), self.source, rows=at + self.row, text_of=text_of)

    def _has_columns(self, table: pa.Table) -> bool:
        return not columns.missing(table.column_names)

    def _note(self, table: pa.Table) -> None:
        """Tell a stream of something else from flows of which some lack a field."""
        if self.complete or not table.num_rows:
            return
        for name in table.column_names:
            self.incomplete[name] = self.incomplete.get(name, 0) + table.num_rows
        self.complete = not columns.missing(list(self.incomplete))
        if not self.complete and max(self.incomplete.values(), default=0) >= PATIENCE:
            require_columns(list(self.incomplete), self.source)

    def _pieces(self, lines: list[bytes], bad: list[BadRecord]) -> Iterator[tuple[pa.Table, list[int]]]:
        """Tables of consecutive lines that Arrow takes together; what it refuses alone is bad."""
        whole = []
        for i, line in enumerate(lines):
            if line.startswith(b"{") and line.endswith(b"}"):
                whole.append(i)
            elif line:
                bad.append(self._bad(i, line))
        for lo in range(0, len(whole), PIECE):
            todo = whole[lo : lo + PIECE]
            while todo:
                table, stop = _longest(lines, todo)
                if table is None:
                    bad.append(self._bad(todo[0], lines[todo[0]]))
                else:
                    yield table, todo[:stop]
                todo = todo[stop:]

    def _bad(self, i: int, line: bytes) -> BadRecord:
        text = line.decode("utf-8", "replace")
        reason, detail = Reason.BROKEN_JSON, "not one JSON object on a line"
        try:
            found = json.loads(line)
            if isinstance(found, dict):
                detail = "an object that cannot be a record"
        except UnicodeDecodeError:
            reason, detail = Reason.ENCODING, "not UTF-8"
        except ValueError as error:
            detail = str(error)
        except RecursionError:
            detail = "nested too deeply"
        return BadRecord(reason, self.source, self.row + i, detail, text)


def _parse(block: bytes) -> pa.Table | None:
    """A table of all lines, or None if Arrow refuses any of them."""
    table, _ = _try(block)
    return table


def _try(block: bytes) -> tuple[pa.Table | None, int]:
    """A table, or None and the row (if Arrow tells it) that it stumbled over."""
    if not block.strip():
        return pa.table({}), 0
    options = pajson.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        table = pajson.read_json(
            pa.BufferReader(block),
            read_options=options,
            parse_options=pajson.ParseOptions(newlines_in_values=False),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        found = _AT_ROW.search(str(error))
        return None, int(found[1]) if found else 0
    return table, table.num_rows


def _longest(lines: list[bytes], at: list[int]) -> tuple[pa.Table | None, int]:
    """The longest prefix of the lines that parses, halving where Arrow does not say how far it came."""
    stop = len(at)
    while True:
        table, row = _try(b"\n".join(lines[i] for i in at[:stop]))
        if table is not None and table.num_rows == stop:
            return table, stop
        if stop == 1:
            return None, 1
        stop = row if 0 < row < stop else max(stop // 2, 1)


def _split(block: bytes) -> list[bytes]:
    """Stripped lines, without the empty ones: the same records as Arrow's parser counts."""
    return [stripped for line in block.split(b"\n") if (stripped := line.strip())]


def _rows(block: bytes) -> int:
    """Records of a block, cheaply where no line is blank."""
    if b"\n\n" in block or b"\r" in block or block[:1].isspace() or b"\n " in block:
        return len(_split(block))
    return block.count(b"\n") + (not block.endswith(b"\n")) if block else 0


def _completed(table: pa.Table) -> pa.Table:
    """The table with null columns for required fields that none of its lines has."""
    for need in columns.missing(table.column_names):
        name = need.split(" or ")[0]
        table = table.append_column(name, pa.nulls(table.num_rows))
    return table


def _no_flows() -> Flows:
    empty = pa.table({name: pa.array([], pa.int64()) for name in (columns.IN_BYTES, columns.OUT_BYTES)})
    empty = empty.append_column(columns.DURATION, pa.array([], pa.float64()))
    for name in (columns.IPV4_SRC, columns.IPV4_DST):
        empty = empty.append_column(name, pa.array([], pa.string()))
    return table_to_flows(empty).flows
