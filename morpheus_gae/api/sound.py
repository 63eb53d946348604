"""Sound: checks the parameters of a detector, before anything relies on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

from morpheus_gae.errors import UsageError


class _Kind(NamedTuple):
    words: str
    fits: Callable[[Any], bool]
    optional: bool = False


def _is_layout(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(name, str) for pair in value.items() for name in pair)
    return isinstance(value, str)


def _within(low: int, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Integral) and low <= int(value) <= high


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real)


_TEXT = _Kind("a text", _is_text)
_NUMBER = _Kind("a number", _is_number)
_KINDS = {
    "preset": _TEXT,
    "features": _TEXT,
    "alert_rate": _NUMBER,
    "contamination": _NUMBER._replace(optional=True),
    "columns": _Kind("the name of a preset, or a mapping of names to names", _is_layout, True),
    "pair_seconds": _NUMBER,
    "graph_size": _Kind("a whole number from 1", _within(1, float("inf"))),
    "window_seconds": _NUMBER._replace(optional=True),
    "windows": _TEXT,
    "executor": _TEXT,
    "epochs": _Kind("a whole number from 1", _within(1, float("inf")), True),
    "max_flows": _Kind("a whole number from 1", _within(1, float("inf")), True),
    "random_state": _Kind("a whole number from 0 to 4,294,967,295", _within(0, 2**32 - 1)),
    "name": _TEXT,
}


def check_params(params: Mapping[str, Any]) -> None:
    """Refuse parameters of a wrong type; ranges of numbers are for those who use them.

    Raises
    ------
    UsageError
        For the first of them; says which, and what it must be.
    """
    for name, kind in _KINDS.items():
        value = params.get(name)
        if name not in params or (value is None and kind.optional):
            continue
        if not kind.fits(value):
            told = f"{name} must be {kind.words}" + (", or None" if kind.optional else "")
            raise UsageError(f"{told}, not {value!r:.80}")
