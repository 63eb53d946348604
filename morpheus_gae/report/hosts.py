"""Hosts: what each had to do with the alerts, as a source and as a destination."""

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
"""Peers of a host that are told apart."""


@dataclass
class Role:
    """What one host did, or had done to it."""

    alerts: int = 0
    peers: set[str] = field(default_factory=set)
    up: float = 0.0
    down: float = 0.0
    top: float = 0.0
    first: int | None = None
    last: int | None = None


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
            sums = [np.add.reduceat(values[order], starts) for values in (flows.up, flows.down)]
            top = np.maximum.reduceat(flows.surprise[order], starts)
            ends = np.append(starts[1:], order.shape[0])
            for i, number in enumerate(numbers.tolist()):
                rows = order[starts[i] : ends[i]]
                one = known.setdefault(names[number], Role())
                one.alerts += rows.shape[0]
                one.up, one.down = one.up + float(sums[0][i]), one.down + float(sums[1][i])
                one.top = max(one.top, float(top[i]))
                if len(one.peers) < PEERS:
                    one.peers.update(names[p] for p in np.unique(peer[rows]).tolist())
                _when(one, flows.start[rows[flows.timed[rows]]])

    def top(self) -> dict[str, list[dict[str, Any]]]:
        """The hosts with most alerts, by role; those with as many by surprise, then by name."""
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
                    "first": iso(one.first),
                    "last": iso(one.last),
                }
                for name, one in ranked[:MOST]
            ]
        return out


def _when(one: Role, start: I64) -> None:
    if start.size:
        low, high = int(start.min()), int(start.max())
        one.first = low if one.first is None else min(one.first, low)
        one.last = high if one.last is None else max(one.last, high)
