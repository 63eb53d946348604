"""Table inputs: Arrow and Parquet files with columns of any type, and bytes out of place."""

from __future__ import annotations

import io
import struct
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.presets.names import PRESETS
from tests.fuzz import arrays
from tests.fuzz.case import Case
from tests.fuzz.octets import Regions, changed
from tests.fuzz.records import Seed

ARROW_FILES, PARQUET_FILES = 400, 160
_ODD = ("", "a.b", "\x00", "\ud7ff", "row", "why")
_IMPORTANT = (*c.ADDRESSES, *c.ATTRIBUTES, c.FLOW_START)


class TableCases:
    """Makes table inputs from seeds."""

    def __init__(self, seeds: list[Seed]) -> None:
        self._tables = [(seed.preset, table) for seed in seeds if (table := _table(seed)) is not None]
        self._columns = list(arrays.columns().values())
        rng = Random(0)
        self._parquet = [self._parquet_file(rng, i) for i in range(PARQUET_FILES)]
        mixed = [self._mixed(rng) for _ in range(ARROW_FILES)]
        self._arrow = [(preset, self._ipc(rng, table, i % 2 == 0)) for i, (preset, table) in enumerate(mixed)]

    def sound(self) -> list[tuple[str, bytes]]:
        """Tables that nobody has changed."""
        out = [("arrow", data) for _, data in self._arrow[::2]]
        return out + [("parquet", data) for _, data, _ in self._parquet[::4]]

    def arrow(self, rng: Random, kept: bytes | None = None) -> Case:
        rows: int | None = None
        if kept is None and rng.random() < 0.15:
            preset, table = self._mixed(rng)
            data = self._ipc(rng, table, rng.random() < 0.4)
            rows = _readable(data)
        else:
            preset, data = rng.choice(self._arrow)
            data = self._changed_arrow(rng, kept or data)
        told = self._told(rng, preset, ".arrow")
        told["batch_rows"] = rng.choice((65_536, 65_536, 65_536, 65_536, 65_536, 4))
        sure = _sure(told, preset, ".arrow")
        return Case("file", "arrow", [data], told, rows if sure else None)

    def parquet(self, rng: Random, kept: bytes | None = None) -> Case:
        preset, data, count = rng.choice(self._parquet)
        rows: int | None = None
        if kept is None and rng.random() < 0.08:
            rows = count
        else:
            data = self._changed_parquet(rng, kept or data)
        told = self._told(rng, preset, ".parquet")
        told["batch_rows"] = rng.choice((65_536, 65_536, 65_536, 3))
        told["dictionaries"] = rng.random() < 0.5
        told["skip"] = rng.choice((0, 0, 0, 0, 1, 4, 100))
        sure = not told["skip"] and _sure(told, preset, ".parquet")
        return Case("file", "parquet", [data], told, rows if sure else None)

    def door(self, rng: Random, kept: bytes | None = None) -> Case:
        """Tables that are only looked at: read, checked, and each column given to the kernels."""
        if rng.random() < 0.7:
            return Case("door", "arrow", [self._changed_arrow(rng, kept or rng.choice(self._arrow)[1])])
        return Case("door", "parquet", [self._changed_parquet(rng, kept or rng.choice(self._parquet)[1])])

    def message(self, rng: Random) -> bytes:
        """A table as a message, changed or not."""
        data = rng.choice(self._arrow)[1]
        return data if rng.random() < 0.2 else self._changed_arrow(rng, data)

    def _changed_arrow(self, rng: Random, data: bytes) -> bytes:
        return changed(rng, data, rng.choice(self._arrow)[1], ipc_regions(data), rng.choice((1, 2, 4)))

    def _changed_parquet(self, rng: Random, data: bytes) -> bytes:
        other = rng.choice(self._parquet)[1]
        return changed(rng, data, other, parquet_regions(data), rng.choice((1, 1, 2, 4)))

    def _told(self, rng: Random, preset: str, suffix: str) -> dict[str, Any]:
        told: dict[str, Any] = {"suffix": suffix}
        if rng.random() < 0.3 and preset in PRESETS:
            told["preset"] = preset
        pick = rng.random()
        if pick < 0.05:
            told["pack"] = rng.choice((".gz", ".zst"))
        elif pick < 0.1:
            told["stdin"] = rng.choice((True, suffix[1:]))
        elif pick < 0.11:
            told["suffix"] = rng.choice(("", ".csv", ".json", ".arrow", ".parquet"))
        return told

    def _mixed(self, rng: Random) -> tuple[str, Any]:
        """A table some of whose columns have another type."""
        # canonical ones are read soonest
        preset, table = rng.choice(self._tables if rng.random() < 0.6 else self._tables[-4:])
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            at = rng.randrange(table.num_columns)
            table = table.set_column(at, table.schema.names[at], rng.choice(self._columns))
        pick = rng.random()
        if pick < 0.06 and table.num_columns > 1:
            table = table.remove_column(rng.randrange(table.num_columns))
        elif pick < 0.12:
            names = list(table.column_names)
            names[rng.randrange(len(names))] = rng.choice((*names, *_IMPORTANT, *_ODD))
            table = table.rename_columns(names)
        elif pick < 0.18:
            table = table.append_column(rng.choice((*_IMPORTANT, "x", "Label")), rng.choice(self._columns))
        if rng.random() < 0.3:
            start = rng.randrange(arrays.ROWS)
            table = table.slice(start, rng.randint(0, arrays.ROWS - start))
        return preset, table

    def _ipc(self, rng: Random, table: Any, file: bool) -> bytes:
        """The table as a file or a stream, as far as it can be written."""
        out = io.BytesIO()
        packed = rng.choice((None, None, None, "lz4", "zstd"))
        deltas = not file and rng.random() < 0.3
        options = pa.ipc.IpcWriteOptions(
            compression=packed, unify_dictionaries=file, emit_dictionary_deltas=deltas
        )
        opened = pa.ipc.new_file if file else pa.ipc.new_stream
        try:
            with opened(out, table.schema, options=options) as writer:
                writer.write_table(table, max_chunksize=rng.choice((None, None, 1, 4)))
        except pa.ArrowException:
            # a dictionary that may not change, a type that has no form
            return out.getvalue()
        return out.getvalue()

    def _parquet_file(self, rng: Random, i: int) -> tuple[str, bytes, int]:
        while True:
            preset, table = self._mixed(rng)
            out = io.BytesIO()
            try:
                pq.write_table(
                    table, out, row_group_size=rng.choice((1, 2, 100)), use_dictionary=i % 3 > 0,
                    compression=rng.choice(("none", "snappy", "zstd", "gzip")),
                    write_page_checksum=i % 16 == 0,
                    data_page_version=rng.choice(("1.0", "2.0")), store_schema=i % 4 > 0,
                    write_page_index=i % 5 == 0,
                )  # fmt: skip
            except (pa.ArrowException, OSError, OverflowError):
                # types that Parquet has not
                continue
            return preset, out.getvalue(), table.num_rows


