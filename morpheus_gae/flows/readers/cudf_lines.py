"""Text of values to columns of values on the device, exactly as the host reads them, or not at all.

cuDF splits lines into texts (``read_csv``, ``read_json``); what the texts are is judged here. Its own
conversion of text to floats does not round as IEEE 754 asks (NVIDIA/cudf#10599), so a decimal number is its
digits, a whole number, divided by a power of ten: one division of two exact doubles rounds once (Clinger
1990).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from morpheus_gae.flows.readers.cudf_values import Maker, UnusualError, absent, tensor

if TYPE_CHECKING:
    from torch import Tensor

INTEGER = r"^0$|^-?[1-9][0-9]{0,17}$|^[1-8][0-9]{18}$"
DECIMAL = r"^0$|^[1-9][0-9]{0,14}$|^0\.[0-9]{1,15}$|^[1-9][0-9]{0,14}\.[0-9]{1,15}$"
_MOST_DIGITS = 15
"""All numbers of so many digits are doubles."""

_QUOTE, _BACKSLASH, _COLON, _COMMA, _SPACE, _TAB = 34, 92, 58, 44, 32, 9
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 123, 125, 91, 93


class Typed(NamedTuple):
    """A column of E values.

    Attributes
    ----------
    series
        cuDF series; null where there is no value, or an odd one.
    odd
        bool [E]: text that the host has to read.
    """

    series: Any
    odd: Tensor


def typed(make: Maker, text: Any, kind: Any, unset: tuple[str, ...], quoted: bool) -> Typed:
    """Texts as values of a type.

    Parameters
    ----------
    make
        Of the frame.
    text
        cuDF series of E texts.
    kind
        int64, float64, bool, string, or null: of no value so far.
    unset
        Texts that mean: no value; of numbers.
    quoted
        Whether text is in quotes, and anything else is not.

    Raises
    ------
    UnusualError
        If nothing is known of that type.
    """
    if pa.types.is_string(kind):
        if not quoted:
            return Typed(text, absent(text))
        there = _is(text, text.str.startswith('"'))
        return Typed(make.chosen(text.str.slice(1, -1), there), ~there & ~absent(text))
    none = absent(text)
    for word in unset:
        none = none | _is(text, text == word)
    if pa.types.is_null(kind):
        return Typed(make.chosen(text, none & ~none), ~none)
    if kind == pa.int64():
        fits = _is(text, text.str.contains(INTEGER, regex=True))
        whole = tensor(make.chosen(text, fits).fillna("0").astype("int64"))
        return Typed(make.column(whole, ~fits), ~fits & ~none)
    if kind == pa.float64():
        values, fits = _decimals(make, text)
        return Typed(make.column(values, ~fits), ~fits & ~none)
    if kind == pa.bool_():
        true, false = _is(text, text == "true"), _is(text, text == "false")
        return Typed(make.chosen(make.flags(true), true | false), ~(true | false) & ~none)
    raise UnusualError


def _is(text: Any, told: Any) -> Tensor:
    """What is told of each text, bool [E]; false of a null."""
    return tensor(told.fillna(False).astype("int8")).bool() & ~absent(text)


def _decimals(make: Maker, text: Any) -> tuple[Tensor, Tensor]:
    """Float64 [E], and which texts are decimal numbers of few digits, bool [E]."""
    import torch

    digits = text.str.replace(".", "", regex=False)
    size = tensor(digits.str.len().fillna(0).astype("int64"))
    fits = _is(text, text.str.contains(DECIMAL, regex=True)) & (size <= _MOST_DIGITS)
    whole = tensor(make.chosen(digits, fits).fillna("0").astype("int64"))
    point = tensor(text.str.find(".").fillna(-1).astype("int64"))
    places = torch.where(fits & (point >= 0), size - point, 0)
    powers = torch.tensor([10.0**n for n in range(_MOST_DIGITS + 1)], dtype=torch.float64, device=size.device)
    return whole.double() / powers[places], fits


@njit(cache=True, nogil=True)
def flat_objects(data: Any, starts: Any, stops: Any, keys: Any, texts: Any) -> None:
    """Of each line, how many keys and values that are text it has, if it is one plain object; else -1.

    Plain is an object of single values, without escapes, lists, objects inside, or control characters.
    What stands for a value is not looked at.
    """
    for e in range(len(starts)):
        keys[e] = -1
        colons = commas = quotes = opened = closed = 0
        inside = False
        fine = True
        for i in range(starts[e], stops[e]):
            c = data[i]
            if c == _BACKSLASH or (c < _SPACE and (inside or c != _TAB)):
                fine = False
                break
            if c == _QUOTE:
                inside = not inside
                quotes += 1
            elif not inside:
                # nothing but blanks stands around the object
                fine &= c in (_SPACE, _TAB) or (c == _OPEN) or (opened == 1 and closed == 0)
                colons += c == _COLON
                commas += c == _COMMA
                opened += c == _OPEN
                closed += c == _CLOSE
                fine &= c not in (_OPEN_LIST, _CLOSE_LIST)
            else:
                fine &= opened == 1 and closed == 0
        if fine and not inside and opened == 1 and closed == 1 and colons > 0 and commas == colons - 1:
            keys[e] = colons
            texts[e] = quotes // 2 - colons


def as_told(columns: list[Any], keys: np.ndarray[Any, Any], texts: np.ndarray[Any, Any]) -> Tensor:
    """Which rows hold as many values, and as many of these text, as their lines; bool [E].

    A key that is unknown, comes twice or has no value is then in none of them.
    """
    import torch

    first = absent(columns[0])
    there, quoted = torch.zeros_like(first, dtype=torch.int64), torch.zeros_like(first, dtype=torch.int64)
    for text in columns:
        there += (~absent(text)).to(torch.int64)
        quoted += _is(text, text.str.startswith('"')).to(torch.int64)
    wanted = [torch.from_numpy(counts).to(there.device) for counts in (keys, texts)]
    return (there == wanted[0]) & (quoted == wanted[1])
