"""Strict JSON: files that were written by a program, read so that nothing in them can surprise."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from typing import Any

MOST_DEPTH = 16
MOST_DIGITS = 20


def loads(data: bytes) -> Any:
    """Values of a JSON text.

    Raises
    ------
    ValueError
        If it is not UTF-8 or not JSON, names a key twice, nests deeper than 16 levels, or holds a number that
        is not finite or longer than 64 bits.
    """
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant, parse_int=_whole
        )
    except RecursionError:
        raise ValueError(f"it nests deeper than {MOST_DEPTH} levels") from None
    _look(value, MOST_DEPTH)
    return value


def seal(values: dict[str, Any]) -> str:
    """SHA-256 over every member but ``seal``: tells whether somebody, or a disk, has changed one."""
    told = {key: value for key, value in values.items() if key != "seal"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"it has {twice!a:.60} twice")
    return out


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _look(value: Any, levels: int) -> None:
    if isinstance(value, (dict, list)):
        if not levels:
            raise ValueError(f"it nests deeper than {MOST_DEPTH} levels")
        for inner in value.values() if isinstance(value, dict) else value:
            _look(inner, levels - 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number beyond 64 bits")
