"""By partition: separate pairing and windows per partition, so that each can be re-read independently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from morpheus_gae.engine.run.operators import BuildGraph
from morpheus_gae.engine.run.pair_flows import PairFlows
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.flows.frame import Flows

Key = tuple[str, int]

WINDOWS_HELD = 4
"""Maximum flows held by all partitions, in windows; beyond it the fullest partition's window ends early."""


class Origin(NamedTuple):
    """Origin of the flows of a window.

    Attributes
    ----------
    source, partition
        See ``Position``.
    early
        Whether a timeout or the memory limit ended the window, so that re-reading would end it elsewhere.
    """

    source: str
    partition: int
    early: bool


class Assignments(Protocol):
    """Protocol: the partitions assigned to this process."""

    def alive(self, source: str, partition: int) -> bool:
        """Whether an assignment is still valid."""
        ...

    def cut_of(self, source: str, partition: int) -> int | None:
        """Return the offset at which the first window must end, if any."""
        ...


class _Part:
    """Pairing and windows of one partition."""

    def __init__(self, pair: PairFlows, build: BuildGraph, held: Callable[[], int], cut: int | None) -> None:
        self.pair, self.build, self.held = pair, build, held
        self.cut = cut

    def deadline(self) -> float | None:
        return min((d for d in (self.pair.deadline(), self.build.deadline()) if d is not None), default=None)


class ByPartition(Operator):
    """build-graph for a source with partitions.

    Parameters
    ----------
    make
        Creates pairing, windows, and a function for the number of held flows, for one partition.
    assignments
        Assigned partitions; flows of others are dropped.
    graph_size
        Flows per window; bounds the flows held by all partitions, see ``WINDOWS_HELD``.
    """

    name = "build-graph"

    def __init__(
        self,
        make: Callable[[], tuple[PairFlows, BuildGraph, Callable[[], int]]],
        assignments: Assignments,
        graph_size: int,
    ) -> None:
        self._make, self._assignments = make, assignments
        self._most = WINDOWS_HELD * graph_size
        self._parts: dict[Key, _Part] = {}

    def process(self, item: Flows) -> Iterator[Window]:
        """Add flows of one partition; yield the completed windows."""
        self._forget()
        (position,) = item.done
        key = (position.source, position.partition)
        if not self._assignments.alive(*key):
            return
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = _Part(*self._make(), self._assignments.cut_of(*key))
        for flows, cut in _cut(item, part):
            yield from self._told(key, self._through(part, part.pair.process(flows)), early=False)
            if cut:
                # the window ends where it ended before: its end is known
                yield from self._told(key, self._end(part), early=False)
        while sum(p.held() for p in self._parts.values()) > self._most:
            key, part = max(self._parts.items(), key=lambda found: found[1].held())
            yield from self._told(key, part.build.finish(), early=True)

    def deadline(self) -> float | None:
        """Return the deadline of the first partition."""
        return min((d for p in self._parts.values() if (d := p.deadline()) is not None), default=None)

    def expire(self) -> Iterator[Window]:
        """Yield windows of the partition that has waited longest."""
        self._forget()
        due = [(d, key) for key, p in self._parts.items() if (d := p.deadline()) is not None]
        if not due:
            return
        when, key = min(due)
        part = self._parts[key]
        if part.pair.deadline() == when:
            yield from self._told(key, self._through(part, part.pair.expire()), early=True)
        else:
            yield from self._told(key, part.build.expire(), early=True)

    def finish(self) -> Iterator[Window]:
        """Yield the last, shorter windows."""
        for key, part in self._parts.items():
            if self._assignments.alive(*key):
                yield from self._told(key, self._end(part), early=True)

    def _end(self, part: _Part) -> Iterator[Window]:
        yield from self._through(part, part.pair.finish())
        yield from part.build.finish()

    def _through(self, part: _Part, flows: Iterable[Flows]) -> Iterator[Window]:
        for some in flows:
            yield from part.build.process(some)

    def _told(self, key: Key, windows: Iterable[Window], early: bool) -> Iterator[Window]:
        for window in windows:
            yield replace(window, origin=Origin(*key, early))

    def _forget(self) -> None:
        """Drop data of partitions that were revoked."""
        for key in [key for key in self._parts if not self._assignments.alive(*key)]:
            del self._parts[key]


def _cut(flows: Flows, part: _Part) -> Sequence[tuple[Flows, bool]]:
    """Split the flows where the first window must end; with each piece, whether a window ends after it."""
    end = part.cut
    if end is None or flows.done[0].offset < end:
        return [(flows, False)]
    part.cut = None
    offsets = flows.offsets
    at = len(flows) if offsets is None else int(np.searchsorted(offsets, end, "left"))
    before = replace(flows.slice(0, at), done=(flows.done[0]._replace(offset=end),))
    after = replace(flows.slice(at, len(flows)), done=flows.done)
    return [(before, True), (after, False)] if flows.done[0].offset > end else [(before, True)]
