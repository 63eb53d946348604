"""Windows: consecutive flows, cut by number and by time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from morpheus_gae.flows.frame import Flows, concat

LONGEST_MS = float(1 << 53)
"""Length beyond which one window is as endless as another."""


def milliseconds(seconds: float) -> int:
    """Length of a window in whole milliseconds, at least 1."""
    return max(1, round(min(seconds * 1000, LONGEST_MS)))


class Windower:
    """Regroups batches of any size into windows.

    Parameters
    ----------
    graph_size
        Flows of a full window.
    window_seconds
        A window also ends before the first flow that starts so many seconds (of the flows' own time)
        after the window's first (in whole milliseconds, at least 1). Ignored for flows without a start time.
    least
        Flows before which time ends no window: out of their order flows would be cut to crumbs.
    whole_messages
        A window ends only where a message ends (see ``Flows.offsets``), so that reading again from any
        position that was reached cuts the same windows. Full ones then hold ``graph_size`` flows or more.

    Raises
    ------
    ValueError
        If ``graph_size`` is below 1 or ``window_seconds`` is not above 0.
    """

    def __init__(
        self,
        graph_size: int = 200_000,
        window_seconds: float | None = None,
        *,
        least: int = 1,
        whole_messages: bool = False,
    ) -> None:
        if graph_size < 1:
            raise ValueError(f"graph_size must be at least 1, got {graph_size}")
        # "not >" refuses NaN too
        if window_seconds is not None and not window_seconds > 0:
            raise ValueError(f"window_seconds must be more than 0, got {window_seconds}")
        self.graph_size, self.least = graph_size, least
        self.whole_messages = whole_messages
        self.limit: int | None = None
        if window_seconds is not None and math.isfinite(window_seconds):
            # at 0 ms a window would end before its own first flow, for ever
            self.limit = milliseconds(window_seconds)
        self.parts: list[Flows] = []
        self.held = 0
        self.start: int | None = None

    @property
    def pending(self) -> bool:
        """Whether ``flush`` would give a window: flows, or a position that bad records alone moved."""
        return bool(self.parts)

    def push(self, flows: Flows) -> list[Flows]:
        """Add a batch; the windows it completes, in order."""
        out: list[Flows] = []
        at, e = 0, len(flows)
        if not e and flows.done:
            # nothing but bad records: they are done with when the flows before them are
            self.parts.append(flows)
        while at < e:
            stop = min(e, at + max(self.graph_size - self.held, 1))
            if self.limit is not None and flows.time_ms is not None:
                if self.start is None:
                    self.start = int(flows.time_ms[at])
                late = np.flatnonzero(flows.time_ms[at:stop] >= self.start + self.limit)
                late = late[late + self.held >= self.least]
                if late.size:
                    stop = at + int(late[0])
            if self.whole_messages and flows.offsets is not None and stop > at:
                # the last message of the window with all its flows
                stop = int(np.searchsorted(flows.offsets, flows.offsets[stop - 1], "right"))
            if stop > at:
                self.parts.append(flows.slice(at, stop))
                self.held += stop - at
            # either the window is full or the next flow is too late for it
            if self.held >= self.graph_size or stop < e:
                out += self.flush()
            at = stop
        return out

    def flush(self) -> list[Flows]:
        """End the open window, however short; no window if it holds nothing, not even a position."""
        if not self.parts:
            return []
        window = concat(self.parts)
        self.parts, self.held, self.start = [], 0, None
        return [window]


def windows(
    batches: Iterable[Flows], graph_size: int = 200_000, window_seconds: float | None = None, least: int = 1
) -> Iterator[Flows]:
    """Windows of a stream of batches; the last may be short. Memory: one window and one batch."""
    windower = Windower(graph_size, window_seconds, least=least)
    for batch in batches:
        yield from windower.push(batch)
    yield from windower.flush()
