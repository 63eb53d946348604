"""Network: the hosts, their addresses and their habits; the same on every day that is simulated on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import UsageError
from morpheus_gae.simulate.network import addresses
from morpheus_gae.simulate.network.habits import Habits, all_habits
from morpheus_gae.simulate.network.roles import ROLES, SHARES
from morpheus_gae.simulate.rng import stream_seed

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

INSIDE_SHARE = 0.7
LEAST_HOSTS = 40


@dataclass(frozen=True)
class Network:
    """Hosts and habits.

    Endpoints are numbered: hosts by their IPv4 address first (so host ``h`` is endpoint ``h``; the hub, if
    any, follows the others), then IPv4 groups, subnet broadcasts and dark addresses, then IPv6.

    Attributes
    ----------
    seed
        The number of the network.
    profile
        ``"enterprise"``, ``"iot"`` or ``"mixed"``.
    hosts
        Hosts without the hub, inside ones first.
    inside
        Hosts that belong to the network itself.
    role
        int64 [hosts]: index into ``ROLES``.
    ipv6_share
        Share of the flows that run over IPv6.
    hub
        Endpoint of the hub, or None.
    v4, v6
        Addresses as text; endpoint ``e`` is ``v4[e]``, or ``v6[e - len(v4)]``.
    dark
        int64: endpoints that no host uses.
    v6_of
        int64 [hosts]: IPv6 endpoint of a host, or its IPv4 endpoint where it has none.
    habits
        Who talks to whom.
    """

    seed: int
    profile: str
    hosts: int
    inside: int
    role: I64
    ipv6_share: float
    hub: int | None
    v4: list[str]
    v6: list[str]
    dark: I64
    v6_of: I64
    habits: Habits

    @property
    def salt(self) -> int:
        """Where this network's public addresses begin."""
        return stream_seed(self.seed, 7) >> 33

    @property
    def sites(self) -> I64:
        """Internet hosts in order of popularity, int64."""
        return np.arange(self.inside, self.hosts)

    @property
    def pairs(self) -> int:
        """Distinct ordered pairs of endpoints with a habit."""
        return int(np.unique(self.habits.src.astype(np.int64) << 32 | self.habits.dst).size)

    def of_role(self, *names: str) -> I64:
        """Hosts that have one of these roles, int64."""
        return np.flatnonzero(np.isin(self.role, [ROLES.index(n) for n in names]))

    @classmethod
    def build(
        cls,
        seed: int = 0,
        hosts: int = 1000,
        profile: str = "mixed",
        ipv6_share: float = 0.1,
        hub: bool = False,
    ) -> Network:
        """Draw a network.

        Parameters
        ----------
        seed
            Number of the network, >= 0: the same number and options, the same network.
        hosts
            Regular hosts, inside and on the internet, >= 40.
        profile
            ``"enterprise"``, ``"iot"`` or ``"mixed"``.
        ipv6_share
            Share of the flows over IPv6, 0 to 1; reached as far as dual-stack pairs exist.
        hub
            Add one host that talks to every other.

        Raises
        ------
        UsageError
            If a value is out of its range.
        """
        if profile not in SHARES:
            raise UsageError(f"unknown profile {profile!r}: choose one of {', '.join(SHARES)}")
        if hosts < LEAST_HOSTS:
            raise UsageError(f"a network needs at least {LEAST_HOSTS} hosts, not {hosts}")
        if not 0.0 <= ipv6_share <= 1.0:
            raise UsageError(f"the IPv6 share must lie between 0 and 1, not {ipv6_share}")
        if seed < 0:
            raise UsageError(f"the number of a network must not be negative, and is {seed}")
        rng = np.random.Generator(np.random.PCG64(stream_seed(seed, 1)))
        role = _draw_roles(rng, hosts, profile)
        inside = int((role != ROLES.index("site")).sum())
        with_hub = hosts + int(hub)
        salt = stream_seed(seed, 7) >> 33
        inner = addresses.inside_v4(inside + int(hub))
        broadcast = addresses.broadcast_v4(inside + int(hub))
        dark = addresses.dark_v4(inside + int(hub))
        v4 = inner[:inside] + addresses.public_v4(np.arange(hosts - inside), salt) + inner[inside:]
        groups4 = len(v4)
        v4 += [*addresses.GROUPS4, *broadcast]
        dark_first = len(v4)
        v4 += dark
        base = len(v4)
        v6: list[str] = []
        if ipv6_share > 0:
            v6 = addresses.inside_v6(inside, salt) + addresses.public_v6(np.arange(hosts - inside), salt)
            v6 += [*addresses.link_local_v6(inside, salt), *addresses.GROUPS6]
        local = np.full(hosts, base + hosts) + np.minimum(np.arange(hosts), inside - 1)
        groups6 = base + hosts + inside
        subnet = groups4 + 3 + np.minimum(np.arange(hosts), inside - 1) // addresses.HOSTS_PER_SUBNET
        activity = np.exp(rng.normal(-0.245, 0.7, hosts))
        everyone = np.arange(inside)
        habits = all_habits(
            rng,
            {name: np.flatnonzero(role == i) for i, name in enumerate(ROLES)},
            everyone,
            {
                "mdns": np.array([groups4]),
                "ssdp": np.array([groups4 + 1]),
                "all": np.array([groups4 + 2]),
                "subnet": subnet,
                "mdns6": np.array([groups6]),
                "dhcp6": np.array([groups6 + 1]),
                "nd6": np.array([groups6 + 2]),
            },
            local if ipv6_share > 0 else None,
            activity,
        )
        v6_of = np.arange(hosts)
        if ipv6_share > 0:
            dual = rng.random(hosts) < min(1.0, 0.5 + ipv6_share)
            v6_of = np.where(dual, base + np.arange(hosts), v6_of)
            habits = _move_to_v6(rng, habits, v6_of, hosts, base, ipv6_share)
        return cls(
            seed=seed,
            profile=profile,
            hosts=hosts,
            inside=inside,
            role=role,
            ipv6_share=ipv6_share,
            hub=with_hub - 1 if hub else None,
            v4=v4,
            v6=v6,
            dark=np.arange(dark_first, base),
            v6_of=v6_of,
            habits=habits,
        )


