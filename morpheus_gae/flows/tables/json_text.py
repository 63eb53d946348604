"""JSON text: columns of any Arrow type as JSON, without a Python object per value where the type allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.tables.decimals import decimal_text
from morpheus_gae.flows.tables.join import TEXT, Piece, buffers_of, joined, joined_lists
from morpheus_gae.flows.tables.ordinary import flattened, lengths_of, ordinary_column, union_parts
from morpheus_gae.flows.tables.printable import UNPRINTABLE, json_escapes, printable
from morpheus_gae.flows.tables.times import iso_text, milliseconds

_ACTS = f"[{UNPRINTABLE}]"
_ESCAPED = f'["\\\\{UNPRINTABLE}]'
_ODD = np.zeros(256, np.bool_)
# control characters, quote, backslash, DEL; then the first bytes of what else is escaped
_ODD[[*range(32), 34, 92, 127, 0xC2, 0xD8, 0xE2]] = True


def objects(table: pa.Table, end: str = "") -> pa.ChunkedArray:
    """Each row as a JSON object.

    Parameters
    ----------
    table
        E rows, at least one column.
    end
        What stands behind each.
    """
    return joined([*_object(table.column_names, table.columns), end], table.num_rows)


def json_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value as JSON text; ``null`` where it is null."""
    text, mark = rendered(column)
    return joined([mark, text, mark], len(text)) if mark else text


