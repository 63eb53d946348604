"""Traffic: flows between a known number of hosts over a known number of pairs, in one of four regimes.

========== =======================================================================================
regime     who talks to whom
========== =======================================================================================
uniform    any host to any other; all pairs equally busy
client     nine clients for each server; some servers and pairs are far busier than others
hub        the same, and one host that talks to every other, which answers
resampled  1,000 flows of ``client``, drawn again and again (named ``resampled-1000``): at most 1,000
           distinct flows, however many there are
========== =======================================================================================

The pairs stay the same from batch to batch, the flows over them are drawn anew; everything follows from the
seed. The flows decide as little as possible about the size of the graph: each pair has a flow in every
batch, so hosts and pairs are exactly ``Workload.size``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

RESAMPLED = "resampled-1000"
REGIMES = ("hub", "client", "uniform", RESAMPLED)
ROWS = 1000
PAIRS_PER_HOST = 32
CLIENTS_PER_SERVER = 9
LEAST_HOSTS, MOST_HOSTS = 32, 1 << 22
LEAST_FLOWS = 1000
MISSING_SHARE = 0.01

# bytes forward, bytes backward, milliseconds: a look-up, a page, a probe, an upload
HABITS = np.array([[72, 130, 1], [1500, 20000, 90], [60, 0, 0], [4000, 900, 3000]], np.float32)
SPREAD = np.array([0.0, 0.6, 0.0, 0.8], np.float32)


class Size(NamedTuple):
    """Hosts and distinct ordered pairs of every batch."""

    hosts: int
    pairs: int


@dataclass(frozen=True)
class Columns:
    """Flows as columns, the form every variant starts from.

    Attributes
    ----------
    src, dst
        uint32 [E]: IPv4 addresses.
    attributes
        float32 [E, 3]: bytes forward, bytes backward, duration in milliseconds (0 where missing).
    missing
        bool [E]: no duration.
    pair
        int64 [E]: which pair of the workload.
    """

    src: U32
    dst: U32
    attributes: F32
    missing: Bool
    pair: I64


@dataclass(frozen=True)
class Workload:
    """Batches of one shape.

    Attributes
    ----------
    regime
        One of ``REGIMES``.
    flows
        Flows of a batch, at least ``LEAST_FLOWS``.
    hosts
        Hosts asked for, at least ``LEAST_HOSTS``.
    seed
        Of everything.
    """

    regime: str
    flows: int
    hosts: int
    seed: int = 0

    @property
    def size(self) -> Size:
        """Hosts and pairs of every batch (``resampled-1000``: at most, and of the rows drawn from).

        Hosts are those asked for, at most half the flows (hub: a fifth); pairs are 32 times the hosts, at
        most half the flows and half of the pairs that the regime could have.
        """
        if self.regime == RESAMPLED:
            return self.rows.size
        # a fifth of the hub's pairs is left to the others
        hosts = min(self.hosts, self.flows // 5 if self.regime == "hub" else self.flows // 2)
        return Size(hosts, min(PAIRS_PER_HOST * hosts, self.flows // 2, _possible(self.regime, hosts) // 2))

    @property
    def rows(self) -> Workload:
        """What ``resampled-1000`` draws from."""
        return Workload("client", ROWS, self.hosts, self.seed)

    def pairs(self) -> tuple[U32, U32]:
        """Addresses of each pair, uint32 [P] and [P]."""
        if self.regime == RESAMPLED:
            return self.rows.pairs()
        hosts, pairs = self.size
        rng = np.random.default_rng([self.seed, REGIMES.index(self.regime), hosts, pairs])
        codes = _codes(rng, self.regime, hosts, pairs)
        return _address(codes // hosts), _address(codes % hosts)

    def draw(self, batch: int) -> Columns:
        """Flows of one batch; the same number, the same flows."""
        rng = np.random.default_rng([self.seed, 1 + REGIMES.index(self.regime), self.flows, batch])
        if self.regime == RESAMPLED:
            row = rng.integers(0, ROWS, self.flows)
            of = self.rows.draw(0)
            return Columns(of.src[row], of.dst[row], of.attributes[row], of.missing[row], of.pair[row])
        src, dst = self.pairs()
        p = src.shape[0]
        more = max(self.flows - p, 0)
        busy = p * rng.random(more) ** (1 if self.regime == "uniform" else 3)
        pair = rng.permutation(np.concatenate([np.arange(p), busy.astype(np.int64)])[: self.flows])
        habit = pair % len(HABITS)
        noise = rng.standard_normal((self.flows, 3), np.float32) * SPREAD[habit, None]
        attributes = np.floor(HABITS[habit] * np.exp(noise))
        missing = rng.random(self.flows) < MISSING_SHARE
        attributes[missing, 2] = 0
        return Columns(src[pair], dst[pair], attributes, missing, pair)


def _possible(regime: str, hosts: int) -> int:
    """Ordered pairs that a regime could have between so many hosts."""
    if regime == "uniform":
        return hosts * (hosts - 1)
    if regime == "hub":
        return _possible("client", hosts - 1) + 2 * (hosts - 1)
    servers = _servers(hosts)
    return servers * (hosts - servers)


def _servers(hosts: int) -> int:
    return max(hosts // (1 + CLIENTS_PER_SERVER), 1)


def _codes(rng: np.random.Generator, regime: str, hosts: int, pairs: int) -> I64:
    """int64 [P]: ``src * hosts + dst`` of distinct pairs in random order, which every host is in."""
    if regime == "uniform":
        everyone = np.arange(hosts)
        first = everyone * hosts + (everyone + rng.integers(1, hosts, hosts)) % hosts

        def draw(n: int) -> I64:
            src, away = rng.integers(0, hosts, n), rng.integers(1, hosts, n)
            return src * hosts + (src + away) % hosts
    else:
        # the hub is the last host
        others = hosts - 1 if regime == "hub" else hosts
        servers = _servers(others)
        clients = np.arange(servers, others)
        first = clients * hosts + np.arange(others - servers) % servers
        if regime == "hub":
            # every host is in a pair with the hub already
            first = np.concatenate(
                [(hosts - 1) * hosts + np.arange(others), np.arange(others) * hosts + hosts - 1]
            )

        def draw(n: int) -> I64:
            client = rng.integers(servers, others, n)
            return client * hosts + (servers * rng.random(n) ** 2).astype(np.int64)

    return rng.permutation(_distinct(rng, first, draw, pairs))


def _distinct(rng: np.random.Generator, first: I64, draw: Callable[[int], I64], wanted: int) -> I64:
    """``first``, and further codes until there are as many as wanted, none of them twice."""
    found = first
    # at most half of the possible codes are wanted, so this comes to an end
    while found.shape[0] < wanted:
        more = wanted - found.shape[0]
        new = np.setdiff1d(draw(2 * more + 64), found)
        found = np.concatenate([found, rng.permutation(new)[:more]])
    return found


def _address(host: I64) -> U32:
    """uint32: addresses in 10.0.0.0/8, neighbours apart; an odd factor never gives two hosts the same."""
    return (np.uint32(10 << 24) | ((host * 0x9E3779B1) & 0xFFFFFF).astype(np.uint32)).astype(np.uint32)
