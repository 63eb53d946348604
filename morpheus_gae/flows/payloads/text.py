"""Text payloads: JSON and CSV messages as one block of lines, and each line's message and row in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import InputError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.exporters.mapping import ColumnMap, PresetLike
from morpheus_gae.flows.exporters.presets.shapes import shape_of_line
from morpheus_gae.flows.files.stream import Stream, TruncatedError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.payloads.kinds import first_bytes
from morpheus_gae.flows.text.blocks import Block
from morpheus_gae.flows.text.csv import CsvReader
from morpheus_gae.flows.text.json_array import is_spread, spread_objects
from morpheus_gae.flows.text.line_kernels import line_ends
from morpheus_gae.flows.text.lines import Lines
from morpheus_gae.flows.text.ndjson import NdjsonReader

I64 = npt.NDArray[np.int64]

MOSTLY = 0.5
"""Share of bad records from which on the columns are looked at anew: another exporter may have come."""
HEADERS = 16
"""CSV headers of one topic that are remembered."""
_SHAPED = b"\0"
"""Before the name of a shape, in place of a header: no line of text begins so."""


class NotFlows(Exception):  # noqa: N818
    """Messages that hold no flows at all.

    Parameters
    ----------
    detail
        What was found.
    reason
        ``Reason.COLUMNS`` says so of all messages that were decoded together, any other of some of them.
    """

    def __init__(self, detail: str, reason: Reason = Reason.COLUMNS) -> None:
        super().__init__(" ".join(detail.split())[:300])
        self.reason = reason


@dataclass(frozen=True)
class Part:
    """Flows of some messages.

    Attributes
    ----------
    batch
        E flows, and the bad records.
    message, row
        int64 [E]: message of each flow and its record in it.
    bad
        Message, record in it and bytes of each bad record.
    """

    batch: FlowBatch
    message: I64
    row: I64
    bad: list[tuple[int, int, bytes]]


class _Places:
    """Message and row of each line of many messages that lie one after the other."""

    def __init__(self, values: Sequence[bytes], data: bytes, total: int) -> None:
        lengths = np.fromiter(map(len, values), np.int64, len(values)) + 1
        starts = np.cumsum(lengths) - lengths
        counts = np.empty(len(values), np.int64)
        raw = np.frombuffer(data, np.uint8)
        # each message is followed by a line feed of ours; one that ends with its own has that as well
        line_ends(raw, starts, counts)
        last = np.append(starts[1:], len(data)) - 2
        counts -= (last >= starts) & (raw[np.maximum(last, 0)] == 10)
        self._data, self._lines = data, None if int(counts.sum()) == total else Lines(data)
        if self._lines is not None:
            # blank lines count for nothing
            message = np.searchsorted(starts, self._lines.starts, "right") - 1
            counts = np.bincount(message, minlength=len(values)).astype(np.int64)
        self.message = np.repeat(np.arange(len(values)), counts)
        self.row = np.arange(len(self.message)) - np.repeat(np.cumsum(counts) - counts, counts)

    def part(self, batch: FlowBatch, base: int) -> Part:
        """The flows of a reader whose first line had number ``base``."""
        at = batch.flows.rows - base
        bad = []
        for record in batch.bad:
            line = record.row - base
            if self._lines is None:
                self._lines = Lines(self._data)
            bad.append((int(self.message[line]), int(self.row[line]), self._lines.raw(line)))
        return Part(batch, self.message[at], self.row[at], bad)


class JsonDecoder:
    """JSON: one object, one object a line, an array of objects, an object over several lines.

    Parameters
    ----------
    name
        Topic.
    preset
        Whose columns they are.
    """

    def __init__(self, name: str, preset: PresetLike) -> None:
        self._new: Callable[[], NdjsonReader] = lambda: NdjsonReader(_empty(), name, preset=preset)
        self._reader = self._new()
        self._fresh = True
        self._spread = False

    def decode(self, values: list[bytes]) -> list[Part]:
        """Flows of messages.

        Raises
        ------
        NotFlows
            If none of them has the columns of a flow.
        """
        # objects, as almost always, are taken as they are
        plain = not self._spread and set(map(first_bytes, values)) == {b"{"}
        lines = values if plain else [_unspread(v, self._spread) for v in values]
        try:
            part = self._read(self._reader, lines)
        except InputError:
            part = None
        if (
            part is not None
            and not self._spread
            and any(r == 0 and b"\n" in values[m] for m, r, _ in part.bad)
        ):
            # objects over several lines: each message is looked at from now on
            self._spread = any(is_spread(values[m][:4096]) for m, _, _ in part.bad)
            if self._spread:
                return self.decode(values)
        if part is None or (not self._fresh and _mostly_bad(part)):
            reader = self._new()
            try:
                other = self._read(reader, lines)
            except InputError as error:
                if part is None:
                    raise NotFlows(str(error)) from None
            else:
                if part is None or len(other.bad) < len(part.bad):
                    part, self._reader = other, reader
        self._fresh = False
        return [part]

    def _read(self, reader: NdjsonReader, values: list[bytes]) -> Part:
        data = b"\n".join(values) + b"\n"
        base = reader.row
        # a topic has no end, so a reader is given its blocks one by one
        reader.blocks = iter([Block(data, bytes_read=len(data))])
        batches = list(reader)
        if not batches:
            raise InputError("no JSON object")
        return _Places(values, data, reader.row - base).part(batches[0], base)


class CsvDecoder:
    """CSV and its kin: each message is a header line and records.

    Or records alone, if columns were told or the records are known by their shape.

    Parameters
    ----------
    name
        Topic.
    preset
        Whose columns they are.
    """

    def __init__(self, name: str, preset: PresetLike) -> None:
        self._new: Callable[[], CsvReader] = lambda: CsvReader(_empty(), name, preset=preset)
        self._readers: dict[bytes, CsvReader] = {}
        self._told = isinstance(preset, ColumnMap) and bool(preset.columns)

    def decode(self, values: list[bytes]) -> list[Part]:
        """Flows of messages.

        Raises
        ------
        NotFlows
            If one of them has a header that is none of flows.
        """
        parts, at = [], 0
        for header, run in groupby(values, key=self._header):
            given = list(run)
            try:
                part = self._records(given) if self._told else self._read(header, given)
                parts.append(_shifted(part, at))
            except InputError as error:
                raise NotFlows(
                    str(error), Reason.COLUMNS if len(given) == len(values) else Reason.MESSAGE
                ) from None
            at += len(given)
        return parts

    def _header(self, value: bytes) -> bytes:
        return b"" if self._told else _header_of(value)

    def _records(self, values: list[bytes]) -> Part:
        """Flows of messages without headers."""
        reader = self._readers.setdefault(b"", self._new())
        if len(values) > 1 and reader.layout is not None and reader.layout.preset.ends:
            # a summary belongs to one message
            raise NotFlows("one by one", Reason.MESSAGE)
        bodies = [_uncommented(value.rstrip(b"\r\n")) for value in values]
        data = b"\n".join(bodies) + b"\n"
        base, reader.ended = reader.row, False
        reader.blocks = iter([Block(data, bytes_read=len(data))])
        batches = list(reader)
        if not reader.names or not batches:
            raise InputError("no record with the columns that were told")
        if not reader.bare:
            # a first message that begins with the names after all; from now on a line like this is a bad one
            bodies[0], reader.bare = bodies[0].partition(b"\n")[2], True
        data = b"\n".join(bodies) + b"\n"
        return _Places(bodies, data, reader.row - base).part(batches[0], base)

    def _read(self, header: bytes, values: list[bytes]) -> Part:
        reader = self._readers.get(header)
        if reader is None:
            while len(self._readers) >= HEADERS:
                del self._readers[next(iter(self._readers))]
            reader = self._new()
        shaped = header.startswith(_SHAPED)
        if not shaped and (
            len(values) > 1 and (reader.layout is not None or header.startswith(b"#") or not header.strip())
        ):
            # comments and summaries belong to one message
            raise NotFlows("one by one", Reason.MESSAGE)
        known = bool(reader.names) and not reader.bare
        bodies = [v[len(header) + 1 :] for v in values] if known else values
        if not known and not shaped and len(values) > 1:
            bodies = [values[0], *(v[len(header) + 1 :] for v in values[1:])]
        data = b"\n".join(body.rstrip(b"\r\n") for body in bodies) + b"\n"
        base, reader.ended = reader.row, False
        reader.blocks = iter([Block(data, bytes_read=len(data))])
        batches = list(reader)
        if not reader.names or not batches:
            raise InputError("no header with columns of flows")
        # a first line that is a record already is nobody else's header
        if shaped or not reader.bare:
            self._readers[header] = reader
        start = 0 if reader.bare else len(header) + 1
        lines = [v[start:].rstrip(b"\r\n") for v in values]
        return _Places(lines, b"\n".join(lines) + b"\n", reader.row - base).part(batches[0], base)


def _uncommented(value: bytes) -> bytes:
    if b"#" not in value:
        return value
    return b"\n".join(line for line in value.split(b"\n") if not line.startswith(b"#"))


def _header_of(value: bytes) -> bytes:
    """The first line, or the name of a shape for messages of records alone."""
    line = value.partition(b"\n")[0]
    shape = shape_of_line(line) if line[:1].isdigit() else None
    return line if shape is None else _SHAPED + f"{shape.preset.name} {len(shape.header)}".encode()


def _shifted(part: Part, by: int) -> Part:
    return Part(part.batch, part.message + by, part.row, [(m + by, r, v) for m, r, v in part.bad])


def _mostly_bad(part: Part) -> bool:
    flows: Flows = part.batch.flows
    return len(part.bad) > MOSTLY * (len(part.bad) + len(flows))


def _unspread(value: bytes, look: bool) -> bytes:
    """The message as one object a line."""
    array = value[:1] == b"[" or value[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
    if not array and not (look and is_spread(value[:4096])):
        return value
    left = [value]
    stream = Stream(lambda _: left.pop() if left else b"", lambda: 0, lambda: None)
    try:
        return spread_objects(stream, array).read_all()
    except TruncatedError as error:
        raise NotFlows(str(error), Reason.MESSAGE) from None


def _empty() -> Stream:
    return Stream(lambda _: b"", lambda: 0, lambda: None)
