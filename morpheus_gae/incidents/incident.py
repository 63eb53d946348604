"""Incident: running summary of flagged flows that belong together, in bounded memory."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

from morpheus_gae.incidents import kept
from morpheus_gae.incidents.anchors import Anchor
from morpheus_gae.incidents.tally import Tally

MEMBERS = 20
"""Maximum number of alerts listed in an incident: those with the most surprise."""
TIMES = 256
"""Number of latest start times kept, to detect a period."""
SIZES = 48
"""Number of powers of two in the histogram of bytes."""
_NAMES = {"sources": kept.address, "targets": kept.address, "services": kept.service}


@dataclass
class Incident:
    """One incident.

    Attributes
    ----------
    id
        16 hex digits derived from its anchor and first flow.
    anchor
        What its flows have in common.
    first, last
        Milliseconds since the epoch of the first flow's start and the last one's end; None without times.
    flows
        How many.
    up, down
        Bytes from sources to targets, and from targets to sources.
    top
        Largest surprise of a flow, in nats.
    excess
        Total nats above the threshold over all flows.
    parts
        Total nats of pair, flow and other flows over all flows.
    sources, targets, services
        Addresses, and services as ``protocol/port``, with their flows.
    sizes
        Histogram of flows by the logarithm of their total bytes.
    times
        The latest start times, sorted.
    members
        (surprise, id) of the most anomalous flows, descending.
    windows
        Number of windows with flows of it.
    policy
        Name of the policy rule that it currently violates; not saved by ``as_dict``.
    kind
        Of how many flows ``kinds.kind_of`` last told its kind, and that; not saved either.
    """

    id: str
    anchor: Anchor
    first: int | None = None
    last: int | None = None
    flows: int = 0
    up: float = 0.0
    down: float = 0.0
    top: float = 0.0
    excess: float = 0.0
    parts: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sources: Tally = field(default_factory=Tally)
    targets: Tally = field(default_factory=Tally)
    services: Tally = field(default_factory=Tally)
    sizes: list[int] = field(default_factory=lambda: [0] * SIZES)
    times: list[int] = field(default_factory=list)
    members: list[tuple[float, str]] = field(default_factory=list)
    windows: int = 0
    policy: str = ""
    kind: tuple[int, Any] | None = field(default=None, compare=False)

    @property
    def pooled(self) -> float:
        """Return the pooled surprise in nats: the largest one plus half the logarithm of the total excess.

        Half, because anomalous benign flows cluster as well: n of them are worth about the square root of n
        independent ones.
        """
        return self.top + 0.5 * math.log1p(self.excess)

    @property
    def size(self) -> int:
        """Return the median bytes of a flow, rounded down to a power of two."""
        half, seen = self.flows / 2, 0
        for power, count in enumerate(self.sizes):
            seen += count
            if seen >= half:
                return 0 if power == 0 else 1 << (power - 1)
        return 0

    @property
    def seconds(self) -> float:
        """Return the duration from the first start to the last end; 0 without times."""
        return 0.0 if self.first is None or self.last is None else (self.last - self.first) / 1000.0

    def remember(self, times: list[int], members: list[tuple[float, str]]) -> None:
        """Merge start times and flows, keeping the latest and the most anomalous."""
        self.times = sorted([*self.times, *times])[-TIMES:]
        ranked = sorted({*self.members, *members}, key=lambda m: (-m[0], m[1]))
        self.members = ranked[:MEMBERS]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = {name: value for name, value in vars(self).items() if name not in ("policy", "kind")}
        for name in ("sources", "targets", "services"):
            plain[name] = plain[name].as_dict()
        return {**plain, "anchor": list(self.anchor)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Incident:
        """Rebuild one; KeyError, TypeError or ValueError if invalid."""
        plain: dict[str, Any] = {name: kept.moment(values[name], name) for name in ("first", "last")}
        for name in ("up", "down", "top", "excess"):
            plain[name] = kept.amount(values[name], name)
        for name, check in _NAMES.items():
            plain[name] = Tally.from_dict(values[name], name, check)
        members = [
            kept.listed(pair, "a member", exactly=2)
            for pair in kept.listed(values["members"], "members", MEMBERS)
        ]
        a, b, c = (kept.amount(part, "parts") for part in kept.listed(values["parts"], "parts", exactly=3))
        return cls(
            id=kept.identifier(values["id"], "id"),
            anchor=Anchor.of(values["anchor"]),
            flows=kept.whole(values["flows"], "flows", 1),
            windows=kept.whole(values["windows"], "windows"),
            parts=(a, b, c),
            sizes=[kept.whole(n, "sizes") for n in kept.listed(values["sizes"], "sizes", exactly=SIZES)],
            times=sorted(
                kept.whole(t, "times", -kept.LARGEST) for t in kept.listed(values["times"], "times", TIMES)
            ),
            members=[(kept.amount(s, "a member"), kept.identifier(i, "a member")) for s, i in members],
            **plain,
        )


def incident_id(anchor: Anchor, first: str, window: int | None = None) -> str:
    """Return 16 hex digits.

    Parameters
    ----------
    anchor
        Of the incident.
    first
        Id of the first flow.
    window
        For flows without times, which nothing else tells apart from their like: which window it opened in.
    """
    text = "\0".join([*map(str, anchor), first, *([] if window is None else [str(window)])])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
