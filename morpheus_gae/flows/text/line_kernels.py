"""Compiled loops over the bytes of text blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

UNREADABLE = -1
"""Column count of a line whose quotes do not close, or that holds a carriage return."""

MAX_DEPTH = 64
"""Objects and lists one inside the other, at most, in one JSON record."""
NO_RECORD, PLAIN, ODD, TOO_DEEP = 0, 1, 2, 3
"""A line of JSON: blank; one object by its brackets and quotes; anything else; nested beyond the limit.

The fast parser must see plain ones only: it ends the process at a line that is ``null``, and at deep nesting.
"""

_LF, _CR, _SPACE, _TAB, _QUOTE, _BACKSLASH = 10, 13, 32, 9, 34, 92
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 123, 125, 91, 93
_MARKS = np.zeros(256, np.bool_)
_MARKS[[_LF, _CR, _QUOTE, _BACKSLASH, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST]] = True


@njit(cache=True, nogil=True)
def find_lines(data: Any, starts: Any, stops: Any, nexts: Any) -> int:
    """Places of the lines that are not blank, and their number.

    int64 ``starts``, ``stops`` (without the line end) and ``nexts`` (after it) have room for every line.
    """
    count = 0
    start = 0
    ink = False
    size = len(data)
    for i in range(size + 1):
        c = _LF if i == size else data[i]
        if c == _LF:
            if ink:
                starts[count] = start
                stops[count] = i - 1 if data[i - 1] == _CR else i
                nexts[count] = min(i + 1, size)
                count += 1
            start = i + 1
            ink = False
        elif c not in (_SPACE, _CR, _TAB):
            ink = True
    return count


@njit(cache=True, nogil=True)
def _judge(data: Any, start: int, size: int) -> tuple[int, int]:
    """What the line at ``start`` is, and the place of its end."""
    i = start
    while i < size and data[i] in (_SPACE, _TAB, _CR):
        i += 1
    if i == size or data[i] == _LF:
        return NO_RECORD, i
    first = i
    kind = PLAIN if data[i] == _OPEN else ODD
    depth = 0
    quoted = False
    while i < size:
        c = data[i]
        if not _MARKS[c]:
            i += 1
            continue
        if c == _LF:
            break
        if c == _CR:
            # some readers end a line here
            if kind == PLAIN and i + 1 < size and data[i + 1] != _LF:
                kind = ODD
        elif c == _BACKSLASH:
            # a quote after it ends no string
            if quoted and i + 1 < size and data[i + 1] not in (_LF, _CR):
                i += 1
        elif c == _QUOTE:
            quoted = not quoted
        elif not quoted:
            if depth == 0 and i > first:
                kind = max(kind, ODD)
            depth += 1 if c in (_OPEN, _OPEN_LIST) else -1
            if depth > MAX_DEPTH:
                kind = TOO_DEEP
        i += 1
    return kind if depth == 0 and not quoted else max(kind, ODD), i


@njit(cache=True, nogil=True)
def count_objects(data: Any) -> int:
    """Lines that are not blank, or -1 if one of them is not ``PLAIN``."""
    count = 0
    i = 0
    size = len(data)
    while i < size:
        kind, stop = _judge(data, i, size)
        if kind in (ODD, TOO_DEEP):
            return -1
        count += kind == PLAIN
        i = stop + 1
    return count


@njit(cache=True, nogil=True)
def line_ends(data: Any, starts: Any, counts: Any) -> None:
    """Line feeds in each of the pieces of ``data`` that begin at int64 ``starts``."""
    for i in range(len(starts)):
        stop = starts[i + 1] if i + 1 < len(starts) else len(data)
        found = 0
        # over the values and not by index, which the compiler would check one by one
        for c in data[starts[i] : stop]:
            found += c == _LF
        counts[i] = found


@njit(cache=True, nogil=True)
def judge_objects(data: Any, starts: Any, stops: Any, kinds: Any) -> None:
    """What each line is: ``PLAIN``, ``ODD`` or ``TOO_DEEP``, int64 [E]."""
    for e in range(len(starts)):
        kinds[e] = _judge(data, starts[e], stops[e])[0]


@njit(cache=True, nogil=True)
def keep_lines(data: Any, starts: Any, nexts: Any, keep: Any, out: Any) -> int:
    """Copy the lines chosen by ``keep`` bool [E] to ``out``; the bytes they take."""
    at = 0
    for e in range(len(starts)):
        if keep[e]:
            for i in range(starts[e], nexts[e]):
                out[at] = data[i]
                at += 1
    return at


@njit(cache=True, nogil=True)
def count_columns(data: Any, starts: Any, stops: Any, mark: int, counts: Any) -> None:
    """Columns of each line, int64 [E], by the parser's rules: a quote opens a value only at its beginning."""
    for e in range(len(starts)):
        count = 1
        fresh = True
        quoted = False
        broken = False
        i = starts[e]
        while i < stops[e]:
            c = data[i]
            if c == _CR:
                broken = True
            if quoted:
                if c == _QUOTE:
                    if i + 1 < stops[e] and data[i + 1] == _QUOTE:
                        i += 1
                    else:
                        quoted = False
            elif c == mark:
                count += 1
                fresh = True
                i += 1
                continue
            elif c == _QUOTE and fresh:
                quoted = True
            fresh = False
            i += 1
        counts[e] = UNREADABLE if quoted or broken else count


@njit(cache=True, nogil=True)
def quotes_close(data: Any, mark: int) -> bool:
    """Whether every quoted value ends on the line it begins on."""
    fresh = True
    quoted = False
    i = 0
    size = len(data)
    while i < size:
        c = data[i]
        if c == _LF:
            if quoted:
                return False
            fresh = True
        elif quoted:
            if c == _QUOTE:
                if i + 1 < size and data[i + 1] == _QUOTE:
                    i += 1
                else:
                    quoted = False
        elif c == mark:
            fresh = True
        else:
            quoted = fresh and c == _QUOTE
            fresh = False
        i += 1
    return not quoted