def _sure(told: dict[str, Any], preset: str, suffix: str) -> bool:
    """Whether a row is a record: read as what it is, and not as one that holds several."""
    mine = "preset" not in told and told["suffix"] == suffix
    return mine and (preset not in PRESETS or not PRESETS[preset].tuples)


def _readable(data: bytes) -> int | None:
    """Rows of a table that is as it was written; None if Arrow itself cannot read it back."""
    try:
        # from front to back, also a file
        start = 8 if data.startswith(b"ARROW1") else 0
        return pa.ipc.open_stream(pa.BufferReader(data[start:])).read_all().num_rows
    except (pa.ArrowException, OSError):
        return None


def _table(seed: Seed) -> Any:
    """The seed's records, again and again, as a table."""
    records = [seed.records[i % len(seed.records)] for i in range(arrays.ROWS)]
    names = list(dict.fromkeys(name for record in records for name in record))
    try:
        return pa.table({name: pa.array([record.get(name) for record in records]) for name in names})
    except (pa.ArrowException, ValueError, TypeError):
        return None


def ipc_regions(data: bytes) -> Regions:
    """Where the descriptions and the buffers of an Arrow stream or file lie: half the picks for each kind."""
    at = 8 if data.startswith(b"ARROW1") else 0
    heads, bodies = [], []
    while at + 8 <= len(data) and data[at : at + 4] == b"\xff\xff\xff\xff":
        size = struct.unpack_from("<i", data, at + 4)[0]
        start = at + 8
        if size <= 0 or start + size > len(data):
            break
        heads.append((start, start + size))
        body = _body(data, start)
        at = start + size + body
        if body:
            bodies.append((start + size, at))
    if data.startswith(b"ARROW1") and at < len(data):
        heads.append((at, len(data)))
    # buffers are what kernels read
    return heads + bodies * max(1, 2 * len(heads) // max(len(bodies), 1))


def _body(data: bytes, at: int) -> int:
    """Bytes after a description: the fourth field of its flatbuffer."""
    try:
        root = at + struct.unpack_from("<I", data, at)[0]
        table = root - struct.unpack_from("<i", data, root)[0]
        if struct.unpack_from("<H", data, table)[0] < 12:
            return 0
        field = struct.unpack_from("<H", data, table + 10)[0]
        return max(struct.unpack_from("<q", data, root + field)[0], 0) if field else 0
    except struct.error:
        return 0


def parquet_regions(data: bytes) -> Regions:
    """The footer, and the pages before it."""
    size = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - size
    if not 4 < start < len(data):
        return [(0, len(data))]
    return [(start, len(data)), (4, start)]
