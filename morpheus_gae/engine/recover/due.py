"""Due: when to write again what a run goes on from, so that writing takes a small share of its time."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.02
"""Of the time, at most, that writing takes. With many open incidents a file is some megabytes."""


class Due:
    """Paces what is written again and again.

    Parameters
    ----------
    seconds
        Between two times, at least; 0 is always, whatever it takes.
    clock
        Reads seconds, as ``time.monotonic``.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._next: float | None = None

    def now(self) -> bool:
        """Whether it is time."""
        return self._next is None or self._clock() >= self._next

    def write(self, act: Callable[[], None]) -> None:
        """Write, and wait the longer the longer it took."""
        begun = self._clock()
        act()
        ended = self._clock()
        pause = (ended - begun) * (1.0 / SHARE - 1.0) if self._seconds else 0.0
        self._next = max(begun + self._seconds, ended + pause)
