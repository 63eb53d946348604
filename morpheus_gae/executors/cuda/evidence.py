"""Evidence over the graph on a device, by Triton where it runs, else by torch; see `model.evidence`.

Sums are of whole numbers: the same bits in every run, whatever the order in which they are added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from morpheus_gae.executors.cuda.activity import DeviceActivity
from morpheus_gae.executors.cuda.dispatch import has_triton
from morpheus_gae.executors.cuda.tail import DeviceTail
from morpheus_gae.model.evidence import FROM, MOST, MOST_KNOWN, MOST_SOURCE, ONE, UPTO
from morpheus_gae.model.ties import FINE

if TYPE_CHECKING:
    from morpheus_gae.executors.cuda.device import DeviceGraph
    from morpheus_gae.executors.cuda.memory_keys import Found
    from morpheus_gae.model.artifact import Artifact

BY_KERNEL = True
"""False leaves all of it to torch."""


class DeviceEvidence:
    """Raises the scores of a window.

    Parameters
    ----------
    artifact
        With evidence.
    device
        Where to.
    """

    def __init__(self, artifact: Artifact, device: torch.device) -> None:
        e = artifact.evidence

        def sent(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        self.flows, self.pairs, self.window = e.flows, e.pairs, e.window
        # rows of what memory does not know, where it finds them: after the last
        self.source = sent(np.append(e.source, np.float32(e.unknown)))
        self.pair = sent(np.append(e.pair, np.float32(0)))
        self.x, self.y = sent(e.new_x), sent(e.new_y)
        self.slope = (self.y[1:] - self.y[:-1]) / (self.x[1:] - self.x[:-1])
        self.tail = DeviceTail(artifact.tail("evidence"), device)
        self.activity = DeviceActivity(artifact, device) if artifact.spec.activity else None
        # as the kernels read them: the curve, its slopes and a 0, the tail
        self.numbers = torch.cat([self.x, self.y, self.slope, self.y.new_zeros(1), self.tail.packed])

    def __call__(
        self, graph: DeviceGraph, found: Found, surprise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Scores and surprises anew, what was added in nats, and what counts have of that.

        Parameters
        ----------
        graph, found
            Of the window, and where memory keeps it.
        surprise
            float64 [E] with ties.

        Returns
        -------
        float32 [E], float64 [E], float32 [E], float32 [E] or None
        """
        if BY_KERNEL and has_triton(surprise.device) and graph.flows:
            from morpheus_gae.executors.cuda.triton import evidence as triton_evidence

            return triton_evidence.raised(self, graph, found, surprise)
        of_counts = None if self.activity is None else self.activity(graph, found)[graph.pair]
        bits = surprise.view(torch.int64)
        coarse = (bits & ~FINE).view(torch.float64).to(torch.float32)
        added = self.raises(graph, found, coarse)
        if of_counts is not None:
            added = added + of_counts
        raised = self.tail(coarse + added)
        told = (raised.to(torch.float64).view(torch.int64) | (bits & FINE)).view(torch.float64)
        return -torch.expm1(-raised), told, added, of_counts

    def raises(self, graph: DeviceGraph, found: Found, surprise: Tensor) -> Tensor:
        """float32 [E] in [0, MOST], see ``model.evidence.raises``."""
        pair, count = graph.pair.long(), graph.pair_flows
        own = torch.round((surprise - FROM).clamp(0, UPTO) * ONE).to(torch.int64)
        total = torch.zeros_like(count, dtype=torch.int64).index_add_(0, pair, own)
        source, row = self._of_sources(graph, total // count, found.host.long()), found.forward.long()
        known = row < self.pair.shape[0] - 1
        number = (count - 1).to(torch.float32)
        # one fused line a pair: a - b m of the known, a + b m of the new
        b = torch.where(known, -1 / (number + self.flows), -min(1.0, self.window / max(graph.flows, 1)))
        a = -b * (total.to(torch.float32) / ONE) - torch.where(known, -b * number * self.pair[row], 0.0)
        line = a[pair] + b[pair] * (own.to(torch.float32) / ONE)
        of_pair = torch.where(known[pair], line.clamp(0, MOST_KNOWN), self._on_curve(line))
        return (of_pair + source[pair]).clamp_(max=MOST)

    def _of_sources(self, graph: DeviceGraph, mean: Tensor, row: Tensor) -> Tensor:
        src, hosts = graph.pair_src, graph.hosts
        received = torch.zeros(hosts, dtype=torch.int64, device=mean.device).index_add_(0, src, mean)
        pairs = torch.zeros_like(received).index_add_(0, src, torch.ones_like(mean))
        others = (received[src] - mean).to(torch.float32) / ONE
        number = (pairs[src] - 1).to(torch.float32)
        return ((others - number * self.source[row][src]) / (number + self.pairs)).clamp_(0, MOST_SOURCE)

    def _on_curve(self, v: Tensor) -> Tensor:
        v = v.clamp(self.x[0], self.x[-1])
        at = (torch.bucketize(v, self.x, right=True) - 1).clamp_(0, self.x.shape[0] - 2)
        return self.y[at] + self.slope[at] * (v - self.x[at])
