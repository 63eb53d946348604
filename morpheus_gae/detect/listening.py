"""Listening: the warm-up period of a memory that starts empty, before alerts begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FLOWS = 100_000
HOURS, DAY = 3, 24
"""Minimum duration in hours: pairs can only recur after a while, however many flows there are."""
MOST_HOURS = 7 * DAY
SUPPORT = 40.0
"""Required flows for each expected alert: a quarter of them is used for the threshold."""
SLICES = 8
LEVEL = 0.5
"""The share of unknown pairs has levelled off when it is at least this fraction of the previous one."""


class Listening:
    """Decides by the number of flows, the time, and the share of flows of known pairs.

    Listening ends once there were 100,000 flows (or a day, with enough of them for the alert rate) over three
    hours, and the share of flows of unknown pairs, of the latest eighth, is no less than half of what it was
    in the eighth before; at the latest after four times the flows or a week.

    Parameters
    ----------
    rate
        Share of flows to flag.

    Attributes
    ----------
    over
        Whether the warm-up is over.
    """

    def __init__(self, rate: float) -> None:
        self.least = int(SUPPORT / rate)
        self.wanted = max(FLOWS, self.least)
        self.over = False
        self.flows = 0
        self._start: int | None = None
        self._hours = 0
        self._slices: list[list[int]] = [[0, 0]]

    @property
    def known(self) -> float:
        """Return the share of the latest flows whose pair is in memory."""
        flows, known = (sum(s[i] for s in self._slices[-2:]) for i in (0, 1))
        return known / flows if flows else 0.0

    @property
    def missing(self) -> int:
        """Return the minimum number of flows still required."""
        return max((self.least if self._hours >= DAY else self.wanted) - self.flows, 0)

    def hear(self, flows: int, known: int, block: int) -> bool:
        """Add a window; return whether it ends the warm-up.

        Parameters
        ----------
        flows, known
            Flows of the window; those whose pair was in the scoring memory.
        block
            Latest block of time, in hours.
        """
        if self.over:
            return False
        if self._start is None:
            self._start = block
        self.flows += flows
        self._hours = block - self._start
        last = self._slices[-1]
        last[0] += flows
        last[1] += known
        if last[0] >= self.wanted // SLICES:
            self._slices = [*self._slices[-2:], [0, 0]]
        self.over = self._enough()
        return self.over

    def _enough(self) -> bool:
        if self.flows < self.least or self._hours < HOURS:
            return False
        if self.flows < self.wanted and self._hours < DAY:
            return False
        if self.flows >= 4 * self.wanted or self._hours >= MOST_HOURS:
            return True
        whole = [s for s in self._slices if s[0] >= self.wanted // SLICES]
        if len(whole) < 2:
            return False
        before, now = (1.0 - known / flows for flows, known in whole[-2:])
        return now < 1.0 and now >= LEVEL * before

    def facts(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "over": self.over, "flows": self.flows, "start": self._start, "hours": self._hours,
            "slices": [list(s) for s in self._slices],
        }  # fmt: skip

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Restore from `facts`."""
        self.over, self.flows = facts["over"], facts["flows"]
        self._start, self._hours = facts["start"], facts["hours"]
        self._slices = [list(s) for s in facts["slices"]]
