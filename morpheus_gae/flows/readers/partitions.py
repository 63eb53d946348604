"""Partitions: what the names of folders tell of the files in them, as Hive and Spark write it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from urllib.parse import unquote

import pyarrow as pa

from morpheus_gae.flows.exporters.convert import FlowBatch

NULL = "__HIVE_DEFAULT_PARTITION__"


def partitions_of(path: str) -> dict[str, str | None]:
    """Columns that the folders ``name=value`` of a path tell, outermost first; None is no value."""
    out: dict[str, str | None] = {}
    for part in PurePath(path).parts[:-1]:
        name, equals, value = part.partition("=")
        if equals and name:
            out[_text(name)] = None if value == NULL else _text(value)
    return out


def with_partitions(batch: FlowBatch, told: dict[str, str | None]) -> FlowBatch:
    """A batch with columns of text beside its own; those that it has already stay."""
    table = batch.flows.table
    rows = table.num_rows
    for name, value in told.items():
        if name not in table.column_names:
            column = pa.nulls(rows, pa.string()) if value is None else pa.repeat(pa.scalar(value), rows)
            table = table.append_column(name, column)
    return batch if table is batch.flows.table else replace(batch, flows=replace(batch.flows, table=table))


def _text(part: str) -> str:
    """A name as it was before it became one of a folder; bytes that are no UTF-8 are replaced."""
    return unquote(part.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
