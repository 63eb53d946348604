"""Load curves: how busy each hour of the week is, and time as its inverse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SLOT_MS = 900_000
"""Resolution of the load, 15 minutes."""
DAY_MS = 86_400_000
_SLOTS_WEEK = 7 * DAY_MS // SLOT_MS
MONDAY_MS = 4 * DAY_MS  # 1970-01-05 was a Monday


def week_curves() -> F64:
    """Relative load by curve and quarter of an hour of the week, float64 [4, 672], of mean 1."""
    hour = (np.arange(_SLOTS_WEEK) * SLOT_MS / 3_600_000.0) % 24
    weekday = np.arange(_SLOTS_WEEK) * SLOT_MS // DAY_MS < 5

    def bump(centre: float, width: float) -> F64:
        away = np.minimum(np.abs(hour - centre), 24 - np.abs(hour - centre))
        return np.asarray(np.exp(-0.5 * (away / width) ** 2))

    desk = bump(10.2, 1.5) + 0.9 * bump(14.7, 1.9)
    curves = np.stack(
        [
            np.ones(_SLOTS_WEEK) + 0.15 * bump(13.0, 5.0),
            np.where(weekday, 0.05 + desk, 0.05 + 0.06 * desk),
            0.01 + bump(2.5, 1.0),
            0.10 + bump(20.5, 2.2) + np.where(weekday, 0.3, 0.7) * bump(15.0, 3.5),
        ]
    )
    return np.asarray(curves / curves.mean(axis=1, keepdims=True))


class Load:
    """Expected flows over time from ``start_ms`` on, for a mix of load curves.

    Parameters
    ----------
    rates
        float64 [4]: mean sampled flows a day under each curve.
    periodic
        Periodic flows a day.
    start_ms
        Start, milliseconds since the epoch (UTC).
    holidays
        Says of days, int64 [N] counted from 1970, which have a Sunday's load; None: no day has.
    """

    def __init__(
        self,
        rates: F64,
        periodic: float,
        start_ms: int,
        holidays: Callable[[I64], npt.NDArray[np.bool_]] | None = None,
    ) -> None:
        self.start_ms = start_ms
        self._holidays = holidays
        self.periodic = periodic
        self.by_curve = week_curves() * rates[:, None] * (SLOT_MS / DAY_MS)  # flows a slot
        self.mix = np.cumsum(self.by_curve, axis=0).T / np.maximum(self.by_curve.sum(axis=0), 1e-300)[:, None]

    def days_for(self, flows: int) -> float:
        """Days until that many flows are expected."""
        per_week = self.by_curve.sum() + self.periodic * 7
        weeks = int(flows // per_week) + 2
        edges, total = self._cumulative(weeks * 7.0)
        total = total + self.periodic * edges / DAY_MS
        return float(np.interp(flows, total, edges)) / DAY_MS

    def _cumulative(self, days: float) -> tuple[F64, F64]:
        """Edges of the slots (ms since start) and expected sampled flows up to each."""
        offset = (self.start_ms - MONDAY_MS) % SLOT_MS
        length = days * DAY_MS
        inner = np.arange(SLOT_MS - offset, length, SLOT_MS, dtype=np.float64)
        edges = np.concatenate([[0.0], inner, [length]])
        rate = self.by_curve.sum(axis=0)[self.slot(self.start_ms + edges[:-1].astype(np.int64))] / SLOT_MS
        return edges, np.concatenate([[0.0], np.cumsum(rate * np.diff(edges))])

    def flows_by_curve(self, days: float) -> F64:
        """Expected sampled flows under each load curve, float64 [4]."""
        edges, _ = self._cumulative(days)
        slots = self.slot(self.start_ms + edges[:-1].astype(np.int64))
        return np.asarray((self.by_curve[:, slots] * (np.diff(edges) / SLOT_MS)).sum(axis=1))

    def flows(self, days: float) -> float:
        """Expected flows of any kind."""
        return float(self._cumulative(days)[1][-1]) + self.periodic * days

    def slot(self, time_ms: I64) -> I64:
        """Quarter of an hour of the week, int64."""
        slot = np.asarray((time_ms - MONDAY_MS) // SLOT_MS % _SLOTS_WEEK)
        if self._holidays is None:
            return slot
        by_day = DAY_MS // SLOT_MS
        return np.where(self._holidays(time_ms // DAY_MS), slot % by_day + 6 * by_day, slot)

    def inverse(self, days: float) -> tuple[F64, F64]:
        """Grid of (share of the expected sampled flows, ms since start) for ``numpy.interp``."""
        edges, total = self._cumulative(days)
        return total / total[-1], edges
