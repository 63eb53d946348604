"""Stack: tables one above the other, even where their columns disagree about a type."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.tables.json_text import plain_text
from morpheus_gae.flows.tables.ordinary import ordinary_column


def stack(tables: list[pa.Table]) -> pa.Table:
    """Join tables in order.

    Columns that a table lacks are null there; types that differ are widened (whole numbers to floats,
    rounded if need be); types that have nothing in common become text.

    Parameters
    ----------
    tables
        At least one.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        pass
    kinds: dict[str, list[Any]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, []).append(field.type)
    common = {name: _common(found) for name, found in kinds.items() if len(set(found)) > 1}
    try:
        return pa.concat_tables([_in_common(table, common) for table in tables], promote_options="permissive")
    except pa.ArrowException:
        # counters beyond the 63 bits that whole numbers have in common
        common |= {
            name: pa.float64() for name, found in kinds.items() if pa.uint64() in found and _whole(found)
        }
    return pa.concat_tables([_in_common(table, common) for table in tables], promote_options="permissive")


def _whole(kinds: list[Any]) -> bool:
    """Whether types differ, and all are of whole numbers."""
    return len(set(kinds)) > 1 and all(map(pa.types.is_integer, kinds))


def _common(kinds: list[Any]) -> Any:
    """The type that columns of these types are brought to, or None if Arrow finds one by itself."""
    try:
        one = pa.unify_schemas([pa.schema([("", kind)]) for kind in kinds], promote_options="permissive")
    except pa.ArrowException:
        return pa.string()
    if pa.types.is_struct(one.field(0).type):
        # older Arrow does not put fields in order, nor fill in those that are missing
        return one.field(0).type
    # Arrow refuses to widen whole numbers that a float64 can only round
    return pa.float64() if any(map(pa.types.is_floating, kinds)) else None


def _in_common(table: pa.Table, common: dict[str, Any]) -> pa.Table:
    for i, name in enumerate(table.column_names):
        kind = common.get(name)
        if kind == pa.string():
            table = table.set_column(i, name, as_text(table[name]))
        elif kind is not None and pa.types.is_struct(kind):
            chunks = [_in_order(chunk, kind) for chunk in table[name].chunks]
            table = table.set_column(i, name, pa.chunked_array(chunks, kind))
        elif kind is not None:
            table = table.set_column(i, name, table[name].cast(kind, safe=False))
    return table


def _in_order(array: pa.Array, kind: Any) -> pa.Array:
    """An array with the fields of a struct type, in their order; null where it has none."""
    if not pa.types.is_struct(kind) or not pa.types.is_struct(array.type):
        return array.cast(kind, safe=False)
    fields = []
    for field in kind:
        at = array.type.get_field_index(field.name)
        found = pc.struct_field(array, at) if at >= 0 else pa.nulls(len(array))
        fields.append(_in_order(found, field.type))
    return pa.StructArray.from_arrays(fields, fields=list(kind), mask=array.is_null())


def is_text(kind: Any) -> bool:
    """Whether a type is one of text, or of a dictionary of text."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as text: strings as they are, nested ones as JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(ordinary_column(column))
    if not pa.types.is_nested(kind):
        try:
            return pc.cast(column, pa.string())
        except pa.ArrowException:
            pass
    return plain_text(column).cast(pa.string())
