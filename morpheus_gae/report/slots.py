"""Slots: counts over time in bounded memory, for any time range and order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

LADDER = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Seconds of a slot, each a multiple of the one before; beyond, each is twice the one before."""
FAR = 1 << 53
"""Milliseconds before and after the epoch that are told apart."""


class Slots:
    """Counts by slot of time and by bin.

    Parameters
    ----------
    bins
        B, bins of a slot.
    most
        Slots at most; where the times need more, slots become longer.

    Attributes
    ----------
    counts
        int64 [S, B].
    step
        Milliseconds of a slot.
    """

    def __init__(self, bins: int, most: int) -> None:
        self.bins, self.most = bins, most
        self.counts: I64 = np.zeros((0, bins), np.int64)
        self.step = 1_000 * LADDER[0]
        self._first = 0

    @property
    def start(self) -> int:
        """Where the first slot begins, in milliseconds; a multiple of ``step``."""
        return self._first * self.step

    @property
    def starts(self) -> I64:
        """int64 [S]: where each slot begins, in milliseconds."""
        return (self._first + np.arange(self.counts.shape[0])) * self.step

    def add(self, times: I64, bins: I64) -> None:
        """Count E events: int64 [E] milliseconds, and int64 [E] bins."""
        if not times.size:
            return
        times = np.clip(times, -FAR, FAR)
        low, high = int(times.min()), int(times.max())
        if self.counts.shape[0]:
            low, high = min(low, self.start), max(high, int(self.starts[-1]))
        step = self.step
        while high // step - low // step >= self.most:
            step = _longer(step)
        self._stretch(step, low // step, high // step)
        at = (times // step - self._first) * self.bins + bins
        self.counts += np.bincount(at, minlength=self.counts.size).reshape(self.counts.shape)

    def _stretch(self, step: int, first: int, last: int) -> None:
        """Make the slots those from ``first`` to ``last`` of this step, with the counts there were."""
        counts = np.zeros((last - first + 1, self.bins), np.int64)
        np.add.at(counts, self.starts // step - first, self.counts)
        self.counts, self.step, self._first = counts, step, first


def _longer(step: int) -> int:
    seconds = step // 1_000
    return 1_000 * next((s for s in LADDER if s > seconds), 2 * seconds)
