"""Activity on a device, by Triton where it runs, else by torch: passes over pairs and hosts alone; see
`model.activity`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import has_triton
from morpheus_gae.model.activity import MOST

if TYPE_CHECKING:
    from morpheus_gae.executors.cuda.device import DeviceGraph
    from morpheus_gae.executors.cuda.memory_keys import Found
    from morpheus_gae.model.artifact import Artifact

BY_KERNEL = True
"""False leaves all of it to torch."""


class DeviceActivity:
    """What counts add in a window.

    Parameters
    ----------
    artifact
        With activity.
    device
        Where to.
    """

    def __init__(self, artifact: Artifact, device: torch.device) -> None:
        memory = artifact.memory
        self.prior = [[float(v) for v in row] for row in artifact.activity.prior]
        # rows of what memory does not know, where it finds them: after the last
        self.pair, self.out, self.into = (
            torch.from_numpy(np.append(c[:, 0], 0).astype(np.float64)).to(device)
            for c in (memory.pair, memory.host_out, memory.host_in)
        )
        self.total = float(memory.host_out[:, 0].sum(dtype=np.float64))
        # as the kernels read them: the prior, and the flows in memory
        numbers = np.append(artifact.activity.prior.astype(np.float64), self.total)
        self.numbers = torch.from_numpy(numbers).to(device)

    def __call__(self, graph: DeviceGraph, found: Found) -> Tensor:
        """float32 [P] nats that each pair's flows gain."""
        n = graph.pair_flows
        if not self.total > 0:
            return torch.zeros(n.shape, dtype=torch.float32, device=n.device)
        share = graph.flows / self.total
        host, row = found.host.long(), found.forward.long()
        of_pair, of_source, of_destination = self.prior
        # sums of whole numbers: the same in any order
        out, into = (
            torch.zeros(graph.hosts, dtype=torch.int64, device=n.device).index_add_(0, at, n)
            for at in (graph.pair_src, graph.pair_dst)
        )
        past = self.pair[row]
        known = added(n, past, share, of_pair)
        source = added(out, self.out[host], share, of_source)[graph.pair_src]
        destination = added(into, self.into[host], share, of_destination)[graph.pair_dst]
        return torch.where(past > 0, known, torch.maximum(source, destination)).to(torch.float32)

    def put(self, told: Tensor, graph: DeviceGraph, found: Found) -> None:
        """The same into the last column of ``told``, float32 [P, 4]; by the kernels where those run."""
        if BY_KERNEL and has_triton(told.device) and graph.flows and self.total > 0:
            from morpheus_gae.executors.cuda.triton import activity as triton_activity

            triton_activity.put(self, told, graph, found)
        else:
            told[:, 3] = self(graph, found)


def added(flows: Tensor, past: Tensor, share: float, prior: list[float]) -> Tensor:
    """`model.activity.added`, float64 [R]."""
    burst, spread, start, slope = prior
    expected = (past + 1) * share
    root = torch.sqrt(burst * (1 + share) * expected + spread * expected**2 + 1)
    out = (slope * ((flows.to(torch.float64) - expected) / root - start)).clamp_(0, MOST)
    return torch.where(past > 0, out, 0.0)
