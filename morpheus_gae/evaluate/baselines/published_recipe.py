"""The published recipe, trained as published: GATv2, Graph U-Net, negatives without attributes.

Shapes of NVIDIA's gnn-netflow-ad example for Morpheus, narrower: address octets projected to 32 numbers and
averaged over three steps, GATv2 (Brody et al. 2022) with 4 heads, batch norm, Graph U-Net (Gao and Ji 2019)
of depth 3, and a decoder that reads both hosts, the edge and the mean edge of the window. An edge is a pair
of hosts with the mean attributes of its flows, and each of its flows has its score. Each edge is part of its
own encoding; negative edges are random pairs with zero attributes. Our preset ``published`` has the same
parts, but hides edges from their encoding and gives negatives real attributes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.baselines.log_columns import logs_of
from morpheus_gae.evaluate.baselines.sage import Scale, latest
from morpheus_gae.flows.frame import Flows

try:
    with warnings.catch_warnings():
        # scripts classes at import, which newer versions of torch deprecate
        warnings.simplefilter("ignore")
        from torch_geometric.nn import GATv2Conv, GraphUNet
except ImportError as error:
    raise MissingExtraError(error.name or "torch_geometric", "compare", "the published recipe") from None
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from morpheus_gae.train.train import one_thread

F32 = npt.NDArray[np.float32]
COLUMNS, HOST, HIDDEN, HEADS, DEPTH, STEPS = 4, 32, 32, 4, 3, 3
WINDOW = 5000
UPDATES = 300


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress torch's warning about sparse matrices in the U-Net."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Ss]parse.*")
        yield


class Pairs:
    """A window as pairs of hosts.

    Attributes
    ----------
    octets, edges, attributes
        float32 [N, 4] of hosts, int64 [2, P] hosts of pairs, float32 [P, 4] means of their flows.
    pair
        int32 [E] of each flow.
    """

    def __init__(self, flows: Flows, scale: Scale) -> None:
        from morpheus_gae.graph.build import build_graph

        graph = build_graph(flows)
        shifts = np.array([24, 16, 8, 0], np.uint64)
        octets = (graph.host_lo[:, None] >> shifts & np.uint64(0xFF)) / 255
        self.octets = torch.from_numpy(octets.astype(np.float32))
        self.edges = torch.from_numpy(np.stack([graph.pair_src, graph.pair_dst]).astype(np.int64))
        self.pair = graph.pair
        x, count = scale(logs_of(flows)), np.maximum(graph.pair_flows, 1)[:, None]
        sums = np.stack([np.bincount(graph.pair, c, graph.pairs) for c in x.T], 1)
        self.attributes = torch.from_numpy((sums / count).astype(np.float32))


class Recipe(nn.Module):
    """Encoder and decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("projection", torch.empty(4, HOST).uniform_(-1, 1))
        self.attention = GATv2Conv(HOST, HIDDEN, heads=HEADS, edge_dim=COLUMNS)
        self.norm = nn.BatchNorm1d(HEADS * HIDDEN)
        self.unet = GraphUNet(HEADS * HIDDEN, HIDDEN, HIDDEN, DEPTH)
        self.by_edge, self.by_window = nn.Linear(COLUMNS, HIDDEN), nn.Linear(COLUMNS, HIDDEN)
        self.mixed, self.out = nn.Linear(3 * HIDDEN, 3 * HIDDEN), nn.Linear(3 * HIDDEN, 1)

    def encode(self, window: Pairs) -> Tensor:
        """[N, hidden]."""
        start = F.normalize(window.octets @ self.projection)
        src, dst = window.edges
        degree = torch.bincount(src, minlength=start.shape[0]).clamp(min=1)[:, None]
        x, reached = start, start
        for step in range(1, STEPS + 1):
            reached = torch.zeros_like(reached).index_add_(0, src, reached[dst]) / degree
            x = x + F.normalize(reached) / (step + 1)
        x = self.norm(F.elu(self.attention(x, window.edges, window.attributes)))
        z: Tensor = self.unet(x, window.edges)
        return z

    def logit(self, z: Tensor, edges: Tensor, attributes: Tensor, window: Pairs) -> Tensor:
        """[P] logit that each edge exists."""
        mean = window.attributes.mean(0, keepdim=True).expand(edges.shape[1], -1)
        parts = [z[edges[0]] * z[edges[1]], F.relu(self.by_edge(attributes)), F.relu(self.by_window(mean))]
        out: Tensor = self.out(F.elu(self.mixed(torch.cat(parts, 1))))
        return out[:, 0]


class PublishedRecipe:
    """The baseline; ``seed`` of weights and negatives."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, flows: Flows) -> None:
        """Train on windows in order, with as many negative edges as positive ones."""
        flows = latest(flows)
        self.scale = Scale.of(logs_of(flows))
        with _quiet(), one_thread():
            torch.manual_seed(self.seed)
            self.net = Recipe()
            windows = list(self._windows(flows))
            optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-3)
            self.net.train()
            for step in range(UPDATES):
                window = windows[step % len(windows)]
                z = self.net.encode(window)
                absent = torch.randint(window.octets.shape[0], window.edges.shape)
                real = self.net.logit(z, window.edges, window.attributes, window)
                fake = self.net.logit(z, absent, torch.zeros_like(window.attributes), window)
                loss = F.softplus(-real).mean() + F.softplus(fake).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            self.net.eval()

    @torch.no_grad()
    def score(self, flows: Flows) -> F32:
        """Return -ln P(edge exists) of each flow's pair: the published score, 1 - P, without saturation."""
        found = [np.zeros(0, np.float32)]
        with _quiet(), one_thread():
            for window in self._windows(flows):
                logit = self.net.logit(self.net.encode(window), window.edges, window.attributes, window)
                found.append(F.softplus(-logit).numpy()[window.pair])
        return np.concatenate(found)

    def _windows(self, flows: Flows) -> Iterator[Pairs]:
        for start in range(0, len(flows), WINDOW):
            yield Pairs(flows.slice(start, min(start + WINDOW, len(flows))), self.scale)
