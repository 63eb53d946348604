"""Ordinary: columns of any Arrow type in the types that Arrow's own functions know how to pick rows of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_VIEWS = {"string_view": pa.string(), "binary_view": pa.binary()}


def ordinary_table(table: pa.Table) -> pa.Table:
    """The table with its columns as ``ordinary`` gives them.

    Parameters
    ----------
    table
        E rows.
    """
    for i, field in enumerate(table.schema):
        if is_odd(field.type):
            table = table.set_column(i, field.name, ordinary_column(table[i]))
    return table


def ordinary_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as ``ordinary`` gives its chunks."""
    if not is_odd(column.type):
        return column
    chunks = [ordinary(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks or [ordinary(pa.nulls(0, column.type))])


def is_odd(kind: Any) -> bool:
    """Whether a type is one that ``ordinary`` changes, or holds one."""
    if isinstance(kind, pa.BaseExtensionType) or str(kind) in _VIEWS:
        return True
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind) or _is_list_view(kind):
        return True
    if pa.types.is_struct(kind) or pa.types.is_union(kind):
        return any(is_odd(kind.field(i).type) for i in range(kind.num_fields))
    if pa.types.is_map(kind):
        return is_odd(kind.key_type) or is_odd(kind.item_type)
    return pa.types.is_nested(kind) and is_odd(kind.value_type)


def ordinary(array: pa.Array) -> pa.Array:
    """An array without encodings, views and types of others, at any depth.

    Parameters
    ----------
    array
        N values of any type.

    Returns
    -------
    pyarrow.Array
        The same values: of dictionaries and runs, what they stand for; of extension types, what they are
        stored as; of views, the type that they are views of. Unions stay unions.
    """
    kind = array.type
    if not is_odd(kind):
        return array
    if isinstance(kind, pa.BaseExtensionType):
        return ordinary(array.storage)
    if str(kind) in _VIEWS:
        return array.cast(_VIEWS[str(kind)])
    if pa.types.is_dictionary(kind):
        return ordinary(array.dictionary).take(array.indices)
    if pa.types.is_run_end_encoded(kind):
        ends = np.asarray(array.run_ends, np.int64)
        at = np.searchsorted(ends, np.arange(array.offset, array.offset + len(array)), side="right")
        return ordinary(array.values).take(pa.array(at))
    if pa.types.is_struct(kind):
        fields = [ordinary(part) for part in array.flatten()]
        names = [kind.field(i).name for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(fields, names, mask=array.is_null())
    if pa.types.is_union(kind):
        return _union(array)
    if pa.types.is_fixed_size_list(kind):
        # the values of null lists are still there
        values = array.values.slice(array.offset * kind.list_size, len(array) * kind.list_size)
        return pa.FixedSizeListArray.from_arrays(ordinary(values), kind.list_size, mask=array.is_null())
    return _lists(array)


def lengths_of(array: pa.Array) -> Any:
    """Lengths of lists or maps, int64 [N]; 0 where null."""
    if pa.types.is_map(array.type):
        lengths = np.diff(np.asarray(array.offsets, np.int64))
        return np.where(np.asarray(array.is_valid()), lengths, 0)
    return np.asarray(pc.fill_null(pc.list_value_length(array), 0), np.int64)


def flattened(array: pa.Array) -> pa.Array:
    """The values of all lists that are not null, in order; the entries of maps as structs."""
    if not pa.types.is_map(array.type):
        return array.flatten()
    entries = pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
    starts = np.asarray(array.offsets, np.int64)
    lengths = lengths_of(array)
    at = np.repeat(starts[:-1] - np.r_[0, np.cumsum(lengths)][:-1], lengths) + np.arange(lengths.sum())
    return ordinary(entries).take(pa.array(at))


def union_parts(array: pa.Array) -> tuple[Any, Any]:
    """Which child each value of a union is in (its code, int8 [N]), and where in it (int32 [N])."""
    # the library's own properties forget where a slice begins
    n, start, buffers = len(array), array.offset, array.buffers()
    if not n:
        return np.zeros(0, np.int8), np.zeros(0, np.int32)
    codes = np.frombuffer(buffers[1], np.int8, n, start)
    if array.type.mode == "sparse":
        return codes, np.arange(n, dtype=np.int32)
    return codes, np.frombuffer(buffers[2], np.int32, n, 4 * start)


def _is_list_view(kind: Any) -> bool:
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def _lists(array: pa.Array) -> pa.Array:
    """Lists, views of lists and maps, with ordinary values."""
    kind = array.type
    offsets = np.r_[0, np.cumsum(lengths_of(array))]
    values = ordinary(flattened(array))
    if pa.types.is_map(kind):
        found = pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), values.field(0), values.field(1))
    elif pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind):
        found = pa.LargeListArray.from_arrays(pa.array(offsets), values)
    else:
        found = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
    if not array.null_count:
        return found
    return pc.if_else(array.is_valid(), found, pa.nulls(1, found.type)[0])


def _union(array: pa.Array) -> pa.Array:
    kind = array.type
    fields = [kind.field(i) for i in range(kind.num_fields)]
    children = [ordinary(array.field(i)) for i in range(kind.num_fields)]
    names, codes = [field.name for field in fields], kind.type_codes
    of, at = union_parts(array)
    if kind.mode == "sparse":
        return pa.UnionArray.from_sparse(pa.array(of), children, names, codes)
    return pa.UnionArray.from_dense(pa.array(of), pa.array(at), children, names, codes)
