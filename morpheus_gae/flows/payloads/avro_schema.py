"""Avro schemas: whether a few bytes may claim to be any number of values, which no reader would end with."""

from __future__ import annotations

from typing import Any

BOTTOMLESS = "the schema has lists of values that take no bytes"


def bottomless(schema: Any) -> bool:
    """Whether a schema has lists, or is of records, whose values may take no bytes at all.

    Parameters
    ----------
    schema
        As JSON has it.

    Raises
    ------
    RecursionError
        If it is nested too deeply.
    KeyError
        If it is no schema.
    """
    named: dict[str, Any] = {}
    inside = _inside(schema, named)
    lists = [each["items"] for each in inside if each.get("type") == "array"]
    return any(_is_weightless(kind, named, ()) for kind in [schema, *lists])


def _inside(schema: Any, named: dict[str, Any]) -> list[dict[str, Any]]:
    """All objects of a schema; those with a name also by the last part of it."""
    if isinstance(schema, list):
        return [each for kind in schema for each in _inside(kind, named)]
    if not isinstance(schema, dict):
        return []
    if isinstance(schema.get("name"), str):
        named[schema["name"].rpartition(".")[2]] = schema
    inner = [field["type"] for field in schema.get("fields", ())]
    inner += [schema[name] for name in ("type", "items", "values") if name in schema]
    return [schema, *_inside(inner, named)]


def _is_weightless(schema: Any, named: dict[str, Any], within: tuple[str, ...]) -> bool:
    kind = schema.get("type") if isinstance(schema, dict) else schema
    if isinstance(kind, dict):
        return _is_weightless(kind, named, within)
    if kind in ("record", "error"):
        return all(_is_weightless(field["type"], named, within) for field in schema["fields"])
    if isinstance(kind, str):
        name = kind.rpartition(".")[2]
        if name in named and name not in within:
            return _is_weightless(named[name], named, (*within, name))
    return kind == "null" or (kind == "fixed" and not schema["size"])
