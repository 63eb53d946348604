"""Facts: what is strange about flagged flows, in figures, as short sentences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.habits import WITHIN, Habit

F64 = npt.NDArray[np.float64]

UNITS = ("B up", "B back", "ms")


def ranges(
    told: list[list[str]], values: F64, found: Habit, missing: npt.NDArray[np.bool_], whose: str
) -> None:
    """Add a sentence for each attribute that is far from what its pair, or source, has shown.

    Parameters
    ----------
    told
        [F] lists, added to.
    values
        float64 [F, 3] as counted.
    found
        How these compare.
    missing
        bool [F]: the duration is none.
    whose
        ``this pair`` or ``the source``.
    """
    outside = found.level >= 0
    outside[:, 2] &= ~missing
    at = np.nonzero(outside)
    few = (found.level[at], found.flows[at[0]], found.low[at], found.high[at], values[at])
    for row, column, level, flows, lower, upper, value in zip(
        *(a.tolist() for a in (*at, *few)), strict=True
    ):
        share, unit = WITHIN[level][1], UNITS[column]
        n = round(flows)
        least, most = _rounded(lower, math.floor), _rounded(upper, math.ceil)
        if least <= value <= most:
            # no longer outside, once the ends are rounded
            continue
        low, high = f"{least:,.0f}", f"{most:,.0f}"
        between = low if low == high else f"{low}-{high}"
        many = "the only flow" if n == 1 else f"at least {share} % of {n:,} flows"
        told[row].append(f"{figure(value)} {unit}, where {many} of {whose} in memory had {between}")


def figure(value: float) -> str:
    """A count as text, whole or with up to three decimals."""
    whole = round(value)
    return f"{whole:,}" if abs(value - whole) < 5e-4 else f"{value:,.3f}"


def _rounded(value: float, to: Callable[[float], int]) -> float:
    """An end of a range in at most four figures, outwards."""
    step = 10.0 ** max(math.floor(math.log10(max(value, 1.0))) - 3, 0)
    return to(value / step) * step


def counted(number: float, word: str) -> str:
    """``1 flow``, ``2 flows``."""
    n = round(number)
    return f"{n:,} {word}{'' if n == 1 else 's'}"
