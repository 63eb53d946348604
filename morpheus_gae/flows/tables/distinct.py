"""Distinct: names of columns, every one once."""

from __future__ import annotations

from collections.abc import Sequence


def distinct(names: Sequence[str]) -> list[str]:
    """Rename columns of the same name.

    Parameters
    ----------
    names
        In the order of the columns.

    Returns
    -------
    list of str
        The first of several keeps its name, later ones become ``name.1``, ``name.2``, ...; a number that a
        column has of its own is passed over.
    """
    taken, last = set(names), dict[str, int]()
    if len(taken) == len(names):
        return list(names)
    out: list[str] = []
    for name in names:
        number = last.get(name, -1) + 1
        new = f"{name}.{number}" if number else name
        while number and new in taken:
            number += 1
            new = f"{name}.{number}"
        last[name] = number
        taken.add(new)
        out.append(new)
    return out
