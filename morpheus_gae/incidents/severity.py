"""Severity: from the expected number of equally anomalous benign incidents per day.

Surprise is calibrated: a share of exp(-s) of benign flows has s or more, so N flows per day contain about N
exp(-s) of them. For an incident of several flows, s is its pooled surprise (``Incident.pooled``). The
estimate is as good as the model's calibration on this traffic.
"""

from __future__ import annotations

import math

LEVELS = (("critical", 0.01), ("high", 0.1), ("medium", 1.0))
"""Name and maximum number of false incidents per day; ``low`` otherwise."""
DAY_MS = 86_400_000
LEAST_MS = 3_600_000
"""Minimum duration assumed when computing the flows per day of a stream."""


def flows_a_day(flows: int, first: int | None, last: int | None) -> float:
    """Return the flows per day of a stream, extrapolated from those so far; the total without times."""
    if first is None or last is None:
        return float(flows)
    return flows * DAY_MS / max(last - first, LEAST_MS)


def false_a_day(pooled: float, daily: float) -> float:
    """Return the expected number of equally anomalous benign incidents per day.

    Parameters
    ----------
    pooled
        ``Incident.pooled``, in nats.
    daily
        Flows per day.
    """
    return daily * math.exp(-pooled)


def severity(expected: float) -> str:
    """Return ``critical``, ``high``, ``medium`` or ``low``, from the false incidents per day."""
    return next((name for name, most in LEVELS if expected <= most), "low")
