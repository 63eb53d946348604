"""Drift: changes of a network over weeks, so that a learnt model ages.

All changes have dates and belong to the network: two runs agree on the changes up to a given day, whatever
their start. Nothing has changed at ``EPOCH_MS``, the default start. A flow that a change forbids (of a host
that is not there yet, or away) is replaced by a copy of another flow of its block, so the number of flows is
kept, and no pair of hosts without a habit appears.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import UsageError
from morpheus_gae.simulate.network.addresses import HOSTS_PER_SUBNET
from morpheus_gae.simulate.network.load import DAY_MS, MONDAY_MS
from morpheus_gae.simulate.network.roles import ROLES
from morpheus_gae.simulate.network.services import SERVICE_ID
from morpheus_gae.simulate.rng import stream_seed
from morpheus_gae.simulate.traffic.stream import Stream

if TYPE_CHECKING:
    from morpheus_gae.simulate.network.network import Network

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]

EPOCH_MS = 1_740_988_800_000
"""Monday, 3 March 2025, 08:00 UTC."""
KINDS = {
    "leases": "a fifth of the desks and things change their IPv4 address every second night",
    "newcomers": "one inside host in seven, servers too, comes into use in the first eight weeks",
    "site": "a whole subnet comes into use on one day of the second week",
    "rollout": "software is rolled out in three days: mail moves to a site, file shares to the web, an agent",
    "holidays": "about one working day a month is a Sunday",
    "seasons": "half of the desks are away for the sixth and seventh week of every quarter",
}

LEASE_MS = 2 * DAY_MS
_LEASED = 0.2
_NEW = 1 / 7
_NEW_DAYS = 56
_ROLLED_DAYS = 3
_AGENT = 20
"""One in so many web flows of a desk becomes a call of the agent."""
_QUARTER, _SEASON = 91, (35, 49)
_MOVED = [SERVICE_ID["mail_client"], SERVICE_ID["smb"]]


def drift_kinds(kinds: str | Sequence[str]) -> tuple[str, ...]:
    """Names of changes from ``"all"``, ``"none"``, a comma-separated text or a sequence.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    given = [k.strip() for k in kinds.split(",")] if isinstance(kinds, str) else list(kinds)
    if given == ["all"]:
        return tuple(KINDS)
    if given in (["none"], [""], []):
        return ()
    unknown = [k for k in given if k not in KINDS]
    if unknown:
        raise UsageError(f"unknown drift {unknown[0]!r}: choose all, none, or from {', '.join(KINDS)}")
    return tuple(k for k in KINDS if k in given)


def holidays(network: int) -> Holidays:
    """The working days that a network takes off."""
    return Holidays(stream_seed(network, 60))


