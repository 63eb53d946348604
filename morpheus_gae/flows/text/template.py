"""Templates: lines that all look alike, read by what one of them looked like.

Programs write one line like the other: the same keys in the same order, the same blanks. Once a line and the
types of its values are known, the others are read in one pass over their bytes. A line that differs in
anything is left to the general reader: a template never tells what a record means, only how fast it is read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows.bytes.values import BOOL, FLOAT, INT, NULL, TEXT
from morpheus_gae.flows.tables.json_rows import is_unicode
from morpheus_gae.flows.text.line_kernels import line_ends
from morpheus_gae.flows.text.template_kernels import read_delimited, read_json

I64 = npt.NDArray[np.int64]

MAX_LINE = 1 << 16
"""Longer lines are not worth learning."""

_KINDS = {
    pa.int64(): INT,
    pa.float64(): FLOAT,
    pa.string(): TEXT,
    pa.bool_(): BOOL,
}
_TOKEN = re.compile(rb'\s*(?:"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+)')


@dataclass(frozen=True)
class Matched:
    """What a template made of a block of lines.

    Attributes
    ----------
    table
        A row for each line that follows the template.
    rows
        int64: numbers of these lines; blank lines have none.
    odd
        int64 [3, M]: begin, end and number of each other line.
    lines
        Lines in all.
    """

    table: pa.Table
    rows: I64
    odd: I64
    lines: int

    def odd_lines(self, data: bytes) -> bytes:
        """The other lines, with their ends."""
        view = memoryview(data)
        return b"".join(view[start:stop] for start, stop in zip(*self.odd[:2].tolist(), strict=True))


class Template:
    """Reads lines of one form; made by ``json_template`` or ``delimited_template``.

    Parameters
    ----------
    names, types
        Columns in order; types are int64, float64, string, bool or null (no value seen yet).
    literals
        K + 1 texts of JSON around the values; empty for delimited text.
    delimiter
        Of delimited text.
    known
        Types by name when the template was made.
    """

    def __init__(
        self,
        names: list[str],
        types: list[Any],
        literals: list[bytes],
        delimiter: str,
        known: dict[str, Any],
    ) -> None:
        self.names, self.types, self.known = names, types, dict(known)
        self._kinds = np.array([_KINDS.get(kind, NULL) for kind in types], np.int64)
        self._slots = np.array(
            [np.sum(self._kinds[:k] == self._kinds[k]) for k in range(len(names))], np.int64
        )
        self._delimiter = ord(delimiter)
        self._literals = np.frombuffer(b"".join(literals), np.uint8)
        self._bounds = np.cumsum([0, *map(len, literals)], dtype=np.int64)

    def read(self, data: bytes, utf8: bool) -> Matched:
        """Read lines.

        Parameters
        ----------
        data
            Whole lines.
        utf8
            Whether all of them are UTF-8; else lines with other than ASCII in a value are left to others.
        """
        raw = np.frombuffer(data, np.uint8)
        ends = np.empty(1, np.int64)
        line_ends(raw, np.zeros(1, np.int64), ends)
        most = int(ends[0]) + 1
        counts = [int(np.sum(self._kinds == kind)) for kind in (INT, FLOAT, BOOL, TEXT)]
        ints, reals = np.empty((counts[0], most), np.int64), np.empty((counts[1], most))
        bools = np.empty((counts[2], most), np.uint8)
        # only the pages that are written to are ever taken from the system
        texts = np.empty((counts[3], len(data) + 8), np.uint8)
        offsets = np.zeros((counts[3], most + 1), np.int32)
        valid = np.empty((len(self.names), most), np.uint8)
        rows, odd = np.empty(most, np.int64), np.empty((3, most), np.int64)
        if len(self._literals):
            read, others, lines = read_json(
                raw, self._literals, self._bounds, self._kinds, self._slots,
                ints, reals, bools, texts, offsets, valid, rows, odd, not utf8,
            )  # fmt: skip
        else:
            read, others, lines = read_delimited(
                raw, self._delimiter, self._kinds, self._slots,
                ints, reals, texts, offsets, valid, rows, odd, not utf8,
            )  # fmt: skip
        arrays = []
        for k, (kind, slot) in enumerate(zip(self._kinds.tolist(), self._slots.tolist(), strict=True)):
            mask = _bitmap(valid[k, :read])
            if kind == TEXT:
                used = offsets[slot, : read + 1]
                parts = [mask, pa.py_buffer(used), pa.py_buffer(texts[slot, : used[-1]])]
                arrays.append(pa.Array.from_buffers(pa.string(), read, parts))
            elif kind == NULL:
                arrays.append(pa.nulls(read))
            elif kind == BOOL:
                parts = [mask, pa.py_buffer(np.packbits(bools[slot, :read], bitorder="little"))]
                arrays.append(pa.Array.from_buffers(pa.bool_(), read, parts))
            else:
                values = (ints if kind == INT else reals)[slot, :read]
                arrays.append(pa.Array.from_buffers(self.types[k], read, [mask, pa.py_buffer(values)]))
        table = pa.table(dict(zip(self.names, arrays, strict=True)))
        for name, known in self.known.items():
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(read, known))
        order = [*self.known, *(name for name in self.names if name not in self.known)]
        return Matched(table.select(order), rows[:read], odd[:, :others], lines)


def _bitmap(valid: npt.NDArray[np.uint8]) -> Any:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def json_template(line: bytes, known: dict[str, Any]) -> Template | None:
    """Template of lines like this one, or None if it is no flat object.

    Parameters
    ----------
    line
        One JSON object.
    known
        Types of the columns so far, as the general reader asks for them.
    """
    line = line.rstrip(b"\r\n")
    if len(line) > MAX_LINE or not line.startswith(b"{") or not line.endswith(b"}"):
        return None
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    names = [name for name, _ in pairs]
    if not names or len(set(names)) < len(names):
        return None
    # a name may escape half of a surrogate pair, which no table can have for a name
    if any(isinstance(value, (list, dict)) for _, value in pairs) or not is_unicode(names):
        return None
    types = [known.get(name, pa.null()) for name in names]
    if not all(kind in _KINDS or kind == pa.null() for kind in types):
        return None
    literals, at = [], 0
    tokens = list(_TOKEN.finditer(line))
    # {  key  :  value  ,  key  :  value  }
    for value in tokens[3::4]:
        start = value.start() + len(value[0]) - len(value[0].lstrip())
        literals.append(line[at:start])
        at = value.end()
    if len(literals) != len(names):
        return None
    return Template(names, types, [*literals, line[at:]], ",", known)


def delimited_template(names: list[str], delimiter: str, known: dict[str, Any]) -> Template | None:
    """Template of delimited lines, or None if a column has a type that needs the general reader."""
    types = [known.get(name, pa.null()) for name in names]
    if not all(kind in (pa.int64(), pa.float64(), pa.string(), pa.null()) for kind in types):
        return None
    return Template(names, types, [], delimiter, {name: known[name] for name in names if name in known})
