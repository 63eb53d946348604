"""Lines of JSON that are no flows, known before they are parsed; and what the first lines are like."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.flows.exporters.layout import Layout
from morpheus_gae.flows.exporters.presets.table import Skip
from morpheus_gae.flows.text.blocks import Block
from morpheus_gae.flows.text.lines import Lines

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

LOOKED_AT = 64
"""Lines from whose keys an exporter is told."""
_LOOKED_AT_BYTES = 1 << 18

_QUOTE, _BACKSLASH, _COLON, _SPACE, _TAB = 34, 92, 58, 32, 9
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 123, 125, 91, 93
_UNKNOWN = -1


@njit(cache=True, nogil=True)
def _same(data: Any, start: int, stop: int, word: Any) -> bool:
    if stop - start != len(word):
        return False
    same = True
    for i in range(len(word)):
        same &= data[start + i] == word[i]
    return same


@njit(cache=True, nogil=True)
def _value(data: Any, i: int, stop: int, key: Any, words: Any, ends: Any) -> int:
    """Which of some words is the value of a key of the outermost object; how many there are if none is it.

    -1 if the key is not there, or its value is no plain text. ``words`` follow one another up to ``ends``.
    """
    depth = 0
    while i < stop:
        c = data[i]
        if c == _QUOTE:
            start = i + 1
            i += 1
            while i < stop and data[i] != _QUOTE:
                i += 2 if data[i] == _BACKSLASH else 1
            if depth == 1 and _same(data, start, i, key):
                i += 1
                while i < stop and data[i] in (_SPACE, _TAB, _COLON):
                    i += 1
                if i >= stop or data[i] != _QUOTE:
                    return _UNKNOWN
                start = i + 1
                i += 1
                while i < stop and data[i] != _QUOTE:
                    if data[i] == _BACKSLASH:
                        return _UNKNOWN
                    i += 1
                first = 0
                for w in range(len(ends)):
                    if _same(data, start, i, words[first : ends[w]]):
                        return w
                    first = ends[w]
                return len(ends)
        elif c in (_OPEN, _OPEN_LIST):
            depth += 1
        elif c in (_CLOSE, _CLOSE_LIST):
            depth -= 1
        i += 1
    return _UNKNOWN


@njit(cache=True, nogil=True)
def _values(data: Any, starts: Any, stops: Any, key: Any, words: Any, ends: Any, out: Any) -> None:
    for e in range(len(starts)):
        out[e] = _value(data, starts[e], stops[e], key, words, ends)


def other_records(lines: Lines, layout: Layout) -> Bool:
    """Which lines hold an object that the layout leaves out, bool [E]; what is not sure is none of them."""
    other = np.zeros(len(lines), bool)
    for rule in layout.preset.skip:
        if "." in layout.prefix + rule.column or rule.unless_null or rule.null:
            continue
        words = [word.encode() for word in rule.values or rule.only]
        found = np.empty(len(lines), np.int64)
        _values(
            lines.data,
            lines.starts,
            lines.stops,
            np.frombuffer(rule.column.encode(), np.uint8),
            np.frombuffer(b"".join(words), np.uint8),
            np.cumsum([len(word) for word in words]),
            found,
        )
        other |= (found == len(words)) if rule.only else (found >= 0) & (found < len(words))
    return other


def flows_only(block: Block, layout: Layout | None) -> tuple[Block, I64 | None, int]:
    """A block of JSON objects without the records that its layout leaves out.

    Returns
    -------
    Block
        The lines that stay.
    int64 [E] or None
        Place of each of them among all lines; None if all stay.
    int
        Records left out.
    """
    if layout is None or block.overlong or not any(_at_work(r, block.data) for r in layout.preset.skip):
        return block, None, 0
    lines = Lines(block.data)
    other = other_records(lines, layout)
    if not other.any():
        return block, None, 0
    left = Block(lines.kept(~other), bytes_read=block.bytes_read)
    return left, np.flatnonzero(~other), int(other.sum())


def _at_work(rule: Skip, data: bytes) -> bool:
    """Whether a rule may leave out a line of a block: a search that costs next to nothing."""
    if rule.null:
        return False
    key = f'"{rule.column}":'.encode()
    if key[:-1] not in data:
        return False
    if rule.values:
        return any(word.encode() in data for word in rule.values)
    allowed = sum(
        data.count(key + mark + word.encode() + b'"') for word in rule.only for mark in (b'"', b' "')
    )
    # a line that this overlooks is left out once it is parsed
    return allowed < data.count(b"\n")


def first_names(block: bytes) -> list[str]:
    """Names, as ``presets.paths`` tells them, in the first lines of a block of JSON objects."""
    names: dict[str, None] = {}
    for line in block[:_LOOKED_AT_BYTES].split(b"\n")[:LOOKED_AT]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            _note(found, "", names)
    return list(names)


def _note(found: dict[str, Any], prefix: str, names: dict[str, None]) -> None:
    for name, given in found.items():
        names[prefix + name] = None
        value = given
        while isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, dict):
            _note(value, f"{prefix}{name}.", names)
