"""Nested columns that became text because one of their values is no object, as objects again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.tables.json_rows import is_unicode

_MISFITS = (pa.ArrowException, OverflowError, TypeError, ValueError)


def opened(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """A table in which nothing that some paths go into is text.

    Parameters
    ----------
    table
        E records.
    names
        Paths, and names of columns, that hold objects or lists.
    """
    heads = {
        ".".join(parts[:n]) for name in names for parts in [name.split(".")] for n in range(1, len(parts) + 1)
    }
    for i, field in enumerate(table.schema):
        if field.name not in heads or not pa.types.is_string(field.type):
            continue
        column = table[i]
        begins = pc.or_(pc.starts_with(column, "{"), pc.starts_with(column, "["))
        if pc.any(begins).as_py():
            values = [_parsed(text) for text in column.to_pylist()]
            table = table.set_column(i, field.name, _column(values, field.name, heads))
    return table


def _parsed(text: str | None) -> Any:
    try:
        found = None if text is None else json.loads(text)
        return found if is_unicode(found) else text
    except (ValueError, RecursionError):
        return text


def _column(values: list[Any], path: str, heads: set[str]) -> pa.Array:
    """Values as objects or lists, where paths go into them; else as what they are, or text."""
    if path in heads:
        objects = [isinstance(value, dict) for value in values]
        names = dict.fromkeys(name for value in values if isinstance(value, dict) for name in value)
        if names:
            inner = [
                _column([v.get(n) if isinstance(v, dict) else None for v in values], f"{path}.{n}", heads)
                for n in names
            ]
            return pa.StructArray.from_arrays(inner, list(names), mask=pa.array(~np.array(objects)))
        values = [value if isinstance(value, list) else None for value in values]
    try:
        return pa.array(values)
    except _MISFITS:
        texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
        return pa.array(texts, pa.string())
