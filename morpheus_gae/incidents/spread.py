"""Spread: what is done alike goes on one incident: by hosts inside on one service, by one source on several.

The flow by which a worm came to a host is often not flagged, or not seen at all; what is seen is that hosts
go to many others, on one service and with flows of a size, within the hour. Who looks for one service on many
hosts looks for others too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from morpheus_gae.incidents.anchors import ANY, MANY, REMOTE_PORTS, Anchor
from morpheus_gae.incidents.incident import SIZES, Incident
from morpheus_gae.incidents.inside import is_inside

APART = 2
"""Maximum difference, in powers of two, of the median bytes of two similar sources."""
USUAL = 0.05
"""Share of an incident's flows from which on a size, give or take a power of two, is usual in it."""
PROBE = 10
"""Power of two of bytes, both ways, up to which a flow carries no more than an answer to a probe."""


class Spreading:
    """Open incidents that others may go on: those of a source with many targets of one service."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int] | str, dict[Anchor, Incident]] = {}

    def add(self, found: Incident) -> None:
        """Add an opened incident."""
        anchor = found.anchor
        if anchor.side == "source" and anchor.port != ANY:
            self._of.setdefault(anchor.source, {})[anchor] = found
            if is_inside(anchor.source):
                self._of.setdefault((anchor.protocol, anchor.port), {})[anchor] = found

    def drop(self, anchor: Anchor) -> None:
        """The incident of an anchor is closed."""
        for key in (anchor.source, (anchor.protocol, anchor.port)):
            among = self._of.get(key, {})
            among.pop(anchor, None)
            if not among:
                self._of.pop(key, None)

    def home(
        self,
        anchor: Anchor,
        sources: Sequence[str],
        used: tuple[int, int],
        power: int,
        near: Callable[[Anchor], bool],
    ) -> Anchor | None:
        """Find the incident that a group of flows continues.

        Parameters
        ----------
        anchor
            Anchor of the group.
        sources
            Sources of its flows.
        used
            Protocol and port with most of its flows.
        power
            Index of its median flow in ``Incident.sizes``.
        near
            Whether an incident is near in time.

        Returns
        -------
        Anchor or None
            Of the incident with most sources. A source that looks for one service goes on what it did when it
            looked for another. A source with many targets goes on that of another, if their middle flows are
            alike, and small unless the service is for remote access; few flows go on what many sources do
            already, if to a service for remote access and of a size that is usual there.
        """
        wide = anchor.side == "source"
        looks = power <= PROBE
        own = self._of.get(sources[0], {}) if looks and len(sources) == 1 else {}
        # to other services go many hosts that have nothing to do with each other, unless they only look
        fits = used[1] in REMOTE_PORTS or (wide and looks)
        among = self._of.get((anchor.protocol, anchor.port), {}) if fits else {}
        if among and not all(map(is_inside, sources)):
            among = {}
        name = "{}/{}".format(*used)
        found = [
            one
            for one in own.values()
            if one.size < 1 << PROBE and _is_usual(one, power) and near(one.anchor)
        ] or [
            one
            for one in among.values()
            if (wide or len(one.sources) >= MANY)
            and (_near_middle(one, power) if wide else _is_usual(one, power))
            and one.services.most(1)[0] == name
            and near(one.anchor)
        ]
        best = min(found, key=lambda one: (-len(one.sources), one.anchor), default=None)
        return None if best is None else best.anchor


def _near_middle(found: Incident, power: int) -> bool:
    return abs(found.size.bit_length() - power) <= APART


def _is_usual(found: Incident, power: int) -> bool:
    return sum(found.sizes[max(power - 1, 0) : min(power + 2, SIZES)]) >= USUAL * found.flows
