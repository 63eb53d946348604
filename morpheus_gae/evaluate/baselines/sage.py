"""E-GraphSAGE (Lo et al. 2022, arXiv:2103.16329): a host is the mean of its flows, a flow its two hosts.

A simple implementation for the baselines built on it. A flow's columns affect its embedding only through the
means of its hosts, and all flows of a pair in a window have the same embedding, as in the original.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.baselines.log_columns import logs_of
from morpheus_gae.flows.frame import Flows

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtraError("torch", "train", "comparing with a graph neural network") from None

F32 = npt.NDArray[np.float32]
MAX_FLOWS = 50_000
"""Maximum number of training flows of a baseline, the latest: minutes instead of hours of training."""


@dataclass(frozen=True)
class Scale:
    """Standardises columns by the mean and deviation of training flows, clipped to 8 deviations."""

    mean: F32
    deviation: F32

    @classmethod
    def of(cls, x: F32) -> Scale:
        """Of float32 [E, F]."""
        return cls(x.mean(0), np.maximum(x.std(0), 1e-2))

    def __call__(self, x: F32) -> F32:
        """float32 [E, F]."""
        scaled: F32 = np.clip((x - self.mean) / self.deviation, -8, 8).astype(np.float32)
        return scaled


@dataclass(frozen=True)
class Window:
    """Flows of a window as tensors.

    Attributes
    ----------
    src, dst
        int64 [E] hosts, from 0.
    hosts
        N.
    x
        float32 [E, F] columns of each flow.
    """

    src: Tensor
    dst: Tensor
    hosts: int
    x: Tensor


def windows_of(flows: Flows, size: int, scale: Scale) -> Iterator[Window]:
    """Yield consecutive windows of at most ``size`` flows, with the columns of ``log_columns.logs_of``."""
    from morpheus_gae.graph.build import build_graph

    for start in range(0, len(flows), size):
        part = flows.slice(start, min(start + size, len(flows)))
        graph = build_graph(part)
        yield Window(
            torch.from_numpy(graph.src.astype(np.int64)),
            torch.from_numpy(graph.dst.astype(np.int64)),
            graph.hosts,
            torch.from_numpy(scale(logs_of(part))),
        )


def latest(flows: Flows) -> Flows:
    """Return the latest ``MAX_FLOWS`` flows."""
    return flows.slice(max(len(flows) - MAX_FLOWS, 0), len(flows))


class Sage(nn.Module):
    """One layer.

    Parameters
    ----------
    columns
        F of a flow.
    hidden
        Width of a host.
    width
        Of a flow's embedding.
    ones
        A host also has a column of ones for each of the flow's, as where hosts have no columns of their own.
    """

    def __init__(self, columns: int, hidden: int, width: int, *, ones: bool) -> None:
        super().__init__()
        self.ones = ones
        self.host = nn.Linear(columns * (2 if ones else 1), hidden)
        nn.init.xavier_uniform_(self.host.weight, gain=nn.init.calculate_gain("relu"))
        # the linear map of both hosts, split in two parts: there are fewer hosts than flows
        self.source = nn.Linear(hidden, width)
        self.target = nn.Linear(hidden, width, bias=False)

    def ends(self, window: Window, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the contributions of source and destination to a flow's embedding, [N, width] each.

        Parameters
        ----------
        window
            Who talks to whom.
        x
            float32 [E, F]: its columns, or those of other flows.
        """
        ends = torch.cat([window.src, window.dst])
        total = x.new_zeros(window.hosts, x.shape[1]).index_add_(0, ends, torch.cat([x, x]))
        count = torch.bincount(ends, minlength=window.hosts).clamp(min=1)
        mean = total / count[:, None]
        hosts = torch.relu(self.host(torch.cat([torch.ones_like(mean), mean], 1) if self.ones else mean))
        return self.source(hosts), self.target(hosts)

    def forward(self, window: Window) -> Tensor:
        """Return the embedding of each flow, [E, width]."""
        source, target = self.ends(window, window.x)
        out: Tensor = source[window.src] + target[window.dst]
        return out
