"""Clocks: strictly periodic habits of a network, and the hub's rounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.network.services import SERVICE_ID
from morpheus_gae.simulate.rng import stream_seed
from morpheus_gae.simulate.traffic.stream import Stream, benign_stream

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

HUB_SHARE = 0.10
"""Share of the flows that the hub makes, if that is more than one round."""
_DELAY_MS = 60.0
_MOST = 0.9  # of the flows may be periodic


class Clocks:
    """Habits that fire by the clock within a run.

    Parameters
    ----------
    network
        Whose habits.
    flows
        Benign flows of the run; the clocks never fire more often: in a short run some stay silent.
    scale
        Real load divided by the network's own.
    start_ms, end_ms
        The run.
    seed
        Of the run.

    Attributes
    ----------
    src, dst, service
        int32 [N].
    """

    def __init__(
        self, network: Network, flows: int, scale: float, start_ms: int, end_ms: int, seed: int
    ) -> None:
        habits = network.habits
        own = np.flatnonzero(habits.period_ms > 0)
        period = np.maximum(1, np.rint(habits.period_ms[own] / scale)).astype(np.int64)
        phase = np.random.Generator(np.random.PCG64(stream_seed(network.seed, 3))).random(own.size)
        self.src, self.dst, self.service = habits.src[own], habits.dst[own], habits.service[own]
        self._period, self._phase = period, (phase * period).astype(np.int64)
        left = flows
        if network.hub is not None:
            left -= network.hosts * self._rounds(network, flows)
        firings = self.firings(start_ms, end_ms)[1]
        if int(firings.sum()) > _MOST * left:
            order = np.random.Generator(np.random.PCG64(stream_seed(seed, 4))).permutation(own.size)
            self._keep(np.sort(order[np.cumsum(firings[order]) <= _MOST * left]))
        if network.hub is not None:
            self._add_hub(network, network.hub, flows, start_ms, end_ms, seed)

    @staticmethod
    def _rounds(network: Network, flows: int) -> int:
        return max(1, int(HUB_SHARE * flows / network.hosts))

    def _keep(self, index: npt.NDArray[np.intp]) -> None:
        self.src, self.dst, self.service = self.src[index], self.dst[index], self.service[index]
        self._period, self._phase = self._period[index], self._phase[index]

    def _add_hub(self, network: Network, hub: int, flows: int, start_ms: int, end_ms: int, seed: int) -> None:
        """One host visits every other in each round, in the same random order."""
        others = np.arange(network.hosts, dtype=np.int32)
        # rounded up, so that no host is visited more often than there are rounds
        period = -(-(end_ms - start_ms) // self._rounds(network, flows))
        order = np.random.Generator(np.random.PCG64(stream_seed(seed, 5))).permutation(others.size)
        # within the first round of the run, even if the last one is cut short
        phase = start_ms + (order * ((period - 1) / others.size)).astype(np.int64)
        service = np.full(others.size, SERVICE_ID["probe"], np.int32)
        self.src = np.concatenate([np.full(others.size, hub, np.int32), self.src])
        self.dst = np.concatenate([others, self.dst])
        self.service = np.concatenate([service, self.service])
        self._period = np.concatenate([np.full(others.size, period), self._period])
        self._phase = np.concatenate([phase % period, self._phase])

    def firings(self, start_ms: int, end_ms: int) -> tuple[I64, I64]:
        """First firing at or after the start, and the number of firings before the end, of each clock."""
        first = -((self._phase - start_ms) // self._period)
        last = -((self._phase - end_ms) // self._period)
        return first, last - first

    def between(self, start_ms: int, end_ms: int, rng: np.random.Generator) -> Stream:
        """Firings in [start_ms, end_ms) in time order, each late by a little."""
        first, count = self.firings(start_ms, end_ms)
        who = np.repeat(np.arange(first.size), count)
        step = np.arange(who.size) - np.repeat(np.cumsum(count) - count, count)
        time_ms = self._phase[who] + (first[who] + step) * self._period[who]
        late = np.minimum(rng.exponential(_DELAY_MS, who.size), self._period[who] * 0.1).astype(np.int64)
        time_ms = np.minimum(time_ms + late, max(start_ms, end_ms - 1))
        stream = benign_stream(time_ms, self.src[who], self.dst[who], self.service[who])
        return stream.take(np.argsort(time_ms, kind="stable"))
