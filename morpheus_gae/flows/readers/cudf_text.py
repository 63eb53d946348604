"""CSV and NDJSON with cuDF: usual lines are decoded on the device, other lines by the host's reader.

A block is decoded on the device once the host's reader has read one and so knows the types of all columns.
Lines of which anything is unusual go to the host's reader by their own text and numbers, so that it sets the
same records aside with the same words; a block for which even that is not enough goes through it as a whole.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.errors import InputError
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.exporters.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.exporters.presets.table import NOT_A_FLOW
from morpheus_gae.flows.files.stream import TruncatedError, open_stream
from morpheus_gae.flows.readers.cudf_batch import DeviceBatch, uploaded
from morpheus_gae.flows.readers.cudf_lines import as_told, flat_objects, typed
from morpheus_gae.flows.readers.cudf_rows import judge
from morpheus_gae.flows.readers.cudf_values import BROKEN, Maker, UnusualError, shown
from morpheus_gae.flows.readers.read import nothing
from morpheus_gae.flows.text.blocks import BLOCK_BYTES, Block
from morpheus_gae.flows.text.csv import CsvReader
from morpheus_gae.flows.text.lines import Lines, is_utf8
from morpheus_gae.flows.text.ndjson import NdjsonReader
from morpheus_gae.flows.text.not_flows import flows_only
from morpheus_gae.flows.text.preambles import without_line
from morpheus_gae.flows.text.schema import Types

if TYPE_CHECKING:
    from torch import Tensor

DECODED = True
"""False: the host reads all text."""
QUOTE_NONE = 3

I64 = npt.NDArray[np.int64]


class Rest(NamedTuple):
    """What the host's reader made of some lines.

    Attributes
    ----------
    table
        Records.
    at
        int64: which of the lines each came in.
    bad
        Lines that are none; their rows are numbers of lines.
    """

    table: pa.Table
    at: I64
    bad: list[BadRecord]


class OnDevice:
    """How a reader decodes its blocks.

    Parameters
    ----------
    package
        ``cudf``.
    say
        Told once, and why, if cuDF cannot decode text.
    paired
        Whether one-way records are to be paired, which is done on the host: these stay there.
    """

    def __init__(self, package: Any, say: Callable[[str], None], paired: bool = False) -> None:
        self.package, self._say, self._paired = package, say, paired
        self.able = DECODED

    def tried(
        self, decode: Callable[[Block], DeviceBatch], block: Block, types: Types, one_way: bool
    ) -> DeviceBatch | None:
        """The batch of a block, or None if the host has to read it."""
        if not self.able or (self._paired and one_way):
            return None
        before = dict(types.known), types.counters_as_text
        try:
            return decode(block)
        except UnusualError:
            pass
        except BROKEN as error:
            self.able = False
            self._say(f"cuDF cannot decode this text: the host reads it ({shown(error)})")
        types.known, types.counters_as_text = before
        return None

    def given(self, batch: FlowBatch) -> DeviceBatch | FlowBatch:
        """A batch of the host, where it is wanted."""
        return batch if self._paired and batch.flows.one_way else uploaded(batch, self.package)

    def read(
        self,
        texts: Any,
        kinds: dict[str, Any],
        unset: tuple[str, ...],
        quoted: bool,
        layout: Layout | None,
        odd: Tensor | None,
    ) -> Any:
        """What the device makes of columns of text, see ``cudf_columns.judge``."""
        make = Maker(texts, self.package)
        odd = make.odd if odd is None else odd
        out = {}
        for name, kind in kinds.items():
            out[name], wrong = typed(make, texts[name], kind, unset, quoted)
            odd = odd | wrong
        frame = self.package.DataFrame(out, index=texts.index)
        return judge(frame, layout, self.package, odd)

    def joined(
        self,
        judged: Any,
        kinds: dict[str, Any],
        lines: Lines,
        places: I64,
        first: int,
        source: str,
        preset: Layout | str,
        rest_of: Callable[[Lines], Rest],
        bytes_read: int,
    ) -> DeviceBatch:
        """The batch of all lines.

        Parameters
        ----------
        judged
            Of the lines that were decoded.
        kinds
            Types of the columns before this block.
        lines, places
            All lines, and the numbers of those that were decoded.
        first
            Number of the first line's record.
        source, preset, bytes_read
            As for ``table_to_flows``.
        rest_of
            Reads lines on the host.
        """
        left = np.ones(len(lines), bool)
        left[places] = False
        left[places[judged.others]] = True
        if not left.any():
            return judged.batch(bytes_read)
        left[places[judged.witness()]] = True
        at = np.flatnonzero(left)
        rest = rest_of(Lines(lines.kept(left)))
        # a value of another kind changes what a column of the whole block is, on the host
        told = zip(rest.table.column_names, rest.table.schema.types, strict=True)
        if any(not pa.types.is_null(kind) and kind != kinds[name] for name, kind in told):
            raise UnusualError
        bad = [replace(record, row=first + int(at[record.row])) for record in rest.bad]
        at = at[rest.at]
        batch = table_to_flows(
            rest.table, source, rows=first + at, text_of=lambda i: lines.text(int(at[i])), preset=preset
        )
        out = judged.joined(batch, first + places, self.package, bytes_read, exact=False)
        return replace(out, bad=sorted(bad + out.bad, key=lambda record: record.row), by_host=int(left.sum()))


class DeviceCsvReader(CsvReader):
    """As ``CsvReader``, but gives batches on a device."""

    device: OnDevice

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()

    def _records(self, block: Block) -> Any:
        batch = self.device.tried(self._decoded, block, self.types, _one_way(self.layout))
        if batch is not None:
            return batch
        return self.device.given(super()._records(block))

    def _decoded(self, block: Block) -> DeviceBatch:
        data, device = block.data, self.device
        # types come from a block that the host has seen
        if block.overlong or not self.row or len(self.names) < 2 or self.types.counters_as_text:
            raise UnusualError
        if b'"' in data or b"\r" in data or b"\0" in data or not is_utf8(data):
            raise UnusualError
        if without_line(data, self.header)[2]:
            raise UnusualError
        lines = Lines(data)
        good = lines.columns(self.delimiter) == len(self.names)
        places = np.flatnonzero(good)
        texts = device.package.read_csv(
            io.BytesIO(data if good.all() else lines.kept(good)),
            sep=self.delimiter,
            names=self.names,
            header=None,
            dtype=dict.fromkeys(self.names, "str"),
            na_filter=False,
            quoting=QUOTE_NONE,
        )
        if len(texts) != len(places):
            raise UnusualError
        kinds = {name: self.types.known.get(name, pa.null()) for name in self.names}
        judged = device.read(texts, kinds, ("", *self.unset), False, self.layout, None)

        def rest_of(odd: Lines) -> Rest:
            table, at, bad = self._sorted_out(odd, overlong=False)
            return Rest(table, at, [replace(record, row=record.row - self.row) for record in bad])

        batch = device.joined(
            judged, kinds, lines, places, self.row, self.source, self._told(), rest_of, block.bytes_read
        )
        self.row += len(lines)
        return batch


class DeviceNdjsonReader(NdjsonReader):
    """As ``NdjsonReader``, but gives batches on a device."""

    device: OnDevice

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()

    def _batch(self, block: Block) -> Any:
        batch = self.device.tried(self._decoded, block, self.types, _one_way(self.layout))
        if batch is not None:
            return batch
        read = super()._batch(block)
        return None if read is None else self.device.given(read)

    def _decoded(self, block: Block) -> DeviceBatch:
        device, kinds = self.device, dict(self.types.known)
        if block.overlong or not self.complete or not kinds or not is_utf8(block.data):
            raise UnusualError
        left, numbers, skipped = flows_only(block, self.layout)
        lines = Lines(left.data)
        if not len(lines):
            raise UnusualError
        keys, quoted = np.empty((2, len(lines)), np.int64)
        flat_objects(lines.data, lines.starts, lines.stops, keys, quoted)
        places = np.flatnonzero(keys > 0)
        if not len(places):
            raise UnusualError
        found = device.package.read_json(
            io.BytesIO(left.data if len(places) == len(lines) else lines.kept(keys > 0)),
            engine="cudf",
            lines=True,
            dtype=dict.fromkeys(kinds, "str"),
            prune_columns=True,
            keep_quotes=True,
            on_bad_lines="recover",
        )
        if len(found) != len(places) or set(found.columns) != set(kinds):
            raise UnusualError
        texts = found[list(kinds)]
        told = as_told([texts[name] for name in kinds], keys[places], quoted[places])
        judged = device.read(texts, kinds, (), True, self.layout, ~told)
        first = self.row

        def rest_of(odd: Lines) -> Rest:
            table, at, bad = self._careful(odd, overlong=False)
            if not kinds.keys() >= set(table.column_names):
                # a column of all lines, then, and one that may change what the others are
                raise UnusualError
            for name, kind in kinds.items():
                if name not in table.column_names:
                    table = table.append_column(name, pa.nulls(len(table), kind))
            return Rest(table.select(list(kinds)), at, [replace(b, row=b.row - first) for b in bad])

        batch = device.joined(
            judged,
            kinds,
            lines,
            places,
            first,
            self.source,
            self.layout or CANONICAL,
            rest_of,
            block.bytes_read,
        )
        self.row += len(lines) + skipped
        if numbers is None:
            return batch
        moved = [replace(record, row=first + int(numbers[record.row - first])) for record in batch.bad]
        return replace(batch, bad=moved, skipped=batch.skipped + Counter({NOT_A_FLOW: skipped}))


def _one_way(layout: Layout | None) -> bool:
    return layout is not None and layout.one_way


def text_batches(
    path: str, kind: str, device: OnDevice, preset: PresetLike, go_on: bool
) -> Iterator[DeviceBatch | FlowBatch]:
    """Flows of a file of text, as ``flows.readers.read.read_flows`` gives them.

    Parameters
    ----------
    path
        The file, which may be compressed.
    kind
        ``csv`` or ``ndjson``.
    device
        Decodes its blocks.
    preset
        Whose columns they are; told by the columns if None.
    go_on
        A file that cannot be read is a bad record in place of an error.

    Raises
    ------
    InputError
        If it does not exist, or has no column that is required.
    """
    row, stream = 0, None
    try:
        stream = open_stream(path)
        reader = (DeviceCsvReader if kind == "csv" else DeviceNdjsonReader)(stream, path, BLOCK_BYTES, preset)
        reader.device = device
        for batch in reader:
            row += len(batch.flows) + len(batch.bad) + batch.skipped.total()
            yield batch
    except TruncatedError as error:
        tail = error.tail.decode("utf-8", "replace")
        yield nothing(BadRecord(Reason.TRUNCATED, path, row, str(error), tail))
    except InputError as error:
        if not go_on:
            raise
        yield nothing(BadRecord(Reason.REFUSED, path, row, str(error).removeprefix(f"{path}: "), ""))
    finally:
        if stream is not None:
            stream.close()
