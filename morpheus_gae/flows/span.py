"""Span: from when to when flows are, whatever single clocks say, and when those without a time were."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

YEAR_MS = 366 * 86_400_000


def span(times: npt.NDArray[Any]) -> tuple[int, int]:
    """First and last time, without those that are more than a year away from the median.

    One clock that was never set, in 1970, would otherwise stretch a stream over decades: its flows a day
    would be next to none, and nothing in it would ever be quiet.

    Parameters
    ----------
    times
        [E >= 1] milliseconds since the epoch.
    """
    first, last = int(times.min()), int(times.max())
    if last - first <= YEAR_MS:
        return first, last
    # one of the times, and not the middle between two
    middle = np.partition(times, len(times) // 2)[len(times) // 2]
    near = times[np.abs(times - middle) <= YEAR_MS]
    return int(near.min()), int(near.max())


def neighbours(times: npt.NDArray[np.int64], none: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Times with those that are missing filled in: what tells none came when the one before it did.

    Parameters
    ----------
    times
        int64 [E] milliseconds since the epoch, in the order of arrival.
    none
        bool [E] which are missing, not all; the first ones come when the first that tells a time did.
    """
    last = np.maximum.accumulate(np.where(none, -1, np.arange(len(none))))
    return times[np.where(last < 0, int(np.argmin(none)), last)]
