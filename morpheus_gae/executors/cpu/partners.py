"""New partners on the CPU: a pass over the pairs and one over the hosts; see `model.partners`.

Few hosts meet more than usual: where none does, pairs are told nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.excess import nats
from morpheus_gae.model.partners import known_past

if TYPE_CHECKING:
    from morpheus_gae.executors.cpu.pairs import Hosts
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def meet(row: I32, pair_src: I32, pair_dst: I32, number: I32) -> None:
    """Count the new partners of each host: ``number`` int32 [N, 2] by role, zeros before."""
    for p in range(row.shape[0]):
        if row[p] < 0:
            number[pair_src[p], 0] += 1
            number[pair_dst[p], 1] += 1


@njit(cache=True, nogil=True)
def of_hosts(
    number: I32, found: I32, past: F32, share: float, prior: F32, goes_out: F32, come_in: F32
) -> bool:
    """Nats that each host's new pairs gain, as a source and as a destination: float32 [N] each, written.

    ``past`` is float32 [H, 2], -1 in roles that memory does not know. Returns whether there are any.
    """
    some = False
    for h in range(found.shape[0]):
        row = found[h]
        goes_out[h] = come_in[h] = np.float32(0)
        if row < 0:
            continue
        # no number is further above what is expected of it than all of it
        if number[h, 0] > prior[0, 2] and past[row, 0] >= 0:
            goes_out[h] = nats(float(number[h, 0]), float(past[row, 0]), share, prior[0])
        if number[h, 1] > prior[1, 2] and past[row, 1] >= 0:
            come_in[h] = nats(float(number[h, 1]), float(past[row, 1]), share, prior[1])
        some |= goes_out[h] > 0 or come_in[h] > 0
    return some


class CpuPartners:
    """What new partners add in a window.

    Parameters
    ----------
    artifact
        With partners.
    """

    def __init__(self, artifact: Artifact) -> None:
        partners, memory = artifact.partners, artifact.memory
        self.prior = np.ascontiguousarray(partners.prior)
        self.past = known_past(partners.past, memory.host_out[:, 0], memory.host_in[:, 0])

    def __call__(self, graph: WindowGraph, hosts: Hosts, row: I32, share: float) -> tuple[F32, F32]:
        """Nats that hosts add to their new pairs as sources and as destinations: float32 [N] each, [0] where
        nobody adds anything.

        Parameters
        ----------
        graph, hosts
            Of the window.
        row
            int32 [P] of the pairs in memory, -1 where unknown.
        share
            Flows of the window over flows in memory.
        """
        number = np.zeros((graph.hosts, 2), np.int32)
        goes_out, come_in = (np.empty(graph.hosts, np.float32) for _ in range(2))
        meet(row, graph.pair_src, graph.pair_dst, number)
        if of_hosts(number, hosts.found, self.past, share, self.prior, goes_out, come_in):
            return goes_out, come_in
        return goes_out[:0], come_in[:0]
