"""Activity on the CPU: two passes over the pairs and one over the hosts; see `model.activity`.

Hosts come first: what a new pair gains is its source's or its destination's. Only of pairs of busy hosts and
of pairs of several flows, few of all, the past is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.excess import nats
from morpheus_gae.executors.cpu.partners import CpuPartners
from morpheus_gae.model.activity import MOST

if TYPE_CHECKING:
    from morpheus_gae.executors.cpu.pairs import Hosts
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def _added(flows: float, past: float, share: float, prior: F32) -> float:
    """`model.activity.added` of one count."""
    return nats(flows, past, share, prior) if past > 0 else 0.0


@njit(cache=True, nogil=True)
def add_up(pair_flows: I32, pair_src: I32, pair_dst: I32, out: I64, into: I64) -> None:
    """Add the pairs' flows up by source and destination: int64 [N] each, zeros before."""
    for p in range(pair_flows.shape[0]):
        out[pair_src[p]] += pair_flows[p]
        into[pair_dst[p]] += pair_flows[p]


@njit(cache=True, nogil=True)
def of_hosts(
    out: I64, into: I64, found: I32, past_out: F32, past_in: F32, share: float, prior: F32,
    source: F32, destination: F32,
) -> None:  # fmt: skip
    """Nats that each host's new pairs gain, as a source and as a destination: float32 [N] each, written."""
    for h in range(found.shape[0]):
        row = found[h]
        source[h] = destination[h] = np.float32(0)
        if row >= 0:
            source[h] = _added(float(out[h]), float(past_out[row]), share, prior[1])
            destination[h] = _added(float(into[h]), float(past_in[row]), share, prior[2])


@njit(cache=True, nogil=True)
def of_pairs(
    lo: int, hi: int, row: I32, pair_flows: I32, pair_src: I32, pair_dst: I32, source: F32, destination: F32,
    past: F32, share: float, prior: F32, goes_out: F32, come_in: F32, more: F32,
) -> None:  # fmt: skip
    """Nats that the flows of pairs ``lo:hi`` gain: ``more``, float32 [P], written.

    ``goes_out`` and ``come_in``, float32 [N] or [0], are what new partners add to new pairs.
    """
    start, met = prior[0, 2], goes_out.shape[0] > 0
    for p in range(lo, hi):
        of_hosts = max(source[pair_src[p]], destination[pair_dst[p]])
        more[p] = of_hosts
        # no count is further above what is expected of it than all of it
        if (of_hosts > 0 or pair_flows[p] > start) and row[p] >= 0 and past[row[p]] > 0:
            more[p] = _added(float(pair_flows[p]), float(past[row[p]]), share, prior[0])
        elif met and row[p] < 0:
            more[p] = min(more[p] + max(goes_out[pair_src[p]], come_in[pair_dst[p]]), np.float32(MOST))


class CpuActivity:
    """What counts add in a window.

    Parameters
    ----------
    artifact
        With activity.
    """

    def __init__(self, artifact: Artifact) -> None:
        memory = artifact.memory
        self.prior = np.ascontiguousarray(artifact.activity.prior)
        self.pair, self.out, self.into = (
            np.ascontiguousarray(c[:, 0]) for c in (memory.pair, memory.host_out, memory.host_in)
        )
        self.total = float(self.out.sum(dtype=np.float64))
        self.partners = CpuPartners(artifact) if artifact.spec.partners else None

    def __call__(self, graph: WindowGraph, hosts: Hosts, row: I32, more: F32) -> Callable[[int, int], None]:
        """What fills a range of ``more``, float32 [P] nats that the pairs' flows gain.

        Parameters
        ----------
        row
            int32 [P] of pairs in memory, -1 where unknown.
        """
        if not self.total > 0:
            return lambda lo, hi: more[lo:hi].fill(0)
        out, into = (np.zeros(graph.hosts, np.int64) for _ in range(2))
        source, destination = (np.zeros(graph.hosts, np.float32) for _ in range(2))
        ids, share = (graph.pair_flows, graph.pair_src, graph.pair_dst), graph.flows / self.total
        add_up(*ids, out, into)
        of_hosts(out, into, hosts.found, self.out, self.into, share, self.prior, source, destination)
        met = np.zeros(0, np.float32), np.zeros(0, np.float32)
        if self.partners is not None:
            met = self.partners(graph, hosts, row, share)
        return lambda lo, hi: of_pairs(
            lo, hi, row, *ids, source, destination, self.pair, share, self.prior, *met, more
        )
