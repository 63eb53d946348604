"""Rows of odd JSON objects as a table: every value survives, in the column's type or as text."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pyarrow as pa

from morpheus_gae.flows import columns

_MISFITS = (pa.ArrowException, OverflowError, TypeError, ValueError)


def rows_to_table(rows: list[dict[str, Any]], types: dict[str, Any]) -> pa.Table:
    """A table of objects.

    Parameters
    ----------
    rows
        E objects, with any keys.
    types
        Types that columns should have; a column with a value that does not fit becomes text.

    Returns
    -------
    pyarrow.Table
        Counters and addresses are text, to be judged value by value.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column(name, [row.get(name) for row in rows], types.get(name)) for name in names})


def is_unicode(found: Any) -> bool:
    """Whether all text of an object can be written; JSON can escape what is no character."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _column(name: str, values: list[Any], kind: Any) -> pa.Array:
    if name in columns.ADDRESSES:
        values = [_address(value) for value in values]
    elif name not in columns.ATTRIBUTES:
        for asked in (kind, None):
            try:
                column = pa.array(values, asked)
            except _MISFITS:
                continue
            if all(map(_same, values, column.to_pylist())):
                return column
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _same(given: Any, found: Any) -> bool:
    """Whether a column gives back what it took: structs drop keys, whole numbers cut fractions."""
    if isinstance(given, dict):
        return isinstance(found, dict) and all(k in found and _same(v, found[k]) for k, v in given.items())
    if isinstance(given, list):
        return isinstance(found, list) and all(_same(v, w) for v, w in zip(given, found, strict=True))
    if isinstance(given, bool) or isinstance(found, bool):
        return given is found
    # NaN, which some write, is not equal to itself
    return bool(given == found or str(given) == str(found) == "nan")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _address(value: Any) -> Any:
    """A number is an IPv4 address; anything else is judged as text."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32:
        return str(ipaddress.IPv4Address(value))
    return value
