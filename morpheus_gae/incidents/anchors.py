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
Bool = npt.NDArray[np.bool_]

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
    ports = np.where(np.isin(flows.port, REMOTE_PORTS), REMOTE, flows.port)
    service = _codes(flows.protocol, ports)
    pair = _codes(flows.src, flows.dst)
    to, by = _codes(flows.src, service), _codes(flows.dst, service)
    fan_out, fan_in = _distinct(to, flows.dst), _distinct(by, flows.src)
    crowd = _distinct(flows.dst, flows.src)
    services = _distinct(pair, _codes(flows.protocol, flows.port))
    # sources with so many services that none is specific: over ports, or over ports of many pairs
    wide = _distinct_where(flows.src, service, fan_out >= MANY) >= MANY_SERVICES
    walkers = _distinct_where(flows.src, flows.dst, services >= MANY_SERVICES) >= MANY
    everything = (wide & (fan_out >= MANY)) | (walkers & (services >= MANY_SERVICES))
    vertical = ~everything & (services >= MANY_SERVICES)
    out = ~everything & ~vertical & (fan_out >= MANY) & (fan_out >= fan_in)
    tries = np.isin(flows.port, list(LOGIN_PORTS)) & (_sizes(_codes(pair, service)) >= LOGINS)
    triers = tries & (_distinct_where(by, flows.src, tries) >= TRIERS)
    into = ~everything & ~vertical & ~out & ((fan_in >= MANY) | (crowd >= CROWD) | triers)
    side = np.where(everything | out, SOURCE, np.where(into, DESTINATION, PAIR))
    several = everything | vertical | (into & (crowd >= CROWD))
    protocol = np.where(several, ANY, flows.protocol)
    port = np.where(several, ANY, ports)
    src = np.where(side == DESTINATION, -1, flows.src)
    dst = np.where(side == SOURCE, -1, flows.dst)
    rows = np.stack([side, src, dst, protocol, port], 1)
    kinds, of = np.unique(rows, axis=0, return_inverse=True)
    # -1 is the last one
    names = [*map(str, flows.hosts), ""]
    found = [Anchor(SIDES[s], names[a], names[b], c, d) for s, a, b, c, d in kinds.tolist()]
    # unlike host names, host numbers depend on the order of the flows
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.empty(len(found), np.int64)
    place[order] = np.arange(len(found))
    return place[of.reshape(-1)], [found[i] for i in order]


def _codes(one: I64, other: I64) -> I64:
    """Return one number per combination, int64 [E]."""
    first, second = (np.unique(part, return_inverse=True)[1].reshape(-1) for part in (one, other))
    both = first * (int(second.max()) + 1) + second
    return np.unique(both, return_inverse=True)[1].reshape(-1)


def _sizes(group: I64) -> I64:
    """Return the number of flows of each flow's group, int64 [E]."""
    return np.bincount(group)[group]


def _distinct(group: I64, member: I64) -> I64:
    """Return the number of distinct members of each flow's group, int64 [E]."""
    return _distinct_where(group, member, np.ones(group.shape[0], bool))


def _distinct_where(group: I64, member: I64, where: Bool) -> I64:
    width = int(member.max()) + 1
    pairs = np.unique(group[where] * width + member[where]) // width
    return np.bincount(pairs, minlength=int(group.max()) + 1)[group]
