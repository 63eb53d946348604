"""Benign traffic: which habit each flow belongs to, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.simulate.endpoints import Endpoints
from morpheus_gae.simulate.habits import zipf_cdf
from morpheus_gae.simulate.load import DAY_MS, Load
from morpheus_gae.simulate.network import Network
from morpheus_gae.simulate.rng import mix, stream_seed, uniform
from morpheus_gae.simulate.roles import BROWSING
from morpheus_gae.simulate.services import SERVICE_ID

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

SAMPLED_PER_BLOCK = 65_536
WANDER = 0.012
"""Share of the browsing flows that go to a host which is no habit of the client."""
NEWCOMER = 0.35
"""Share of those that go to a host new on the internet."""
AGAIN = 0.30
"""Share of the flows that repeat a habit of the last moments: traffic comes in bursts."""
HUB_SHARE = 0.10


@dataclass(frozen=True)
class Stream:
    """E flows before their attributes are drawn, in time order.

    Attributes
    ----------
    time_ms
        int64 [E]: start.
    src, dst, service
        int32 [E].
    port
        int32 [E]: destination port, -1 for the pair's own.
    attack
        int8 [E]: index of the attack class, 0 for benign.
    """

    time_ms: I64
    src: I32
    dst: I32
    service: I32
    port: I32
    attack: npt.NDArray[np.int8]

    def take(self, index: npt.NDArray[np.intp] | slice) -> Stream:
        """Rows by position."""
        return Stream(
            self.time_ms[index],
            self.src[index],
            self.dst[index],
            self.service[index],
            self.port[index],
            self.attack[index],
        )


def join(parts: list[Stream]) -> Stream:
    """Rows of all parts in time order; equal times keep the order of the parts."""
    names = ("time_ms", "src", "dst", "service", "port", "attack")
    joined = Stream(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))
    return joined.take(np.argsort(joined.time_ms, kind="stable"))


@njit(cache=True, nogil=True)
def alias_table(weight):  # type: ignore[no-untyped-def]
    """Alias table of float64 [K] weights: (float64 [K] cut, int32 [K] alias). Vose, IEEE TSE 17(9), 1991."""
    n = weight.shape[0]
    cut = weight * (n / weight.sum())
    alias = np.zeros(n, np.int32)
    small = np.empty(n, np.int32)
    large = np.empty(n, np.int32)
    ns = nl = 0
    for i in range(n):
        if cut[i] < 1.0:
            small[ns] = i
            ns += 1
        else:
            large[nl] = i
            nl += 1
    while ns > 0 and nl > 0:
        ns -= 1
        s, g = small[ns], large[nl - 1]
        alias[s] = g
        cut[g] -= 1.0 - cut[s]
        if cut[g] < 1.0:
            nl -= 1
            small[ns] = g
            ns += 1
    for i in range(ns):
        cut[small[i]] = 1.0
    for i in range(nl):
        cut[large[i]] = 1.0
    return cut, alias


@njit(cache=True, nogil=True)
def choose_habits(  # type: ignore[no-untyped-def]
    slot, born, seed, class_mix, order, first, cut, alias, h_src, h_dst, h_service, browsing,
    again, wander, newcomer, site_first, site_cdf, v6_of, first_v6,
    new4, new6, active, src, dst, service,
):  # fmt: skip
    """Fill ``src``, ``dst``, ``service`` (int32 [E]) of the sampled flows of one block.

    ``slot`` int64 [E] is the quarter of the week, ``born`` int64 [E] how many newcomers the internet has had by then,
    ``class_mix`` float64 [672, 4] the cumulative shares of the load curves, ``order`` the habits by curve with
    ``first`` int64 [5], and ``cut``, ``alias`` their alias tables.
    """
    state = np.empty(1, np.uint64)
    state[0] = seed
    n_sites = site_cdf.shape[0]
    for i in range(slot.shape[0]):
        if i > 0 and uniform(state) < again:
            j = i - 1 - np.int64(uniform(state) * min(i, 48))
            src[i], dst[i], service[i] = src[j], dst[j], service[j]
            continue
        u = uniform(state)
        c = 0
        while c < 3 and (class_mix[slot[i], c] <= u or first[c + 1] == first[c]):
            c += 1
        while first[c + 1] == first[c]:
            c -= 1
        size = first[c + 1] - first[c]
        x = uniform(state) * size
        k = np.int64(x)
        if x - k >= cut[first[c] + k]:
            k = alias[first[c] + k]
        h = order[first[c] + k]
        src[i], dst[i], service[i] = h_src[h], h_dst[h], h_service[h]
        if browsing[h_service[h]] and n_sites > 0 and uniform(state) < wander:
            s = h_src[h]
            v6 = s >= first_v6
            if uniform(state) < newcomer:
                # popular among the newcomers: the cube prefers a few of those in use
                w = uniform(state)
                pick = np.int64(mix(np.uint64(np.int64(w * w * w * active))) % np.uint64(active))
                # the newcomer with this remainder that is in use at this moment
                at = born[i] + (pick - born[i]) % active
                dst[i] = (new6 if v6 else new4) + at
            else:
                d = site_first + min(np.searchsorted(site_cdf, uniform(state)), n_sites - 1)
                if v6:
                    if v6_of[d] >= first_v6:
                        dst[i] = v6_of[d]
                else:
                    dst[i] = d


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
        self, network: Network, endpoints: Endpoints, load: Load, flows: int, days: float, scale: float, seed: int
    ) -> None:
        self.network, self.endpoints, self.load, self.seed, self.days = network, endpoints, load, seed, days
        self.start_ms = load.start_ms
        self.end_ms = load.start_ms + max(1, round(days * DAY_MS))
        habits = network.habits
        periodic = np.flatnonzero(habits.period_ms > 0)
        self._p_src, self._p_dst = habits.src[periodic], habits.dst[periodic]
        self._p_service = habits.service[periodic]
        self._period = np.maximum(1, np.rint(habits.period_ms[periodic] / scale)).astype(np.int64)
        phase = np.random.Generator(np.random.PCG64(stream_seed(network.seed, 3))).random(periodic.size)
        self._phase = (phase * self._period).astype(np.int64)
        if network.hub is not None:
            self._add_hub(network.hub, flows)
        total = int(self._firings(self.start_ms, self.end_ms)[1].sum())
        if total > flows:  # too short a run for every clock: some pairs stay silent
            keep = np.random.Generator(np.random.PCG64(stream_seed(seed, 4))).permutation(self._period.size)
            count = np.cumsum(self._firings(self.start_ms, self.end_ms)[1][keep])
            self._keep(np.sort(keep[count <= flows * 0.9]))
            total = int(self._firings(self.start_ms, self.end_ms)[1].sum())
        self.sampled = flows - total
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

    def _add_hub(self, hub: int, flows: int) -> None:
        """A host that visits every other host at least once in the run."""
        others = np.arange(self.network.hosts, dtype=np.int32)
        rounds = max(1, round(HUB_SHARE * flows / others.size))
        period = max(1, (self.end_ms - self.start_ms) // rounds)
        order = np.random.Generator(np.random.PCG64(stream_seed(self.seed, 5))).permutation(others.size)
        self._p_src = np.concatenate([np.full(others.size, hub, np.int32), self._p_src])
        self._p_dst = np.concatenate([others, self._p_dst])
        service = np.full(others.size, SERVICE_ID["probe"], np.int32)
        self._p_service = np.concatenate([service, self._p_service])
        self._period = np.concatenate([np.full(others.size, period), self._period])
        phase = self.start_ms + (order * (period / others.size)).astype(np.int64)
        self._phase = np.concatenate([phase % period, self._phase])

    def _keep(self, index: npt.NDArray[np.intp]) -> None:
        if self.network.hub is not None:
            hub = np.arange(self.network.hosts)
            index = np.concatenate([hub, index[index >= hub.size]])
        self._p_src, self._p_dst = self._p_src[index], self._p_dst[index]
        self._p_service = self._p_service[index]
        self._period, self._phase = self._period[index], self._phase[index]

    def _firings(self, start_ms: int, end_ms: int) -> tuple[I64, I64]:
        """First firing at or after the start, and the number of firings before the end, of each periodic pair."""
        first = -((self._phase - start_ms) // self._period)
        last = -((self._phase - end_ms) // self._period)
        return first, last - first

    def regular_habits(self) -> tuple[I32, I32, I32, F64]:
        """Source, destination, service and expected flows of every habit over the run."""
        habits, order = self.network.habits, self._order
        rates = np.bincount(habits.curve[order], habits.per_day[order], 4)
        per_curve = self.load.flows_by_curve(self.days)
        share = self.sampled / per_curve.sum() * per_curve / np.maximum(rates, 1e-300)
        expected = habits.per_day[order] * share[habits.curve[order]] * (1.0 - WANDER)
        fixed = self._firings(self.start_ms, self.end_ms)[1].astype(np.float64)
        return (
            np.concatenate([habits.src[order], self._p_src]),
            np.concatenate([habits.dst[order], self._p_dst]),
            np.concatenate([habits.service[order], self._p_service]),
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
            born = endpoints.first_newcomer + ((time_ms - self.start_ms) * endpoints.born_per_ms).astype(np.int64)
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
            sampled = _benign(time_ms, src, dst, service)
            periodic = self._periodic(int(edges[block]), int(edges[block + 1]), rng)
            yield int(edges[block + 1]), join([sampled, periodic])

    def _periodic(self, start_ms: int, end_ms: int, rng: np.random.Generator) -> Stream:
        """Firings of the clocks in [start_ms, end_ms), each late by a little."""
        first, count = self._firings(start_ms, end_ms)
        who = np.repeat(np.arange(first.size), count)
        step = np.arange(who.size) - np.repeat(np.cumsum(count) - count, count)
        time_ms = self._phase[who] + (first[who] + step) * self._period[who]
        late = np.minimum(rng.exponential(60.0, who.size), self._period[who] * 0.1).astype(np.int64)
        time_ms = np.minimum(time_ms + late, max(start_ms, end_ms - 1))
        stream = _benign(time_ms, self._p_src[who], self._p_dst[who], self._p_service[who])
        return stream.take(np.argsort(time_ms, kind="stable"))


def _benign(time_ms: I64, src: I32, dst: I32, service: I32) -> Stream:
    size = time_ms.size
    return Stream(time_ms, src, dst, service, np.full(size, -1, np.int32), np.zeros(size, np.int8))
