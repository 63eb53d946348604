"""Columns that were told: how their lines are divided, and whether the first one is a header after all."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from morpheus_gae.errors import InputError
from morpheus_gae.flows.exporters.mapping import IGNORED

DELIMITERS = ",\t;|"
LOOKED_AT = 64
"""Lines that tell the delimiter."""


def cells(line: str, delimiter: str) -> list[str]:
    """A line taken apart."""
    try:
        found = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # no line of a CSV file
        found = line.split(delimiter)
    return [cell.strip() for cell in found]


def divided(data: bytes, names: Sequence[str], comment: bytes, source: str) -> tuple[str, int] | None:
    """How lines are divided into columns of these names.

    Parameters
    ----------
    data
        The first lines.
    names
        Of all columns, in order.
    comment
        Beginning of lines that are no records; empty if there is none.
    source
        Name for the error.

    Returns
    -------
    (str, int) or None
        The delimiter, and how many lines come before the records: where the first one that counts holds the
        names after all, up to that one, else none. None if there is no line.

    Raises
    ------
    InputError
        If no line has so many columns.
    """
    raw = [line.strip(b"\r\n") for line in data.split(b"\n", 4 * LOOKED_AT)[: 4 * LOOKED_AT]]
    at = [i for i, line in enumerate(raw) if line.strip() and not (comment and line.startswith(comment))]
    lines = [raw[i].decode("utf-8", "replace") for i in at[:LOOKED_AT]]
    if not lines:
        return None
    marks = DELIMITERS if any(mark in lines[0] for mark in DELIMITERS) else " "
    counts = {mark: [len(cells(line, mark)) for line in lines] for mark in marks}
    delimiter = max(counts, key=lambda mark: counts[mark].count(len(names)))
    if len(names) not in counts[delimiter]:
        usual = max(counts, key=lambda mark: counts[mark][0])
        shown = lines[0] if lines[0].isprintable() else ascii(lines[0])
        raise InputError(
            f"{source}: --columns names {len(names)} columns, and the first line has {counts[usual][0]}: "
            f"{shown[:120]}"
        )
    first = cells(lines[0], delimiter)
    pairs = [(a.lower(), b.lower()) for a, b in zip(names, first, strict=False) if a != IGNORED]
    told = len(first) == len(names) and all(a == b for a, b in pairs)
    return delimiter, at[0] + 1 if told else 0
