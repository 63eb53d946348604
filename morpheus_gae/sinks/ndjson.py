"""NDJSON: tables to JSON lines, column by column, without a Python object per value where the type allows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.stack import as_text

_ESCAPED = r'["\\\x00-\x1f]'
_TEXT = pa.large_string()
_NOTHING = np.zeros(0, np.uint8)


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
    if table.num_rows == 0:
        return b""
    if table.num_columns == 0:
        return b"{}\n" * table.num_rows
    pieces = _object(table.column_names, table.columns)
    pieces += [pa.scalar("\n", _TEXT), pa.scalar("", _TEXT)]
    lines = pc.binary_join_element_wise(*pieces)
    return b"".join(map(_bytes, lines.chunks if isinstance(lines, pa.ChunkedArray) else [lines]))


def _object(names: list[str], parts: list[pa.ChunkedArray]) -> list[Any]:
    """Pieces that, joined, are one JSON object a row."""
    pieces: list[Any] = []
    opening = "{"
    for name, column in zip(names, parts, strict=True):
        told = f"{opening}{json.dumps(name, ensure_ascii=False)}:"
        if pa.types.is_struct(column.type) and column.null_count == 0 and column.type.num_fields:
            # the object inside as pieces of this one
            inner = _object([f.name for f in column.type], pa.Table.from_struct_array(column).columns)
            pieces += [pa.scalar(told, _TEXT), *inner]
            opening = ","
            continue
        text, mark = _rendered(column)
        pieces += [pa.scalar(told + mark, _TEXT), text]
        opening = f"{mark},"
    return [*pieces, pa.scalar(opening[:-1] + "}", _TEXT)]


def _bytes(lines: pa.Array) -> bytes:
    """The bytes of all strings, which lie one after the other."""
    offsets = np.frombuffer(lines.buffers()[1], np.int64, len(lines) + 1, lines.offset * 8)
    return bytes(memoryview(lines.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])])


def _rendered(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    """Each value as JSON text, and the quote that is still to be put on both sides of it."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _rendered(column.cast(kind.value_type))
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.array(["null"] * len(column), _TEXT)]), ""
    if pa.types.is_floating(kind):
        finite = pc.fill_null(pc.is_finite(column), False)
        if not pc.all(finite).as_py():
            column = pc.if_else(finite, column, pa.scalar(None, kind))
    if pa.types.is_boolean(kind) or _is_number(kind):
        return _filled(column.cast(_TEXT)), ""
    if pa.types.is_list(kind) and column.null_count == 0:
        lists = _list(column)
        if lists is not None:
            return lists, ""
    if pa.types.is_nested(kind):
        values = [
            json.dumps(_finite(value), default=_other, ensure_ascii=False, separators=(",", ":"))
            for value in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(values, _TEXT)]), ""
    return _quoted(as_text(column).cast(_TEXT))


def _list(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Lists that are all of one length, which is above 0, as JSON; None for others."""
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks)
    lengths = pc.list_value_length(whole)
    bounds = pc.min_max(lengths).as_py()
    width = bounds["min"]
    if not width or width != bounds["max"]:
        return None
    values = whole.flatten()
    pieces: list[Any] = [pa.scalar("[", _TEXT)]
    for i in range(width):
        item = pa.chunked_array([values.take(pa.array(range(i, len(values), width)))])
        if pa.types.is_struct(item.type) and item.null_count == 0 and item.type.num_fields:
            pieces += _object([f.name for f in item.type], pa.Table.from_struct_array(item).columns)
        else:
            text, mark = _rendered(item)
            pieces += [pa.scalar(mark, _TEXT), text, pa.scalar(mark, _TEXT)] if mark else [text]
        pieces.append(pa.scalar("," if i + 1 < width else "]", _TEXT))
    joined = pc.binary_join_element_wise(*pieces, pa.scalar("", _TEXT))
    return joined if isinstance(joined, pa.ChunkedArray) else pa.chunked_array([joined])


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _quoted(text: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    odd = None
    if any(map(_has_odd, text.chunks)):
        odd = pc.fill_null(pc.match_substring_regex(text, _ESCAPED), False)
    if odd is not None and pc.any(odd).as_py():
        # only values with something to escape are looked at one by one
        escaped = [json.dumps(v, ensure_ascii=False)[1:-1] for v in text.filter(odd).to_pylist()]
        flat = pa.concat_arrays(text.chunks)
        mask = pa.concat_arrays(odd.chunks)
        text = pa.chunked_array([pc.replace_with_mask(flat, mask, pa.array(escaped, _TEXT))])
    if text.null_count == 0:
        return text, '"'
    quote = pa.scalar('"', _TEXT)
    return _filled(pc.binary_join_element_wise(quote, text, quote, pa.scalar("", _TEXT))), ""


def _has_odd(text: pa.Array) -> bool:
    """Whether a byte of these strings may have to be escaped."""
    raw = np.frombuffer(_bytes(text), np.uint8) if len(text) else _NOTHING
    return bool(((raw < 32) | (raw == 34) | (raw == 92)).any())


def _filled(text: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(text, pa.scalar("null", _TEXT)) if text.null_count else text


def _finite(value: Any) -> Any:
    """The value with null for each NaN and infinity in it, which JSON has no word for."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value


def _other(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
