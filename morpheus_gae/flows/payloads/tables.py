"""Table payloads: Arrow IPC messages, many of them as one table."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.errors import InputError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.convert import require_columns, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.payloads.text import NotFlows, Part
from morpheus_gae.flows.readers.columnar import FILE_MAGIC
from morpheus_gae.flows.tables.distinct import distinct

# columns of some thousand rows are unpacked sooner than handed to other threads
_ALONE = pa.ipc.IpcReadOptions(use_threads=False)


class ArrowDecoder:
    """Arrow IPC, stream or file, plain or with lz4 or zstd buffers.

    Parameters
    ----------
    name
        Topic.
    preset
        Whose columns they are.
    """

    def __init__(self, name: str, preset: PresetLike) -> None:
        self._name, self._preset = name, preset
        self._known: tuple[Any, Layout | None] | None = None

    def decode(self, values: list[bytes]) -> list[Part]:
        """Flows of messages.

        Raises
        ------
        NotFlows
            If one of them is no Arrow data, or has not the columns of a flow.
        """
        tables = [_read(value) for value in values]
        parts, at = [], 0
        for schema, run in groupby(tables, key=lambda table: table.schema):
            given = list(run)
            layout = self._layout(schema, len(given) == len(tables))
            parts.append(part_of(given, self._name, layout or CANONICAL, at))
            at += len(given)
        return parts

    def _layout(self, schema: Any, alone: bool) -> Layout | None:
        if self._known is None or not self._known[0].equals(schema):
            self._known = schema, layout_of(schema, self._name, self._preset, alone)
        return self._known[1]


def layout_of(schema: Any, name: str, preset: PresetLike, alone: bool = True) -> Layout | None:
    """Layout of a table's columns; ``alone`` if all messages in hand have them.

    Raises
    ------
    NotFlows
        If they are none of flows.
    """
    names = paths(schema)
    layout = choose(names, preset)
    try:
        require_columns(names, name, layout)
    except InputError as error:
        raise NotFlows(str(error), Reason.COLUMNS if alone else Reason.MESSAGE) from None
    return layout


def part_of(tables: list[Any], name: str, layout: Layout | str, first: int = 0) -> Part:
    """Flows of tables of one schema, a message each, the first of which has number ``first``."""
    counts = np.array([table.num_rows for table in tables], np.int64)
    message = np.repeat(np.arange(first, first + len(tables)), counts)
    row = np.arange(len(message)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = tables[0] if len(tables) == 1 else pa.concat_tables(tables)
    batch = table_to_flows(table, name, preset=layout)
    bad = [(int(message[b.row]), int(row[b.row]), b.record.encode()) for b in batch.bad]
    at = batch.flows.rows
    return Part(batch, message[at], row[at], bad)


def _read(value: bytes) -> Any:
    try:
        data = pa.py_buffer(value)
        if value.startswith(FILE_MAGIC):
            with pa.ipc.open_file(data, options=_ALONE) as reader:
                table = reader.read_all()
        else:
            with pa.ipc.open_stream(data, options=_ALONE) as reader:
                table = reader.read_all()
    except (pa.ArrowException, OSError, EOFError) as error:
        raise NotFlows(f"Arrow: {error}", Reason.MESSAGE) from None
    names = distinct(table.column_names)
    if names != table.column_names:
        table = table.rename_columns(names)
    return table.replace_schema_metadata(None)