def _draw_roles(rng: np.random.Generator, hosts: int, profile: str) -> I64:
    """Role of each host: inside hosts shuffled over the subnets, then the internet's."""
    inside = round(hosts * INSIDE_SHARE)
    shares = SHARES[profile]
    counts = {name: max(1, round(inside * share)) for name, share in shares.items()}
    largest = max(counts, key=lambda name: counts[name])
    counts[largest] = max(1, counts[largest] + inside - sum(counts.values()))
    role = np.concatenate([np.full(n, ROLES.index(name)) for name, n in counts.items()])
    rng.shuffle(role)
    site = ROLES.index("site")
    return np.concatenate([role, np.full(hosts - role.size, site)]).astype(np.int64)


def _move_to_v6(
    rng: np.random.Generator, habits: Habits, v6_of: I64, hosts: int, base: int, share: float
) -> Habits:
    """Move a share of the flows, under each load curve alike, to the IPv6 addresses of dual-stack hosts."""
    src, dst = habits.src.copy(), habits.dst.copy()
    among = (src < hosts) & (dst < hosts)
    able = np.zeros(src.size, bool)
    able[among] = (v6_of[src[among]] >= base) & (v6_of[dst[among]] >= base)
    already = src >= base
    kind = np.where(habits.period_ms > 0, 4, habits.curve)
    for k in range(5):
        mine = kind == k
        wanted = share * habits.per_day[mine].sum() - habits.per_day[mine & already].sum()
        chosen = np.flatnonzero(mine & able)
        rng.shuffle(chosen)
        chosen = chosen[np.cumsum(habits.per_day[chosen]) <= wanted]
        src[chosen] = v6_of[src[chosen]]
        dst[chosen] = v6_of[dst[chosen]]
    return replace(habits, src=src, dst=dst)
