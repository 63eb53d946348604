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
from morpheus_gae.model.partners import known_past

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
        self.partners = DevicePartners(artifact, device) if artifact.spec.partners else None
        # as the kernels read them: the prior, the flows in memory, the prior of new partners
        of_partners = artifact.partners.prior if artifact.spec.partners else np.zeros(0)
        numbers = np.concatenate([artifact.activity.prior.ravel(), [self.total], of_partners.ravel()])
        self.numbers = torch.from_numpy(numbers.astype(np.float64)).to(device)

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
        more = torch.where(past > 0, known, torch.maximum(source, destination))
        if self.partners is not None:
            more = (more + self.partners(graph, found, share)).clamp_(max=MOST)
        return more.to(torch.float32)

    def put(self, told: Tensor, graph: DeviceGraph, found: Found) -> None:
        """The same into the last column of ``told``, float32 [P, 4]; by the kernels where those run."""
        if BY_KERNEL and has_triton(told.device) and graph.flows and self.total > 0:
            from morpheus_gae.executors.cuda.triton import activity as triton_activity

            triton_activity.put(self, told, graph, found)
        else:
            told[:, 3] = self(graph, found)


class DevicePartners:
    """What new partners add in a window, see `model.partners`.

    Parameters
    ----------
    artifact
        With partners.
    device
        Where to.
    """

    def __init__(self, artifact: Artifact, device: torch.device) -> None:
        partners, memory = artifact.partners, artifact.memory
        self.prior = [[float(v) for v in row] for row in partners.prior]
        past = known_past(partners.past, memory.host_out[:, 0], memory.host_in[:, 0])
        # the last row is of hosts that memory does not know, as they are found there
        past = np.concatenate([past, np.full((1, 2), -1, np.float32)])
        self.past = torch.from_numpy(past.astype(np.float64)).to(device)
        # where memory finds pairs that it does not know
        self.unknown = memory.pair_key.shape[0]

    def __call__(self, graph: DeviceGraph, found: Found, share: float) -> Tensor:
        """float64 [P] nats that each pair's flows gain; ``share`` is the window's of memory's flows."""
        new = found.forward == self.unknown
        past = self.past[found.host.long()]
        # sums of whole numbers: the same in any order
        number = torch.zeros(2, graph.hosts, dtype=torch.int64, device=new.device)
        told = []
        for role, at in enumerate((graph.pair_src, graph.pair_dst)):
            number[role].index_add_(0, at, new.long())
            more = nats(number[role], past[:, role].clamp(min=0), share, self.prior[role])
            told.append(torch.where(past[:, role] >= 0, more, 0.0)[at])
        source, destination = told
        return torch.where(new, torch.maximum(source, destination), 0.0)


def added(flows: Tensor, past: Tensor, share: float, prior: list[float]) -> Tensor:
    """`model.activity.added`, float64 [R]."""
    return torch.where(past > 0, nats(flows, past, share, prior), 0.0)


def nats(flows: Tensor, past: Tensor, share: float, prior: list[float]) -> Tensor:
    """`model.activity.nats`, float64 [R]."""
    burst, spread, start, slope = prior
    expected = (past + 1) * share
    root = torch.sqrt(burst * (1 + share) * expected + spread * expected**2 + 1)
    return (slope * ((flows.to(torch.float64) - expected) / root - start)).clamp_(0, MOST)
