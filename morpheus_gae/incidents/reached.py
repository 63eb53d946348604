"""Reached: hosts reached by incidents, with the incident, in bounded memory.

They are stored in segments of bounded size, so that a window changes few of them, and only these are saved
again.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from morpheus_gae.incidents.anchors import Anchor

Host = tuple[str, int, int]
"""Address, and the protocol and port that it was reached on."""

MOST_REACHED = 1 << 15
"""Maximum number of hosts, the latest."""
SEGMENT = 512
"""Maximum hosts per segment."""


class Reached:
    """Reached hosts, the latest last; the earliest are evicted first.

    Attributes
    ----------
    segments
        Hosts and the anchors of incidents, by ascending numbers; none is empty.
    changed
        Numbers of segments changed since it was last cleared.
    """

    def __init__(self) -> None:
        self.segments: dict[int, dict[Host, Anchor]] = {}
        self.changed: set[int] = set()
        self._where: dict[Host, int] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._where)

    def get(self, host: Host) -> Anchor | None:
        """Return the incident that reached a host last."""
        number = self._where.get(host)
        return None if number is None else self.segments[number][host]

    def put(self, host: Host, anchor: Anchor) -> None:
        """Record that an incident reached a host."""
        self._drop(host)
        if len(self.segments.get(self._last, ())) >= SEGMENT:
            self._last += 1
        self.segments.setdefault(self._last, {})[host] = anchor
        self._where[host] = self._last
        self.changed.add(self._last)

    def trim(self) -> None:
        """Evict the earliest, if there are too many."""
        while len(self._where) > MOST_REACHED:
            self._drop(next(iter(next(iter(self.segments.values())))))

    def forget(self, anchors: Set[Anchor]) -> None:
        """Remove the hosts reached by these incidents."""
        for host in [host for host, anchor in self if anchor in anchors]:
            self._drop(host)

    def __iter__(self) -> Iterator[tuple[Host, Anchor]]:
        for hosts in self.segments.values():
            yield from hosts.items()

    def _drop(self, host: Host) -> None:
        number = self._where.pop(host, None)
        if number is not None:
            self.changed.add(number)
            del self.segments[number][host]
            if not self.segments[number]:
                del self.segments[number]
