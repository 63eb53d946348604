"""The graph autoencoder as a torch module: the oracle for every executor, and what training trains.

All tensors of a window are flat: E flows point at P ordered pairs, pairs point at N hosts. Several windows
are one disjoint union, told apart by ``host_graph``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from morpheus_gae.model.enriched import COLUMNS, FIRST_TABLE
from morpheus_gae.model.spec import (
    CLASS_FLAGS,
    EDGE_NUMBERS,
    MEMORY_NUMBERS,
    PROFILE_NUMBERS,
    ModelSpec,
)

LEAK = 0.2
POOL_RAMP = 0.02
MIX_FLOOR = 1e-5
TABLE_FLOOR = 1e-3
SMOOTH = (0.010, 0.011, 0.013)


def segment_sum(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Sum of the rows of ``values`` that share an index: [size, ...]."""
    out = values.new_zeros((size, *values.shape[1:]))
    return out.index_add_(0, index, values)


class PairAttention(nn.Module):
    """GATv2 (Brody et al. 2022, arXiv:2105.14491) over ordered pairs, in one direction.

    ``e = a . LeakyReLU(W_l x_from + W_r x_to + W_e pf) + bias``; softmax over the pairs that arrive at a
    host and one self-loop without edge term, which also serves as the null slot for hosts whose pairs
    are all implausible.
    """

    def __init__(self, width_in: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.dim = heads, width // heads
        self.left = nn.Linear(width_in, width)
        self.right = nn.Linear(width_in, width, bias=False)
        self.edge = nn.Linear(EDGE_NUMBERS + 1, width, bias=False)
        self.attend = nn.Parameter(torch.empty(heads, self.dim))
        nn.init.xavier_uniform_(self.attend)

    def forward(self, x: Tensor, start: Tensor, end: Tensor, pf: Tensor, bias: Tensor | None) -> Tensor:
        """[N, width] from x [N, width_in], pairs start -> end [P], features pf [P, 5], bias [P] or None."""
        n = x.shape[0]
        left = self.left(x).view(n, self.heads, self.dim)
        right = self.right(x).view(n, self.heads, self.dim)
        edge = self.edge(pf).view(-1, self.heads, self.dim)
        logit = (F.leaky_relu(left[start] + right[end] + edge, LEAK) * self.attend).sum(-1)
        if bias is not None:
            logit = logit + bias[:, None]
        own = (F.leaky_relu(left + right, LEAK) * self.attend).sum(-1)
        top = own.detach().scatter_reduce(0, end[:, None].expand_as(logit), logit.detach(), "amax")
        weight, own_weight = torch.exp(logit - top[end]), torch.exp(own - top)
        total = own_weight + segment_sum(weight, end, n)
        mixed = own_weight[..., None] * left + segment_sum(weight[..., None] * left[start], end, n)
        return (mixed / total[..., None]).reshape(n, -1)


class GraphUNet(nn.Module):
    """Graph U-Net (Gao and Ji 2019, arXiv:1905.05178) with masks in place of compaction.

    ``M`` is the row mean over neighbours in both directions and the host itself. Level l keeps about
    N / 2^l hosts per window by ``p_l``; messages there take two steps, ``m * M(M(m * x))``, so A.A is
    never formed. The top-k gate falls off linearly within 0.02 below the k-th largest score, so ties and
    rounding cannot flip a host; the k-th largest counts those kept so far, but a host is held to it by its
    score alone, else each level would steepen the rounding of the one before 50 times.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.down = nn.ModuleList(nn.Linear(width, width) for _ in range(depth + 1))
        self.up = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.pool = nn.ParameterList(
            nn.Parameter(torch.randn(width) / math.sqrt(width)) for _ in range(depth)
        )
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor, src: Tensor, dst: Tensor, host_graph: Tensor, graphs: int) -> Tensor:
        """[N, width] from x [N, width]; ``host_graph`` [N] ascending."""
        n = x.shape[0]
        ones = torch.ones_like(src, dtype=x.dtype)
        degree = 1 + segment_sum(ones, src, n) + segment_sum(ones, dst, n)
        sizes = torch.bincount(host_graph, minlength=graphs)
        starts = torch.cumsum(sizes, 0) - sizes

        def mean(v: Tensor) -> Tensor:
            return (v + segment_sum(v[dst], src, n) + segment_sum(v[src], dst, n)) / degree[:, None]

        h = [F.relu(self.down[0](mean(x)))]
        gates: list[Tensor] = []
        kept = torch.ones(n, dtype=x.dtype, device=x.device)
        for level in range(1, self.depth + 1):
            p = self.pool[level - 1]
            value = torch.sigmoid(h[-1] @ (p / p.norm()))
            rank = (value * kept).detach()
            keep = torch.clamp((sizes + (1 << level) - 1) >> level, min=1)
            # rank inside each window: sort by value, then stably by window
            order = torch.argsort(rank, descending=True, stable=True)
            order = order[torch.argsort(host_graph[order], stable=True)]
            kth = rank[order[starts + keep - 1]]
            kept = kept * torch.clamp((value.detach() - kth[host_graph]) / POOL_RAMP + 1, 0, 1)
            gate = (kept * value)[:, None]
            gates.append(gate)
            h.append(F.relu(self.down[level](gate * mean(mean(gate * h[-1])))))
        out = h[-1]
        for level in range(self.depth, 0, -1):
            out = F.relu(self.up[level - 1](h[level - 1] + gates[level - 1] * out))
        return out * torch.rsqrt(out.square().mean(1, keepdim=True) + 1e-6) * self.gain


class GAE(nn.Module):
    """All parts of the family; a spec says which exist.

    Parameters
    ----------
    spec
        Which parts.
    tables
        Shapes of the flow-type tables: bins of forward bytes, groups and bins of backward bytes, groups
        and bins of duration.
    extra
        Groups and codes of each enriched column's table, of a spec with those.
    """

    def __init__(
        self,
        spec: ModelSpec,
        tables: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1),
        extra: tuple[tuple[int, int], ...] = (),
    ) -> None:
        super().__init__()
        self.spec = spec
        width, z = spec.width, spec.embedding
        if spec.attention:
            self.host = nn.Linear(spec.host_numbers, width)
            self.into = PairAttention(width, width, spec.heads)
            self.out = PairAttention(width, width, spec.heads)
        if spec.unet_depth:
            self.unet = GraphUNet(z, spec.unet_depth)
        if spec.memory:
            numbers = MEMORY_NUMBERS + 2 * CLASS_FLAGS
            self.existence = nn.Sequential(
                nn.Linear(numbers, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
            )
        if spec.flow_types:
            k = spec.flow_types
            n1, g1, n2, g2, n3 = tables
            context = PROFILE_NUMBERS + (3 * z if spec.attention else 0)
            self.context = nn.Sequential(nn.Linear(context, 32), nn.ReLU(), nn.Linear(32, k))
            self.tau = nn.Parameter(torch.tensor(4.7))
            self.table1 = nn.Parameter(torch.zeros(n1, k))
            self.table2 = nn.Parameter(torch.zeros(g1, n2, k))
            self.table3 = nn.Parameter(torch.zeros(g2, n3, k))
            for i, (groups, codes) in enumerate(extra):
                self.register_parameter(
                    f"table{FIRST_TABLE + i}", nn.Parameter(torch.zeros(groups, codes, k))
                )
        if spec.edge_decoder:
            self.pair = nn.Linear(3 * z, 64)
            self.edge = nn.Sequential(nn.Linear(EDGE_NUMBERS, 32), nn.ReLU(), nn.Linear(32, 64, bias=False))
            self.window = nn.Sequential(
                nn.Linear(2 * EDGE_NUMBERS, 64), nn.ReLU(), nn.Linear(64, 64, bias=False)
            )
            self.head = nn.Linear(64, 1)
            self.skip = nn.Linear(EDGE_NUMBERS, 1, bias=False)

    def encode(
        self,
        host_x: Tensor,
        src: Tensor,
        dst: Tensor,
        pf: Tensor,
        bias: Tensor | None,
        host_graph: Tensor,
        graphs: int,
    ) -> Tensor:
        """Host embeddings [N, 2 width] from host inputs, pairs, pair features [P, 5] and pair bias [P]."""
        x = F.relu(self.host(host_x))
        z = F.relu(torch.cat([self.into(x, src, dst, pf, bias), self.out(x, dst, src, pf, bias)], 1))
        if self.spec.unet_depth:
            z = z + self.unet(z, src, dst, host_graph, graphs)
        return z

    def existence_logit(self, numbers: Tensor, flags_src: Tensor, flags_dst: Tensor) -> Tensor:
        """[P] logit that the pair would talk, from memory numbers [P, 10] and class flags [P, 5] each."""
        logit: Tensor = self.existence(torch.cat([numbers, flags_src, flags_dst], 1))
        return logit[:, 0]

    @staticmethod
    def pair_embedding(z: Tensor, src: Tensor, dst: Tensor) -> Tensor:
        """[P, 3 z]: product, source, destination."""
        zs, zd = z[src], z[dst]
        return torch.cat([zs * zd, zs, zd], 1)

    def log_mixture(self, context: Tensor, types: Tensor) -> Tensor:
        """[P, K] log shares of the flow types, from context numbers and the pair's own counts [P, K]."""
        tau = F.softplus(self.tau)
        share = (tau * F.softmax(self.context(context), 1) + types) / (tau + types.sum(1, keepdim=True))
        return torch.log((1 - MIX_FLOOR) * share + MIX_FLOOR / types.shape[1])

    def log_tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Log probabilities [B1, K], [G1, B2, K], [G2, B3, K] with a uniform floor."""
        t1 = torch.softmax(self.table1, 0) * (1 - TABLE_FLOOR) + TABLE_FLOOR / self.table1.shape[0]
        t2 = torch.softmax(self.table2, 1) * (1 - TABLE_FLOOR) + TABLE_FLOOR / self.table2.shape[1]
        t3 = torch.softmax(self.table3, 1) * (1 - TABLE_FLOOR) + TABLE_FLOOR / self.table3.shape[1]
        return torch.log(t1), torch.log(t2), torch.log(t3)

    def log_extra(self) -> Tensor:
        """Log probabilities [R, K] of the rows of `model.enriched`; row 0 is an absent column's."""
        tables = [self.get_parameter(f"table{FIRST_TABLE + i}") for i in range(COLUMNS)]
        rows = [tables[0].new_ones(1, tables[0].shape[2])]
        for t in tables:
            p = torch.softmax(t, 1) * (1 - TABLE_FLOOR) + TABLE_FLOOR / t.shape[1]
            rows.append(p.reshape(-1, t.shape[2]))
        return torch.log(torch.cat(rows))

    def flow_surprise(
        self,
        log_mix: Tensor,
        pair: Tensor,
        bins: Tensor,
        groups: tuple[Tensor, Tensor],
        x: Tensor,
        extra: Tensor | None = None,
    ) -> Tensor:
        """[E] -ln likelihood of the flows' attributes.

        Parameters
        ----------
        log_mix
            [P, K].
        pair
            [E].
        bins
            [E, 3].
        groups
            Group of each bin of forward bytes [B1] and of backward bytes [B2].
        x
            [E, 3] standardised attributes: a weak Gaussian term keeps flows that share all bins apart.
        extra
            [E, 7] row of each enriched column in `log_extra`.
        """
        t1, t2, t3 = self.log_tables()
        b1, b2, b3 = bins.unbind(1)
        total = log_mix[pair] + t1[b1] + t2[groups[0][b1], b2] + t3[groups[1][b2], b3]
        if extra is not None:
            rows = self.log_extra()
            for column in extra.unbind(1):
                total = total + rows[column]
        return -torch.logsumexp(total, 1) + x.square() @ x.new_tensor(SMOOTH)

    def edge_logit(
        self, z: Tensor, src: Tensor, dst: Tensor, pair: Tensor, f: Tensor, window: Tensor
    ) -> Tensor:
        """[E] logit that the edge exists.

        Parameters
        ----------
        z, src, dst, pair
            Host embeddings, hosts of each pair, pair of each flow.
        f
            [E, 4] edge features.
        window
            [E, 8] mean and standard deviation of the edge features of the flow's window.
        """
        u = self.pair(self.pair_embedding(z, src, dst))
        hidden = F.relu(u[pair] + self.edge(f) + self.window(window))
        logit: Tensor = self.head(hidden) + self.skip(f)
        return logit[:, 0]