class Holidays:
    """About one working day in 21 after the epoch, by a hash of the day.

    Parameters
    ----------
    seed
        Of the hash.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, day: I64) -> Bool:
        """Whether each day, int64 [N] counted from 1970, is one: bool [N]."""
        kinds, at = np.unique(day, return_inverse=True)
        off = [
            d * DAY_MS > EPOCH_MS
            and (d - MONDAY_MS // DAY_MS) % 7 < 5
            and stream_seed(self._seed, d) % 21 == 0
            for d in kinds.tolist()
        ]
        return np.asarray(np.array(off, np.bool_)[at.reshape(-1)])


class Drift:
    """What has changed on a network, by time.

    Parameters
    ----------
    network
        Whose changes.
    kinds
        Of ``KINDS``; holidays are the load's, see ``Holidays``.

    Attributes
    ----------
    born_ms
        int64 [hosts]: when each host comes into use, 0 for those that always were.
    """

    def __init__(self, network: Network, kinds: Sequence[str]) -> None:
        self._network, self._kinds = network, frozenset(kinds)
        self._hosts, self._base = network.hosts, len(network.v4)
        self._desk = np.zeros(network.hosts, np.bool_)
        self._desk[network.of_role("workstation")] = True
        self._away = self._desk & (np.arange(network.hosts) % 2 == stream_seed(network.seed, 63) % 2)
        self.born_ms = self._births()
        # of leases: which host's address each host has, by lease
        self._plans: list[I32] = [np.arange(network.hosts, dtype=np.int32)]
        rng = np.random.Generator(np.random.PCG64(stream_seed(network.seed, 62)))
        self._adopted = EPOCH_MS + (np.array([7, 12, 17])[:, None] * DAY_MS + self._spread(rng)).astype(
            np.int64
        )
        sites = max(network.hosts - network.inside, 1)
        self._cloud, self._agent = (network.inside + rng.integers(0, sites, 2)).tolist()

    def _spread(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        return rng.random((3, self._hosts)) * _ROLLED_DAYS * DAY_MS

    def _births(self) -> I64:
        network = self._network
        born = np.zeros(network.hosts, np.int64)
        rng = np.random.Generator(np.random.PCG64(stream_seed(network.seed, 61)))
        day = rng.integers(2, _NEW_DAYS, network.inside)
        new = rng.random(network.inside) < _NEW
        if "newcomers" in self._kinds:
            for role in range(len(ROLES)):
                mine = np.flatnonzero(network.role[: network.inside] == role)
                # a role without any host left would silence all that others want of it
                chosen = mine[new[mine]] if mine.size >= 4 else mine[:0]
                born[chosen] = EPOCH_MS + day[chosen] * DAY_MS
        if "site" in self._kinds:
            subnets = -(-network.inside // HOSTS_PER_SUBNET)
            first = (subnets - 1) * HOSTS_PER_SUBNET if subnets > 1 else network.inside * 9 // 10
            site = np.arange(first, network.inside)
            lone = np.bincount(network.role[:first], minlength=len(ROLES))[network.role[site]] == 0
            born[site[~lone]] = EPOCH_MS + int(rng.integers(8, 13)) * DAY_MS
        return born

    def stays(self, src: I32, dst: I32, service: I32, start_ms: int) -> Bool:
        """Whether habits, given by endpoints and service, never pause from ``start_ms`` on: bool [N]."""
        ends = self._host(src), self._host(dst)
        there = (self.born_ms[ends[0]] <= start_ms) & (self.born_ms[ends[1]] <= start_ms)
        if "seasons" in self._kinds:
            there &= ~(self._away[ends[0]] | self._away[ends[1]])
        if "rollout" in self._kinds:
            there &= ~(self._desk[ends[0]] & np.isin(service, _MOVED))
        return there

    def _host(self, end: I32) -> I64:
        """int64 [N]: host of each endpoint; the last internet host, who never changes, for those of none."""
        e, n, base = end.astype(np.int64), self._hosts, self._base
        local = base + n
        host = np.where((e >= base) & (e < base + n), e - base, e)
        host = np.where((e >= local) & (e < local + self._network.inside), e - local, host)
        return np.where((host >= 0) & (host < n), host, n - 1)

    def benign(self, stream: Stream, seed: int) -> Stream:
        """Benign flows of one block as they are by then; ``seed`` is the block's."""
        rng = np.random.Generator(np.random.PCG64(seed))
        src, dst = self._host(stream.src), self._host(stream.dst)
        born = np.maximum(self.born_ms[src], self.born_ms[dst])
        gone = born > stream.time_ms
        # what is copied to another time must be possible throughout the block
        lasting = born <= (stream.time_ms[0] if stream.time_ms.size else 0)
        if "seasons" in self._kinds:
            day = (stream.time_ms - EPOCH_MS) // DAY_MS
            season = (day % _QUARTER >= _SEASON[0]) & (day % _QUARTER < _SEASON[1]) & (day >= 0)
            away = self._away[src] | self._away[dst]
            gone |= season & away
            lasting &= ~(away & season.any())
        stream = _silenced(stream, gone, lasting & ~gone, rng)
        return self._rolled(stream, rng) if "rollout" in self._kinds else stream

    def _rolled(self, stream: Stream, rng: np.random.Generator) -> Stream:
        host = self._host(stream.src)
        desk = self._desk[host] & (stream.src != stream.dst)
        mail, shares, agent = (desk & (stream.time_ms >= adopted[host]) for adopted in self._adopted)
        service, dst = stream.service.copy(), stream.dst.copy()
        mail &= service == SERVICE_ID["mail_client"]
        shares &= service == SERVICE_ID["smb"]
        agent &= (service == SERVICE_ID["web"]) & (rng.integers(0, _AGENT, host.size) == 0)
        service[mail], service[shares] = SERVICE_ID["quic"], SERVICE_ID["web_internal"]
        service[agent] = SERVICE_ID["cloud_heartbeat"]
        for chosen, site in ((mail, self._cloud), (agent, self._agent)):
            # an IPv6 address talks to the site's own
            dst[chosen] = np.where(stream.src[chosen] >= self._base, self._base + site, site)
        return Stream(stream.time_ms, stream.src, dst, service, stream.port, stream.attack)

    def addressed(self, stream: Stream) -> Stream:
        """Flows of any kind with the addresses that their hosts have by then."""
        if "leases" not in self._kinds or not stream.time_ms.size:
            return stream
        # leases end at night: five hours before the epoch's time of day
        lease = np.maximum((stream.time_ms - EPOCH_MS + 5 * 3_600_000) // LEASE_MS, 0)
        src, dst = stream.src.copy(), stream.dst.copy()
        for number in np.unique(lease).tolist():
            plan, now = self._plan(number), lease == number
            for end in (src, dst):
                mine = now & (end < self._hosts)
                end[mine] = plan[end[mine]]
        return Stream(stream.time_ms, src, dst, stream.service, stream.port, stream.attack)

    def _plan(self, number: int) -> I32:
        network = self._network
        leased = network.of_role("workstation", "phone", "sensor", "camera")
        while len(self._plans) <= number:
            plan = self._plans[-1].copy()
            rng = np.random.Generator(np.random.PCG64(stream_seed(network.seed, 64, len(self._plans))))
            for subnet in range(-(-network.inside // HOSTS_PER_SUBNET)):
                mine = leased[leased // HOSTS_PER_SUBNET == subnet]
                mine = mine[rng.random(mine.size) < _LEASED]
                plan[mine] = np.roll(plan[mine], 1)
            self._plans.append(plan)
        return self._plans[number]


def _silenced(stream: Stream, gone: Bool, lasting: Bool, rng: np.random.Generator) -> Stream:
    """Flows that cannot be become copies of lasting ones of the block, at their own times."""
    left = np.flatnonzero(lasting)
    if not (left.size and gone.any()):
        return stream
    source = np.arange(gone.size)
    source[gone] = left[rng.integers(0, left.size, int(gone.sum()))]
    copied = stream.take(source)
    return Stream(stream.time_ms, copied.src, copied.dst, copied.service, copied.port, copied.attack)
