"""Severity: how many incidents a day benign traffic would show that are as strange.

Surprise is calibrated: a share of exp(-s) of benign flows has s or more, so N flows a day show about N
exp(-s) of them. An incident of one flow is one of these; of several, its pooled surprise stands for s
(``Incident.pooled``). The estimate is as good as the model's calibration on this traffic.
"""

from __future__ import annotations

import math

LEVELS = (("critical", 0.01), ("high", 0.1), ("medium", 1.0))
"""Name and the most false incidents a day; ``low`` is the rest."""
DAY_MS = 86_400_000
LEAST_MS = 3_600_000
"""A stream that was seen for less has its flows a day told as if it had lasted so long."""


def flows_a_day(flows: int, first: int | None, last: int | None) -> float:
    """Flows a day of a stream: what was seen so far, stretched to a day; all of it without times."""
    if first is None or last is None:
        return float(flows)
    return flows * DAY_MS / max(last - first, LEAST_MS)


def false_a_day(pooled: float, daily: float) -> float:
    """Benign incidents a day that are as strange.

    Parameters
    ----------
    pooled
        ``Incident.pooled``, in nats.
    daily
        Flows a day.
    """
    return daily * math.exp(-pooled)


def severity(expected: float) -> str:
    """``critical``, ``high``, ``medium`` or ``low``, from the false incidents a day."""
    return next((name for name, most in LEVELS if expected <= most), "low")
