"""Anchors: the common source, destination or pair by which flagged flows of a window are grouped.

A flow belongs to the widest applicable group: its source with many destinations, its destination with many
sources, or a few that try passwords there, or else its pair of hosts. The order of flows does not matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.incidents import kept
from morpheus_gae.incidents.flagged import Flagged

I64 = npt.NDArray[np.int64]

MANY = 4
"""Hosts on the other side from which they are many; two or three are grouped by pair."""
MANY_SERVICES = 10
"""Number of services of one pair, or source, from which the service is not part of the anchor."""
CROWD = 16
"""Sources of one destination from which they are grouped regardless of the service."""

SOURCE, DESTINATION, PAIR = 0, 1, 2
ANY = -2
"""Service of an anchor with several services."""
REMOTE = -3
"""Port of an anchor whose services are all remote access: they are often tried together."""
REMOTE_PORTS = (22, 23, 135, 139, 445, 512, 513, 514, 2323, 3389, 5800, 5900, 5985, 5986)
"""Remote shells, desktops and administration (IANA service names; 2323 is a second telnet)."""
LOGIN_PORTS = frozenset(REMOTE_PORTS) | {
    *(21, 25, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 3306, 5432)
}
"""Services with a login."""
LOGINS = 20
"""Flows of a source to such a service of one destination from which it tries passwords."""
TRIERS = 2
"""Sources that do so at one destination from which they are one group."""


class Anchor(NamedTuple):
    """What the flows of an incident have in common.

    Attributes
    ----------
    side
        ``source``, ``destination`` or ``pair``.
    source, destination
        Addresses; empty for the side that has many hosts.
    protocol, port
        Of the service; ``ANY`` where there are several, ``REMOTE`` for remote access, -1 where unknown.
    """

    side: str
    source: str
    destination: str
    protocol: int
    port: int

    @classmethod
    def of(cls, values: object) -> Anchor:
        """Rebuild one from a list of its parts; ValueError if invalid."""
        side, source, destination, protocol, port = kept.listed(values, "anchor", exactly=5)
        if side not in SIDES:
            raise ValueError(f"anchor has no side {side!r:.40}")
        one, other = (side == "destination", source), (side == "source", destination)
        a, b = ("" if empty and host == "" else kept.address(host, "anchor") for empty, host in (one, other))
        return cls(side, a, b, kept.whole(protocol, "anchor", REMOTE), kept.whole(port, "anchor", REMOTE))


SIDES = ("source", "destination", "pair")


def anchors(flows: Flagged) -> tuple[I64, list[Anchor]]:
    """Return the anchor of every flow.

    Parameters
    ----------
    flows
        E flagged flows of one window.

    Returns
    -------
    int64 [E], list
        Index into the list, whose order is independent of the order of the flows.
    """
    n = len(flows)
    if n == 0:
        return np.zeros(0, np.int64), []
    src, dst, hosts = flows.src, flows.dst, len(flows.hosts)
    ports = np.where(np.isin(flows.port, REMOTE_PORTS), REMOTE, flows.port)
    raw, service = (_numbered((flows.protocol + 1 << 20) + part - REMOTE)[0] for part in (flows.port, ports))
    width = int(service.max()) + 1
    # every combination that occurs is numbered once, and counted by one of its flows
    pair, pairs = _numbered(src * hosts + dst)
    to, tos = _numbered(src * width + service)
    by, _ = _numbered(dst * width + service)
    link, links = _numbered(pair * width + service)
    fan_out, fan_in = _counted(to, to[links]), _counted(by, by[links])
    crowd = _counted(dst, dst[pairs])
    _, ways = _numbered(pair * (int(raw.max()) + 1) + raw)
    services = _counted(pair, pair[ways])
    # sources with so many services that none is specific: over ports, or over ports of many pairs
    wide = _counted(src, src[tos[fan_out[tos] >= MANY]]) >= MANY_SERVICES
    walkers = _counted(src, src[pairs[services[pairs] >= MANY_SERVICES]]) >= MANY
    everything = (wide & (fan_out >= MANY)) | (walkers & (services >= MANY_SERVICES))
    vertical = ~everything & (services >= MANY_SERVICES)
    out = ~everything & ~vertical & (fan_out >= MANY) & (fan_out >= fan_in)
    tries = np.isin(flows.port, list(LOGIN_PORTS)) & (_counted(link, link) >= LOGINS)
    # remote access is all logins, so flows of one link try alike
    triers = tries & (_counted(by, by[links[tries[links]]]) >= TRIERS)
    into = ~everything & ~vertical & ~out & ((fan_in >= MANY) | (crowd >= CROWD) | triers)
    side = np.where(everything | out, SOURCE, np.where(into, DESTINATION, PAIR))
    several = everything | vertical | (into & (crowd >= CROWD))
    one = np.where(side == DESTINATION, -1, src)
    other = np.where(side == SOURCE, -1, dst)
    # the side is told by which of the hosts there is
    ends, _ = _numbered((one + 1) * (hosts + 1) + other + 1)
    of, firsts = _numbered(ends * (width + 1) + np.where(several, 0, service + 1))
    protocol, port = np.where(several, ANY, flows.protocol), np.where(several, ANY, ports)
    kinds = np.stack([part[firsts] for part in (side, one, other, protocol, port)], 1)
    # -1 is the last one
    names = [*map(str, flows.hosts), ""]
    found = [Anchor(SIDES[s], names[a], names[b], c, d) for s, a, b, c, d in kinds.tolist()]
    # unlike host names, host numbers depend on the order of the flows
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.empty(len(found), np.int64)
    place[order] = np.arange(len(found))
    return place[of], [found[i] for i in order]


def _numbered(values: I64) -> tuple[I64, I64]:
    """Return a number for each value, int64 [E], and the index of the first of each, int64 [N]."""
    _, first, number = np.unique(values, return_index=True, return_inverse=True)
    return number, first


def _counted(group: I64, members: I64) -> I64:
    """Return how often each flow's group is among the groups of members, int64 [E]."""
    return np.bincount(members, minlength=int(group.max()) + 1)[group]