def plain_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value as text: strings as they are, others as in JSON without quotes; null where it is null."""
    column = ordinary_column(column)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if is_leaf_text(kind):
        return _leaf_text(column)
    if pa.types.is_floating(kind):
        # NaN and infinities have names here
        return _float32(column).cast(TEXT)
    if pa.types.is_union(kind):
        # each value as text of its own type
        made = [
            _union_texts(chunk, lambda part: plain_text(pa.chunked_array([part])).to_pylist())
            for chunk in column.chunks
        ]
        return pa.chunked_array([pa.array(texts, TEXT) for texts in made], TEXT)
    text = json_text(column)
    return pc.if_else(column.is_valid(), text, pa.scalar(None, TEXT)) if column.null_count else text


def is_leaf_text(kind: Any) -> bool:
    """Whether values of a type are texts in JSON or, for durations, written out here."""
    temporal = pa.types.is_temporal(kind) and not pa.types.is_interval(kind)
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return bool(temporal or binary)


def text_bytes(text: pa.Array) -> bytes:
    """The bytes of all strings of a large array, which lie one after the other."""
    offsets = np.frombuffer(text.buffers()[1], np.int64, len(text) + 1, text.offset * 8)
    return bytes(memoryview(text.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])])


def rendered(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    """Each value as JSON text, and the quote that is still to be put on both sides of it."""
    column = ordinary_column(column)
    kind = column.type
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.array(["null"] * len(column), TEXT)]), ""
    if pa.types.is_floating(kind):
        written = decimal_text(column) if pa.types.is_float64(kind) else None
        if written is not None:
            return written, ""
        column = _float32(column)
        finite = pc.fill_null(pc.is_finite(column), False)
        if not pc.all(finite).as_py():
            column = pc.if_else(finite, column, pa.scalar(None, column.type))
        return _filled(column.cast(TEXT)), ""
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _filled(column.cast(TEXT)), ""
    if pa.types.is_duration(kind):
        return _filled(_leaf_text(column)), ""
    if is_leaf_text(kind):
        return _quoted(_leaf_text(column))
    if pa.types.is_list(kind) and column.null_count == 0:
        lists = _list(column)
        if lists is not None:
            return lists, ""
    if pa.types.is_list(kind) and not pa.types.is_nested(kind.value_type):
        return pa.chunked_array([_flat_lists(chunk) for chunk in column.chunks], TEXT), ""
    if pa.types.is_nested(kind) or pa.types.is_interval(kind):
        return pa.chunked_array([pa.array(_texts(chunk), TEXT) for chunk in column.chunks], TEXT), ""
    return _quoted(column.cast(TEXT))


def _object(names: list[str], parts: list[pa.ChunkedArray]) -> list[Piece]:
    """Pieces that, joined, are one JSON object a row."""
    pieces: list[Piece] = []
    opening = "{"
    for name, column in zip(names, parts, strict=True):
        told = f"{opening}{_key(name)}"
        if pa.types.is_struct(column.type) and column.null_count == 0 and column.type.num_fields:
            # the object inside as pieces of this one
            inner = _object([f.name for f in column.type], pa.Table.from_struct_array(column).columns)
            pieces += [told, *inner]
            opening = ","
            continue
        text, mark = rendered(column)
        pieces += [told + mark, text]
        opening = f"{mark},"
    return [*pieces, opening[:-1] + "}"]


def _key(name: str) -> str:
    return f"{json_escapes(json.dumps(name, ensure_ascii=False))}:"


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
    pieces: list[Piece] = ["["]
    for i in range(width):
        item = pa.chunked_array([values.take(pa.array(range(i, len(values), width)))])
        if pa.types.is_struct(item.type) and item.null_count == 0 and item.type.num_fields:
            pieces += _object([f.name for f in item.type], pa.Table.from_struct_array(item).columns)
        else:
            text, mark = rendered(item)
            pieces += [mark, text, mark]
        pieces.append("," if i + 1 < width else "]")
    return joined(pieces, len(whole))


def _flat_lists(array: pa.Array) -> pa.Array:
    """Lists of values that hold no others, of any lengths, as JSON."""
    items, mark = rendered(pa.chunked_array([flattened(array)]))
    text = joined_lists(items, mark, np.cumsum(np.r_[0, lengths_of(array)]).astype(np.int64))
    return text if array.null_count == 0 else pc.if_else(array.is_valid(), text, pa.scalar("null", TEXT))


def _texts(array: pa.Array) -> list[str]:
    """JSON text of nested values, part by part."""
    kind = array.type
    if pa.types.is_interval(kind):
        return [
            "null" if v is None else json.dumps(list(v), separators=(",", ":")) for v in array.to_pylist()
        ]
    if pa.types.is_union(kind):
        return _union_texts(array, _texts)
    if not pa.types.is_nested(kind):
        texts: list[str] = json_text(pa.chunked_array([array])).to_pylist()
        return texts
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(kind):
        keys = [_key(kind.field(i).name) for i in range(kind.num_fields)]
        parts = [[f"{key}{text}" for text in _texts(p)] for key, p in zip(keys, array.flatten(), strict=True)]
        rows = zip(*parts, strict=True) if parts else ((),) * len(array)
        return [f"{{{','.join(row)}}}" if ok else "null" for row, ok in zip(rows, valid, strict=True)]
    ends = np.cumsum(lengths_of(array)).tolist()
    values = flattened(array)
    if pa.types.is_map(kind):
        pairs = zip(_texts(values.field(0)), _texts(values.field(1)), strict=True)
        items = [f"[{key},{value}]" for key, value in pairs]
    else:
        items = _texts(values)
    starts = [0, *ends][:-1]
    lists = [f"[{','.join(items[start:end])}]" for start, end in zip(starts, ends, strict=True)]
    return [text if ok else "null" for text, ok in zip(lists, valid, strict=True)]


def _union_texts(array: pa.Array, texts_of: Callable[[pa.Array], list[str]]) -> list[str]:
    kind = array.type
    children = {code: texts_of(array.field(i)) for i, code in enumerate(kind.type_codes)}
    codes, at = union_parts(array)
    return [children[code][i] for code, i in zip(codes.tolist(), at.tolist(), strict=True)]


def _leaf_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    made = _binary_text
    if pa.types.is_duration(kind):
        made = milliseconds
    elif pa.types.is_temporal(kind):
        made = iso_text
    return pa.chunked_array([made(chunk) for chunk in column.chunks], TEXT)


def _binary_text(array: pa.Array) -> pa.Array:
    """Bytes that are printable text as that, others in hexadecimal; those of one length are no text."""
    if pa.types.is_fixed_size_binary(array.type):
        return pa.array([None if v is None else v.hex() for v in array.to_pylist()], TEXT)
    try:
        text = array.cast(TEXT)
    except pa.ArrowInvalid:
        # bytes that are no text are among them
        return pa.array([None if v is None else _hex_or_text(v) for v in array.to_pylist()], TEXT)
    if not pc.any(pc.match_substring_regex(text, _ACTS)).as_py():
        return text
    return pa.array([None if v is None else _hex_or_text(v) for v in array.to_pylist()], TEXT)


def _hex_or_text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if printable(text) == text else value.hex()


def _float32(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column


def _quoted(text: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    odd = None
    if any(map(_has_odd, text.chunks)):
        odd = pc.fill_null(pc.match_substring_regex(text, _ESCAPED), False)
    if odd is not None and pc.any(odd).as_py():
        # only values with something to escape are looked at one by one
        escaped = [
            json_escapes(json.dumps(v, ensure_ascii=False))[1:-1] for v in text.filter(odd).to_pylist()
        ]
        flat = pa.concat_arrays(text.chunks)
        mask = pa.concat_arrays(odd.chunks)
        text = pa.chunked_array([pc.replace_with_mask(flat, mask, pa.array(escaped, TEXT))])
    if text.null_count == 0:
        return text, '"'
    quote = pa.scalar('"', TEXT)
    quoted = pc.binary_join_element_wise(quote, text, quote, pa.scalar("", TEXT))
    return _filled(quoted if isinstance(quoted, pa.ChunkedArray) else pa.chunked_array([quoted])), ""


def _has_odd(text: pa.Array) -> bool:
    """Whether a byte of these strings may have to be escaped."""
    from morpheus_gae.flows.tables.join_kernels import has_any

    offsets, data = buffers_of(pa.chunked_array([text], TEXT))
    return bool(has_any(_ODD, data[offsets[0] : offsets[-1]]))


def _filled(text: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(text, pa.scalar("null", TEXT)) if text.null_count else text
