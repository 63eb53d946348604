"""Facts: short sentences with figures on what is anomalous about flagged flows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.habits import WITHIN, Habit

F64 = npt.NDArray[np.float64]

UNITS = ("B up", "B back", "ms")
HELD = 1 << 12
"""Pieces of sentences that are kept: flows of one pair, or source, share them."""


def ranges(
    told: list[list[str]], values: F64, found: Habit, missing: npt.NDArray[np.bool_], whose: list[str]
) -> None:
    """Add a sentence for each attribute outside the range of its pair, or source.

    Parameters
    ----------
    told
        [F] lists, appended to.
    values
        float64 [F, 3] as counted.
    found
        Their comparison with memory.
    missing
        bool [F]: the duration is missing.
    whose
        [F] ``this pair`` or ``the source``.
    """
    outside = found.level >= 0
    outside[:, 2] &= ~missing
    at = np.nonzero(outside)
    value, low, high = values[at], _rounded(found.low[at], np.floor), _rounded(found.high[at], np.ceil)
    columns = (*at, value, found.level[at], found.flows[at[0]], low, high)
    # no longer outside, once the ends are rounded
    still = (value < low) | (value > high)
    for row, column, count, *habit in zip(*(part[still].tolist() for part in columns), strict=True):
        told[row].append(f"{figure(count)} {UNITS[column]}, where {_had(*habit, whose[row])}")


@lru_cache(HELD)
def _had(level: int, flows: float, low: float, high: float, whose: str) -> str:
    n, least = round(flows), f"{low:,.0f}"
    between = least if low == high else f"{least}-{high:,.0f}"
    # memory tells what counts: thousands of flows of one burst may be one, see `train.returned`
    if n == 1:
        return f"the only flow or burst of {whose} in memory had {between}"
    count = f" ({n:,} count in memory)" if n else ""
    return f"at least {WITHIN[level][1]} % of the flows of {whose} had {between}{count}"


@lru_cache(HELD)
def figure(value: float) -> str:
    """Format a count, as an integer or with up to three decimals."""
    whole = round(value)
    return f"{whole:,}" if abs(value - whole) < 5e-4 else f"{value:,.3f}"


def _rounded(values: F64, to: np.ufunc) -> F64:
    """Ends of ranges in at most four figures, outwards."""
    step = 10.0 ** np.maximum(np.floor(np.log10(np.maximum(values, 1.0))) - 3, 0)
    return np.asarray(to(values / step) * step, np.float64)


@lru_cache(HELD)
def counted(number: float, word: str) -> str:
    """Return a count with its noun: ``1 flow``, ``2 flows``."""
    n = round(number)
    return f"{n:,} {word}{'' if n == 1 else 's'}"


@lru_cache(HELD)
def met_fact(hosts: int, role: int, usual: float) -> str:
    """Tell how many hosts are new to a source (``role`` 0) or destination (1); usual of it, if at least 0."""
    who = f"the source with {hosts:,} hosts" if role == 0 else f"{hosts:,} hosts with the destination"
    often = "fewer than 1" if usual < 0.5 else f"about {round(usual):,}"
    beside = f", usually {often} in a window of this size" if usual >= 0 else ""
    return f"first contacts of {who} in this window's alerts{beside}"


@lru_cache(HELD)
def counting(number: float, which: str = "") -> str:
    """Return how many flows count in memory, where a burst counts once: ``2 flows to it count in memory``.

    Parameters
    ----------
    number
        Flows that count, above 0.
    which
        Which ones.
    """
    if number < 0.5:
        # what has faded
        return f"less than one flow{which} counts in memory"
    return f"{counted(number, 'flow')}{which} {'counts' if round(number) == 1 else 'count'} in memory"
