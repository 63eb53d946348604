"""Stretches: how long a stream is, whatever the clocks of whole windows say."""

from __future__ import annotations

from collections.abc import Iterable

from morpheus_gae.flows.span import YEAR_MS

MOST = 16
"""Stretches that are kept; beyond, the one with the fewest flows goes."""
Stretch = tuple[int, int, int]
"""Flows, and the times of the first and the last, in milliseconds since the epoch."""


class Stretches:
    """The times of a stream's windows, in stretches that are more than a year apart.

    Within a window ``span`` drops single clocks that are wrong. A window of nothing but such, of 1970 or
    2099, is a stretch of its own: from when to when the stream is tells that with most flows.

    Attributes
    ----------
    found
        Stretches, the one that was added to last at the end.
    """

    def __init__(self, found: Iterable[Stretch] = ()) -> None:
        self.found = list(found)

    def add(self, flows: int, first: int, last: int) -> None:
        """Add a window's flows, which are from ``first`` to ``last``."""
        near, far = [(flows, first, last)], list[Stretch]()
        for one in self.found:
            (near if max(one[1] - last, first - one[2]) <= YEAR_MS else far).append(one)
        if len(far) >= MOST:
            far.remove(min(far))
        counts, starts, ends = zip(*near, strict=True)
        self.found = [*far, (sum(counts), min(starts), max(ends))]

    @property
    def first(self) -> int | None:
        """Time of the first flow of the stretch with most flows; None without any."""
        return self._main[1] if self.found else None

    @property
    def last(self) -> int | None:
        """Time of its last flow."""
        return self._main[2] if self.found else None

    @property
    def _main(self) -> Stretch:
        # of equal ones the later, as ``span`` does
        return max(self.found, key=lambda one: (one[0], one[1]))
