"""Plain types: columns of rare Arrow types as columns of those that every library reads."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows.tables.json_text import plain_text
from morpheus_gae.flows.tables.ordinary import ordinary_column

Bool = npt.NDArray[np.bool_]

_VIEWS = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}
_LIST_VIEWS = ("list_view<", "large_list_view<")


def plain_type(kind: Any) -> Any:
    """The type that stands for another one; the same if that is plain."""
    # not every kind of these can be hashed
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return _plain_type(kind)


@lru_cache(maxsize=4096)
def _plain_type(kind: Any) -> Any:
    if pa.types.is_timestamp(kind):
        # raises where its name is no text
        _ = kind.tz
    view = _VIEWS.get(str(kind))
    if view is not None:
        return view
    if pa.types.is_dictionary(kind):
        words = plain_type(kind.value_type)
        # words that are lists or objects cannot be compared
        return words if words != kind.value_type or pa.types.is_nested(words) else kind
    if str(kind).startswith("run_end_encoded"):
        return plain_type(kind.value_type)
    if pa.types.is_union(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        inner = [pa.field(f.name, plain_type(f.type), f.nullable) for f in kind]
        same = all(a.type == b.type for a, b in zip(inner, kind, strict=True))
        return kind if same else pa.struct(inner)
    if str(kind).startswith(_LIST_VIEWS):
        return pa.large_list(plain_type(kind.value_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner_kind = plain_type(kind.value_type)
        return kind if inner_kind == kind.value_type else pa.large_list(inner_kind)
    if pa.types.is_map(kind):
        key, item = plain_type(kind.key_type), plain_type(kind.item_type)
        return kind if (key, item) == (kind.key_type, kind.item_type) else pa.map_(key, item)
    return kind


def as_numbers(array: pa.Array) -> pa.Array:
    """An array with dates and times of the day, also inside of it, as the numbers that they are beneath.

    Arrow has no form for 25 o'clock, but it is a number like another: no reason to refuse what is around it.
    """
    if pa.types.is_dictionary(array.type) and pa.types.is_nested(array.type.value_type):
        words = as_numbers(array.dictionary)
        return pa.DictionaryArray.from_arrays(array.indices, words, safe=False)
    wanted = _number_type(array.type)
    if wanted == array.type:
        return array
    with suppress(pa.ArrowException):
        return array.view(wanted)
    return array


def _number_type(kind: Any) -> Any:
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return pa.int32() if kind.bit_width == 32 else pa.int64()
    if pa.types.is_struct(kind):
        return pa.struct([f.with_type(_number_type(f.type)) for f in kind])
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_number_type(kind.value_type), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_number_type(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(_number_type(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_number_type(kind.key_type), _number_type(kind.item_type))
    return kind


def plain_column(column: pa.ChunkedArray, kind: Any, garbled: Bool | None = None) -> pa.ChunkedArray:
    """A column in its plain type.

    Parameters
    ----------
    column
        E values, sound but for the text of some rows.
    kind
        Their type.
    garbled
        bool [E] rows whose text is not UTF-8: they become null where a value must be rewritten.
    """
    wanted = plain_type(kind)
    if pa.types.is_dictionary(kind) and (garbled is not None or _has_null_words(column)):
        # words that are no text must not stay where a row no longer shows them; those that are null are not
        # put together with others by Arrow
        wanted = plain_type(kind.value_type)
        if wanted == kind.value_type:
            return column.cast(wanted)
    if wanted == kind:
        return column
    if isinstance(kind, pa.BaseExtensionType):
        stored = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        return plain_column(stored, kind.storage_type, garbled)
    if garbled is None and "union<" not in str(kind):
        found = ordinary_column(column)
        with suppress(pa.ArrowException):
            return found.cast(wanted)
        return found
    if garbled is None and pa.types.is_union(kind):
        return plain_text(column).cast(wanted)
    values = _listed(column, garbled)
    try:
        return pa.chunked_array([pa.array(values, wanted)], wanted)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        texts = [v if v is None or isinstance(v, str) else json.dumps(v, default=str) for v in values]
        return pa.chunked_array([pa.array(texts, pa.string())])


def _has_null_words(column: pa.ChunkedArray) -> bool:
    return any(chunk.dictionary.null_count for chunk in column.chunks)


def _listed(column: pa.ChunkedArray, garbled: Bool | None) -> list[Any]:
    """Values as Python's; null where a row is garbled, or Python has no form for it."""
    out = []
    for i, scalar in enumerate(scalar for chunk in column.chunks for scalar in chunk):
        try:
            out.append(None if garbled is not None and garbled[i] else scalar.as_py())
        except (ValueError, OverflowError):
            out.append(None)
    return out
