"""Printable: text from outside for a terminal or a spreadsheet, with what would act there made visible.

File names, column names, labels and records are written by others. A terminal obeys control characters in
them, and a spreadsheet computes cells that look like a formula (OWASP, CSV Injection).
"""

from __future__ import annotations

import re

UNPRINTABLE = (
    "\x00-\x1f\x7f-\x9f"  # control characters of ASCII (ESC, CR, DEL) and of Latin-1 (CSI)
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\u2028\u2029"  # end a line for some readers
)
"""What acts where it is shown, as the inside of a character class."""

FORMULA = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""First characters of a formula, as the inside of a character class; full-width ones count too."""

_ACTS = re.compile(f"[{UNPRINTABLE}\ud800-\udfff]")
_ACTS_IN_LINES = re.compile(f"(?!\n)[{UNPRINTABLE}\ud800-\udfff]")
_FORMULA = re.compile(f"[{FORMULA}]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|-")
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def printable(text: str, lines: bool = False) -> str:
    r"""The text with a visible escape for each character that would act on a terminal.

    Parameters
    ----------
    text
        Anything; lone surrogates, which stand for bytes that are no text in names of files, are escaped too.
    lines
        Whether line ends stay: for text that was laid out in lines here.

    Returns
    -------
    str
        ``\x1b`` for ESC, ``\u202e`` for a character that turns the direction, ``\xff`` for a byte.
    """
    return (_ACTS_IN_LINES if lines else _ACTS).sub(_escape, text)


def cell(text: str) -> str:
    """The text as a cell of a spreadsheet: printable, and with ``'`` before what would be a formula.

    Parameters
    ----------
    text
        Anything; a plain number (``-5``, ``+1e5``) and the sign for nothing (``-``) are none.
    """
    formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{printable(text)}" if formula else printable(text)


def json_escapes(text: str) -> str:
    r"""JSON text with ``\u`` escapes for what acts on a terminal and JSON itself leaves as it is."""
    return _ACTS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        # a byte that is no text, as the system's own names of files may have
        return f"\\x{code - 0xDC00:02x}"
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
