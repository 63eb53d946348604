"""Rhythm: the period of start times, of a clock or of one with much jitter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

BEATS = 6
STEADY = 0.25
"""Relative deviation from the period: limit for nine of ten gaps; half of it for every second one."""
MOST_MISSED = 4
"""Maximum gap in periods, with unflagged flows between."""
MANY_BEATS = 30
LOOSE = 0.3
"""Relative deviation from the middle gap that every second one of ``MANY_BEATS`` and more is within. So
are 0.05 % of 200,000 series of 30 gaps at random times, and 99.7 % of 20,000 with a jitter of 0.6 periods."""
FAST_MS, SLOW_MS = 1_000, 20_000
"""Least period of a clock, and of one with much jitter: faster, a program tries (``kinds.TRY_RATE``)."""


def period_ms(times: Sequence[int]) -> float | None:
    """Return the period of flows in milliseconds; None if they have none.

    Unflagged flows are allowed for: gaps near a multiple of the period count as well. Of many flows a middle
    gap that most are near to is enough, as of a program that waits at random.

    Parameters
    ----------
    times
        Start times in milliseconds, ascending.
    """
    gaps = sorted(b - a for a, b in pairwise(times) if b > a)
    if len(times) < BEATS or len(gaps) < BEATS - 1:
        return None
    return _clock(gaps) or _jitter(gaps)


def _clock(gaps: list[int]) -> float | None:
    beat = gaps[len(gaps) // 3]
    if beat < FAST_MS:
        return None
    beats = [min(max(round(gap / beat), 1), MOST_MISSED) for gap in gaps]
    off = sorted(abs(gap - beat * n) / beat for gap, n in zip(gaps, beats, strict=True))
    steady = off[len(off) // 2] <= STEADY / 2 and off[(9 * len(off)) // 10] <= STEADY
    if not steady or 2 * beats.count(1) < len(beats):
        return None
    # jitter cancels in the mean; a gap of the most that may be missed is of nobody knows how many
    sure = [(gap, n) for gap, n in zip(gaps, beats, strict=True) if n < MOST_MISSED]
    return sum(gap for gap, _ in sure) / sum(n for _, n in sure)


def _jitter(gaps: list[int]) -> float | None:
    middle = gaps[len(gaps) // 2]
    if len(gaps) < MANY_BEATS or middle < SLOW_MS:
        return None
    off = sorted(abs(gap - middle) for gap in gaps)
    if off[len(off) // 2] > LOOSE * middle:
        return None
    # those beyond have unflagged flows between
    near = [gap for gap in gaps if gap < 1.5 * middle]
    return sum(near) / len(near)
