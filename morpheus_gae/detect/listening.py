"""Listening: when a memory that began empty has seen enough for its alerts to be worth reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FLOWS = 100_000
HOURS, DAY = 3, 24
"""A pair can only come back after a while: hours are waited for however many flows there are."""
MOST_HOURS = 7 * DAY
SUPPORT = 40.0
"""Flows for each one that the alert rate lets expect: a quarter of them counts for the threshold."""
SLICES = 8
LEVEL = 0.5
"""Flows of unknown pairs have levelled off when they are no less than this share of before."""


class Listening:
    """Decides from the number of flows, the time, and how many flows are of pairs that memory knows.

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
        Whether alerts have begun.
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
        """Share of the latest flows whose pair memory knows."""
        flows, known = (sum(s[i] for s in self._slices[-2:]) for i in (0, 1))
        return known / flows if flows else 0.0

    @property
    def missing(self) -> int:
        """Flows that are still to be seen, at least."""
        return max((self.least if self._hours >= DAY else self.wanted) - self.flows, 0)

    def hear(self, flows: int, known: int, block: int) -> bool:
        """Note a window; whether it was the last one of the listening.

        Parameters
        ----------
        flows, known
            Of the window; those whose pair the memory knew that scored it.
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
        """Plain values for JSON."""
        return {
            "over": self.over, "flows": self.flows, "start": self._start, "hours": self._hours,
            "slices": [list(s) for s in self._slices],
        }  # fmt: skip

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Go on from `facts`."""
        self.over, self.flows = facts["over"], facts["flows"]
        self._start, self._hours = facts["start"], facts["hours"]
        self._slices = [list(s) for s in facts["slices"]]
