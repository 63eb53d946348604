"""Benign traffic: which habit each flow belongs to, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from morpheus_gae.simulate.network.endpoints import Endpoints
from morpheus_gae.simulate.network.habits import zipf_cdf
from morpheus_gae.simulate.network.load import DAY_MS, Load
from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.network.roles import BROWSING
from morpheus_gae.simulate.network.services import SERVICE_ID
from morpheus_gae.simulate.rng import stream_seed
from morpheus_gae.simulate.traffic.choose import alias_table, choose_habits
from morpheus_gae.simulate.traffic.clocks import Clocks
from morpheus_gae.simulate.traffic.stream import Stream, benign_stream, join

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

SAMPLED_PER_BLOCK = 65_536
WANDER = 0.012
"""Share of the browsing flows that go to a host which is no habit of the client."""
NEWCOMER = 0.35
"""Share of those that go to a host new on the internet."""
AGAIN = 0.30
"""Share of the flows that repeat a habit of the last moments: traffic comes in bursts."""


class Benign:
    """The benign flows of a run.

    Parameters
    ----------
    network, endpoints, load
        The network, the run's endpoints, the load.
    flows
        Exact number of benign flows.
    days
        Length of the run.
    scale
        Real load divided by the network's own: 2 means every habit is twice as frequent.
    seed
        Of the run.
    """

    def __init__(
        self,
        network: Network,
        endpoints: Endpoints,
        load: Load,
        flows: int,
        days: float,
        scale: float,
        seed: int,
    ) -> None:
        self.network, self.endpoints, self.load, self.seed, self.days = network, endpoints, load, seed, days
        self.start_ms = load.start_ms
        self.end_ms = load.start_ms + max(1, round(days * DAY_MS))
        habits = network.habits
        self.clocks = Clocks(network, flows, scale, self.start_ms, self.end_ms, seed)
        self.sampled = flows - int(self.clocks.firings(self.start_ms, self.end_ms)[1].sum())
        sampled = np.flatnonzero(habits.period_ms == 0)
        sampled = sampled[np.argsort(habits.curve[sampled], kind="stable")]
        self._order = sampled.astype(np.int32)
        self._first = np.searchsorted(habits.curve[sampled], np.arange(5)).astype(np.int64)
        tables = [
            alias_table(habits.per_day[sampled[a:b]])
            for a, b in zip(self._first[:-1].tolist(), self._first[1:].tolist(), strict=True)
            if b > a
        ]
        self._cut = np.concatenate([t[0] for t in tables])
        self._alias = np.concatenate([t[1] for t in tables])
        self._browsing = np.zeros(len(SERVICE_ID), np.bool_)
        self._browsing[[SERVICE_ID[name] for name in BROWSING]] = True

    def regular_habits(self) -> tuple[I32, I32, I32, F64]:
        """Source, destination, service and expected flows of every habit over the run."""
        habits, order = self.network.habits, self._order
        rates = np.bincount(habits.curve[order], habits.per_day[order], 4)
        per_curve = self.load.flows_by_curve(self.days)
        share = self.sampled / per_curve.sum() * per_curve / np.maximum(rates, 1e-300)
        expected = habits.per_day[order] * share[habits.curve[order]] * (1.0 - WANDER)
        fixed = self.clocks.firings(self.start_ms, self.end_ms)[1].astype(np.float64)
        return (
            np.concatenate([habits.src[order], self.clocks.src]),
            np.concatenate([habits.dst[order], self.clocks.dst]),
            np.concatenate([habits.service[order], self.clocks.service]),
            np.concatenate([expected, fixed]),
        )

    def blocks(self) -> Iterator[tuple[int, Stream]]:
        """Benign flows in time order, block after block, each with the time at which it ends."""
        network, endpoints = self.network, self.endpoints
        blocks = max(1, -(-self.sampled // SAMPLED_PER_BLOCK))
        per_block = np.diff(np.arange(blocks + 1) * self.sampled // blocks)
        share, offset = self.load.inverse(self.days)
        site_cdf = zipf_cdf(network.hosts - network.inside, 0.9)
        habits = network.habits
        edges = self.start_ms + np.interp(np.arange(blocks + 1) / blocks, share, offset).astype(np.int64)
        edges[0], edges[-1] = self.start_ms, self.end_ms
        for block in range(blocks):
            size = int(per_block[block])
            rng = np.random.Generator(np.random.PCG64(stream_seed(self.seed, 20, block)))
            gaps = np.cumsum(rng.standard_exponential(size + 1))
            place = (block + gaps[:-1] / gaps[-1]) / blocks if size else np.zeros(0)
            time_ms = self.start_ms + np.interp(place, share, offset).astype(np.int64)
            np.clip(time_ms, edges[block], max(edges[block], edges[block + 1] - 1), out=time_ms)
            src, dst, service = (np.empty(size, np.int32) for _ in range(3))
            born = endpoints.first_newcomer + ((time_ms - self.start_ms) * endpoints.born_per_ms).astype(
                np.int64
            )
            choose_habits(
                self.load.slot(time_ms),
                born,
                np.uint64(stream_seed(self.seed, 21, block)),
                self.load.mix,
                self._order,
                self._first,
                self._cut,
                self._alias,
                habits.src,
                habits.dst,
                habits.service,
                self._browsing,
                AGAIN,
                WANDER,
                NEWCOMER,
                network.inside,
                site_cdf,
                network.v6_of,
                len(network.v4) if network.v6 else 1 << 60,
                endpoints.newcomers4 - endpoints.first_newcomer,
                endpoints.newcomers6 - endpoints.first_newcomer,
                endpoints.active,
                src,
                dst,
                service,
            )
            sampled = benign_stream(time_ms, src, dst, service)
            periodic = self.clocks.between(int(edges[block]), int(edges[block + 1]), rng)
            yield int(edges[block + 1]), join([sampled, periodic])
