"""Reached: hosts that incidents reached, and which incident reached each, in bounded room.

They lie in segments of bounded size, so that a window changes few of them: these alone are to be kept anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from morpheus_gae.incidents.anchors import Anchor

Host = tuple[str, int, int]
"""Address, and the protocol and port that it was reached on."""

MOST_REACHED = 1 << 15
"""Hosts, the latest, of which is known what they were reached on."""
SEGMENT = 512
"""Hosts of a segment at most."""


class Reached:
    """Hosts that were reached; the latest come last, and stay longest.

    Attributes
    ----------
    segments
        Hosts and the anchors of incidents, by ascending numbers; none is empty.
    changed
        Numbers of segments that are not what they were when it was last cleared.
    """

    def __init__(self) -> None:
        self.segments: dict[int, dict[Host, Anchor]] = {}
        self.changed: set[int] = set()
        self._where: dict[Host, int] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._where)

    def get(self, host: Host) -> Anchor | None:
        """The incident that reached a host last."""
        number = self._where.get(host)
        return None if number is None else self.segments[number][host]

    def put(self, host: Host, anchor: Anchor) -> None:
        """Note that an incident has reached a host."""
        self._drop(host)
        if len(self.segments.get(self._last, ())) >= SEGMENT:
            self._last += 1
        self.segments.setdefault(self._last, {})[host] = anchor
        self._where[host] = self._last
        self.changed.add(self._last)

    def trim(self) -> None:
        """Forget the earliest, where there are too many."""
        while len(self._where) > MOST_REACHED:
            self._drop(next(iter(next(iter(self.segments.values())))))

    def forget(self, anchors: Set[Anchor]) -> None:
        """Forget what these incidents have reached."""
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
