"""The published architecture in plain PyTorch Geometric, random weights: what the figures are held against.

Shapes of NVIDIA's gnn-netflow-ad example for Morpheus: address octets projected to 32 numbers and averaged
over three steps, GATv2 32 -> 4 x 256 (Brody et al. 2022), batch norm, Graph U-Net 1024 -> 256 of depth 3 (Gao
and Ji 2019), and a decoder of width 768 for every flow. Weights do not change the cost, so none are needed.

Kinder than the original where that costs no exactness: in eval mode (the original normalises by the batch),
addresses are integers from the start, ids are found and octets are averaged on the device (products of a
sparse matrix with a dense one, where the original multiplies sparse matrices), and scores stay in the order
of the flows.
"""

from __future__ import annotations

import warnings
from typing import Any

from morpheus_gae.errors import MissingExtraError

try:
    import torch
    from torch import nn
except ImportError:
    raise MissingExtraError("torch", "bench", "the published architecture") from None
try:
    with warnings.catch_warnings():
        # it scripts classes as it is imported, of which newer versions of torch disapprove
        warnings.simplefilter("ignore")
        from torch_geometric.nn import GATv2Conv, GraphUNet
except ImportError as error:
    raise MissingExtraError(error.name or "torch_geometric", "bench", "the published architecture") from None

__all__ = ["Published", "PublishedRun", "torch"]

HOST, HIDDEN, HEADS, EDGE, WINDOW, DEPTH, STEPS = 32, 256, 4, 3, 128, 3, 3


class Published(nn.Module):
    """Encoder and decoder; random weights from ``seed``, in eval mode."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.register_buffer("projection", torch.empty(4, HOST).uniform_(-1, 1))
        self.attention = GATv2Conv(HOST, HIDDEN, heads=HEADS, edge_dim=EDGE)
        self.norm = nn.BatchNorm1d(HEADS * HIDDEN)
        self.unet = GraphUNet(HEADS * HIDDEN, HIDDEN, HIDDEN, DEPTH)
        self.window = nn.Sequential(nn.Linear(EDGE, WINDOW), nn.ReLU(), nn.Linear(WINDOW, WINDOW))
        self.by_edge, self.by_window = nn.Linear(EDGE, HIDDEN), nn.Linear(WINDOW, HIDDEN)
        self.mixed, self.out = nn.Linear(3 * HIDDEN, 3 * HIDDEN), nn.Linear(3 * HIDDEN, 1)
        self.eval()

    def hosts(self, octets: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
        """Host features: float32 [N, 32] from octets float32 [N, 4] in [0, 1]."""
        start = nn.functional.normalize(octets @ self.projection)
        n, flows = octets.shape[0], edge_index.shape[1]
        degree = torch.zeros(n, device=octets.device).index_add_(
            0, edge_index[0], torch.ones(flows, device=octets.device)
        )

        def step(x: torch.Tensor) -> torch.Tensor:
            total = torch.zeros_like(x).index_add_(0, edge_index[0], x[edge_index[1]])
            return total / degree.clamp(min=1)[:, None]

        # what is reached in d steps, less what nearer hosts brought already, counts 1 / (d + 1)
        whole, reached = start, start
        near: list[torch.Tensor] = []
        for d in range(1, STEPS + 1):
            reached = step(reached)
            near = [step(part) for part in near]
            part = nn.functional.normalize(reached - sum(near)) / (d + 1)
            whole = whole + part
            near.append(part)
        return whole

    def forward(
        self, octets: torch.Tensor, edge_index: torch.Tensor, edge_attr: torch.Tensor
    ) -> torch.Tensor:
        """Score of each flow, float32 [E]: 1 - P(edge exists)."""
        x = self.hosts(octets, edge_index)
        x = self.norm(nn.functional.elu(self.attention(x, edge_index, edge_attr)))
        z = self.unet(x, edge_index)
        window = self.window(edge_attr.mean(0, keepdim=True)).expand(edge_attr.shape[0], -1)
        parts = [
            z[edge_index[0]] * z[edge_index[1]],
            nn.functional.relu(self.by_edge(edge_attr)),
            nn.functional.relu(self.by_window(window)),
        ]
        hidden = nn.functional.elu(self.mixed(torch.cat(parts, 1)))
        return 1 - torch.sigmoid(self.out(hidden))[:, 0]


class PublishedRun:
    """Scores columns with the published architecture.

    Parameters
    ----------
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str, seed: int = 0) -> None:
        # said by torch whenever a sparse matrix is made
        for said in (".*Sparse CSR tensor support.*", ".*Sparse invariant checks.*"):
            warnings.filterwarnings("ignore", message=said)
        self.device = torch.device(device)
        self.net = Published(seed).to(self.device)

    @torch.inference_mode()
    def score(self, src: Any, dst: Any, attributes: Any) -> Any:
        """Score flows.

        Parameters
        ----------
        src, dst
            uint32 [E] IPv4 addresses.
        attributes
            float32 [E, 3].

        Returns
        -------
        numpy.ndarray
            float32 [E].
        """
        addresses = torch.from_numpy(src.astype("int64")), torch.from_numpy(dst.astype("int64"))
        both = torch.cat([a.to(self.device) for a in addresses])
        hosts, ids = torch.unique(both, return_inverse=True)
        octets = torch.stack([hosts >> shift & 255 for shift in (24, 16, 8, 0)], 1).float() / 255
        f = torch.log1p(torch.from_numpy(attributes).to(self.device))
        f = (f - f.mean(0)) / f.std(0).clamp(min=1e-6)
        return self.net(octets, ids.reshape(2, -1), f).cpu().numpy()
