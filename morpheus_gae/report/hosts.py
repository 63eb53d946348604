"""Hosts: statistics of alerts by source and by destination."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.incidents.flagged import Flagged
from morpheus_gae.incidents.records import iso

I64 = npt.NDArray[np.int64]
MOST = 100
PEERS = 4_096
"""Maximum number of distinct peers counted per host."""
NEVER = 1 << 60
"""Milliseconds after all times."""


@dataclass
class Role:
    """Statistics of one host in one role."""

    alerts: int = 0
    peers: set[str] = field(default_factory=set)
    up: float = 0.0
    down: float = 0.0
    top: float = 0.0
    first: int = NEVER
    last: int = -NEVER


class Hosts:
    """Adds up alerts by source and by destination."""

    def __init__(self) -> None:
        self.roles: dict[str, dict[str, Role]] = {"sources": {}, "targets": {}}

    def __len__(self) -> int:
        """Different hosts."""
        return len(self.roles["sources"].keys() | self.roles["targets"].keys())

    def add(self, flows: Flagged) -> None:
        """Add alerts."""
        names = flows.hosts.tolist()
        for role, host, peer in (("sources", flows.src, flows.dst), ("targets", flows.dst, flows.src)):
            known = self.roles[role]
            order = np.argsort(host, kind="stable")
            numbers, starts = np.unique(host[order], return_index=True)
            found = zip(
                numbers.tolist(),
                np.diff(np.append(starts, order.shape[0])).tolist(),
                np.add.reduceat(flows.up[order], starts).tolist(),
                np.add.reduceat(flows.down[order], starts).tolist(),
                np.maximum.reduceat(flows.surprise[order], starts).tolist(),
                np.minimum.reduceat(np.where(flows.timed, flows.start, NEVER)[order], starts).tolist(),
                np.maximum.reduceat(np.where(flows.timed, flows.start, -NEVER)[order], starts).tolist(),
                strict=True,
            )
            for number, alerts, up, down, top, first, last in found:
                one = known.setdefault(names[number], Role())
                one.alerts, one.up, one.down = one.alerts + alerts, one.up + up, one.down + down
                one.top, one.first, one.last = max(one.top, top), min(one.first, first), max(one.last, last)
            for pair in np.unique(host * len(names) + peer).tolist():
                peers = known[names[pair // len(names)]].peers
                if len(peers) < PEERS:
                    peers.add(names[pair % len(names)])

    def top(self) -> dict[str, list[dict[str, Any]]]:
        """Return the hosts with most alerts, by role; ties by surprise, then by name."""
        out = {}
        for role, known in self.roles.items():
            ranked = sorted(known.items(), key=lambda item: (-item[1].alerts, -item[1].top, item[0]))
            out[role] = [
                {
                    "host": name,
                    "alerts": one.alerts,
                    "peers": len(one.peers),
                    "up": round(one.up),
                    "down": round(one.down),
                    "surprise": round(one.top, 2),
                    "last": None if one.last == -NEVER else iso(one.last),
                }
                for name, one in ranked[:MOST]
            ]
        return out
