"""JSON arrays, and objects over many lines, as NDJSON: rewritten byte for byte as they stream by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from morpheus_gae.flows.files.stream import Stream, TruncatedError

_LF, _CR, _SPACE, _QUOTE, _BACKSLASH, _COMMA = 10, 13, 32, 34, 92, 44
_OPEN_LIST, _CLOSE_LIST, _OPEN, _CLOSE = 91, 93, 123, 125
_DEPTH, _IN_STRING, _ESCAPED, _BASE = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def _rewrite(data: Any, state: Any) -> None:
    """Line ends inside values become spaces, commas between elements line ends, the outer brackets spaces.

    ``state`` int64 [4]: depth, inside a string, after a backslash, depth at which elements lie.
    """
    depth, in_string, escaped, base = state[0], state[1], state[2], state[3]
    for i in range(len(data)):
        c = data[i]
        if in_string:
            if c in (_LF, _CR):  # never inside a JSON string: this one is broken
                in_string = 0
                escaped = 0
                data[i] = _SPACE
            elif escaped:
                escaped = 0
            elif c == _BACKSLASH:
                escaped = 1
            elif c == _QUOTE:
                in_string = 0
        elif c == _QUOTE:
            in_string = 1
        elif c in (_OPEN, _OPEN_LIST):
            if depth < base:
                data[i] = _SPACE
            depth += 1
        elif c in (_CLOSE, _CLOSE_LIST):
            depth = max(depth - 1, 0)
            if depth < base:
                data[i] = _SPACE
        elif c == _COMMA and depth == base and base > 0:
            data[i] = _LF
        elif (c in (_LF, _CR)) and (depth > 0 or base > 0):
            data[i] = _SPACE
    state[0], state[1], state[2] = depth, in_string, escaped


def is_spread(head: bytes) -> bool:
    """Whether a stream that begins so is an array, or objects over several lines, rather than NDJSON."""
    first = head.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0].strip()
    return first.startswith(b"[") or (first.startswith(b"{") and first[-1:] in b"{[,")


def spread_objects(stream: Stream, array: bool) -> Stream:
    """A stream of one object a line.

    Parameters
    ----------
    stream
        One array of objects (``array``), or objects over several lines.
    """
    state = np.array([0, 0, 0, int(array)], np.int64)

    def read(n: int) -> bytes:
        data = np.frombuffer(stream.read(n), np.uint8).copy()
        if not len(data):
            if state[_DEPTH]:
                raise TruncatedError("the JSON text ends inside an array or object")
            return b""
        _rewrite(data, state)
        return data.tobytes()

    return Stream(read, stream.tell, stream.close)
