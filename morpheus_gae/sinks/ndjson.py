"""NDJSON: tables to JSON lines, column by column, without a Python object per value where the type allows."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_ESCAPES = r'["\\\x00-\x1f]'


def json_lines(table: pa.Table) -> bytes:
    """One JSON object a line.

    Parameters
    ----------
    table
        E rows. Numbers, booleans and text are written as such; NaN, infinities and nulls as ``null``;
        nested values as JSON; anything else (times, binary) as text.

    Returns
    -------
    bytes
        E lines, each with its line end; UTF-8.
    """
    if table.num_rows == 0 or table.num_columns == 0:
        return b""
    pieces: list[Any] = []
    for i, name in enumerate(table.column_names):
        pieces.append(("{" if i == 0 else ",") + json.dumps(name, ensure_ascii=False) + ":")
        pieces.append(_rendered(table[name]))
    lines = pc.binary_join_element_wise(
        *[pa.scalar(p, pa.large_string()) if isinstance(p, str) else p for p in pieces],
        pa.scalar("}\n", pa.large_string()),
        pa.scalar("", pa.large_string()),
    )
    return b"".join(_bytes(chunk) for chunk in (lines.chunks if isinstance(lines, pa.ChunkedArray) else [lines]))


def _bytes(lines: pa.Array) -> bytes:
    """The bytes of all strings, which lie one after the other."""
    if len(lines) == 0:
        return b""
    import numpy as np

    offsets = np.frombuffer(lines.buffers()[1], np.int64, len(lines) + 1, lines.offset * 8)
    return bytes(memoryview(lines.buffers()[2])[int(offsets[0]) : int(offsets[-1])])


def _rendered(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value as JSON text (large_string)."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.array(["null"] * len(column), pa.large_string())])
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        text = column.cast(pa.large_string())
    elif pa.types.is_floating(kind):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
        text = column.cast(pa.large_string())
    elif pa.types.is_nested(kind):
        values = [None if v is None else json.dumps(v, default=str) for v in column.to_pylist()]
        text = pa.chunked_array([pa.array(values, pa.large_string())])
    else:
        text = _quoted(column)
    return pc.fill_null(text, "null")


def _quoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column = pa.chunked_array(
            [pa.array([None if v is None else v.hex() for v in column.to_pylist()], pa.large_string())]
        )
    text = column.cast(pa.large_string())
    if pc.any(pc.match_substring_regex(text, _ESCAPES)).as_py():
        values = [None if v is None else json.dumps(v, ensure_ascii=False) for v in text.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.large_string())])
    quote = pa.scalar('"', pa.large_string())
    return pc.binary_join_element_wise(quote, text, quote, pa.scalar("", pa.large_string()))
