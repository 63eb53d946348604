"""Incident: flagged flows that belong together, as far as they were seen, in bounded room."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

from morpheus_gae.incidents import kept
from morpheus_gae.incidents.anchors import Anchor
from morpheus_gae.incidents.tally import Tally

MEMBERS = 20
"""Alerts that an incident names: those with the most surprise."""
TIMES = 256
"""Start times that are kept, the latest, to find a period in."""
SIZES = 48
"""Powers of two that bytes of a flow are counted by."""
_NAMES = {"sources": kept.address, "targets": kept.address, "services": kept.service}


@dataclass
class Incident:
    """One incident.

    Attributes
    ----------
    id
        16 hex digits that depend on its anchor and its first flow.
    anchor
        What its flows have in common.
    first, last
        Milliseconds since the epoch of the first flow's start and the last one's end; None without times.
    flows
        How many.
    up, down
        Bytes from sources to targets and back.
    top
        Surprise of the strangest flow, in nats.
    excess
        Nats beyond the threshold, of all flows together.
    parts
        Nats of the pair, the flow and other flows, of all flows together.
    sources, targets, services
        Addresses, and services as ``protocol/port``, with their flows.
    sizes
        Flows by the logarithm of their bytes, both ways together.
    times
        The latest start times, sorted.
    members
        (surprise, id) of the strangest flows, the strangest first.
    windows
        In how many windows it was seen.
    policy
        Name of the rule of a policy that it breaks, as it is now; not kept by ``as_dict``.
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

    @property
    def pooled(self) -> float:
        """Nats: the strangest flow, and half the logarithm of what all flows have beyond the threshold.

        Half: strange benign flows come together as well, so that n of them say about as much as their square
        root of independent ones.
        """
        return self.top + 0.5 * math.log1p(self.excess)

    @property
    def size(self) -> int:
        """Bytes of the flow in the middle, to a power of two: its lower end."""
        half, seen = self.flows / 2, 0
        for power, count in enumerate(self.sizes):
            seen += count
            if seen >= half:
                return 0 if power == 0 else 1 << (power - 1)
        return 0

    @property
    def seconds(self) -> float:
        """From the first flow's start to the last one's end; 0 without times."""
        return 0.0 if self.first is None or self.last is None else (self.last - self.first) / 1000.0

    def remember(self, times: list[int], members: list[tuple[float, str]]) -> None:
        """Keep the latest start times and the strangest flows among the old and these."""
        self.times = sorted([*self.times, *times])[-TIMES:]
        ranked = sorted({*self.members, *members}, key=lambda m: (-m[0], m[1]))
        self.members = ranked[:MEMBERS]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "policy"}
        for name in ("sources", "targets", "services"):
            plain[name] = plain[name].as_dict()
        return {**plain, "anchor": list(self.anchor)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Incident:
        """Rebuild one; KeyError, TypeError or ValueError if it is not what ``as_dict`` gave."""
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


def incident_id(anchor: Anchor, first: str) -> str:
    """16 hex digits from the anchor and the id of the first flow: the same whenever these are."""
    text = "\0".join([*map(str, anchor), first])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
