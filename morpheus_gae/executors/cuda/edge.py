"""The edge decoder's part of each flow on a device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from morpheus_gae.executors.cuda.dispatch import has_triton, power_of_two
from morpheus_gae.executors.cuda.flow import CHUNK
from morpheus_gae.executors.cuda.ties import apart
from morpheus_gae.model.gae import GAE

BY_KERNEL = True
"""False leaves all of it to torch."""
SINCE = (3, 3)
"""Triton whose compiler takes the kernel; that of 3.0 to 3.2 ends the process over its product."""


@dataclass(frozen=True)
class EdgeWeights:
    """Weights of the edge decoder.

    Attributes
    ----------
    first, first_bias
        float32 [4, H], [H] of the edge's first layer.
    second
        float32 [H, D] of its second.
    head
        float32 [D].
    skip
        float32 [4].
    bias
        float32 [1] of the head.
    product, ends, pair_bias
        float32 [Z, D], [Z, 2 D], [D] of the pair's layer: of the product of both embeddings, of source and
        destination side by side, and its bias.
    """

    first: Tensor
    first_bias: Tensor
    second: Tensor
    head: Tensor
    skip: Tensor
    bias: Tensor
    product: Tensor
    ends: Tensor
    pair_bias: Tensor

    @classmethod
    def of(cls, net: GAE) -> EdgeWeights:
        """Weights of a net, laid out for reading along a row."""
        a, b = net.edge[0], net.edge[2]
        product, of_src, of_dst = net.pair.weight.split(net.spec.embedding, 1)
        return cls(
            a.weight.T.contiguous(), a.bias.detach(), b.weight.T.contiguous(),
            net.head.weight[0].contiguous(), net.skip.weight[0].contiguous(), net.head.bias.detach(),
            product.T.contiguous(), torch.cat([of_src.T, of_dst.T], 1), net.pair.bias.detach(),
        )  # fmt: skip


def pair_parts_torch(z: Tensor, src: Tensor, dst: Tensor, w: EdgeWeights, window: Tensor) -> Tensor:
    """float32 [P, D]: what hosts and window say of each pair.

    Parameters
    ----------
    z
        float32 [N, Z] embeddings of hosts.
    src, dst
        int64 [P].
    w
        Weights.
    window
        float32 [1, D].
    """
    of_src, of_dst = (z @ w.ends).chunk(2, 1)
    out = (z[src] * z[dst]) @ w.product
    out += of_src[src]
    out += (of_dst + (w.pair_bias + window))[dst]
    return out


def pair_parts(z: Tensor, src: Tensor, dst: Tensor, w: EdgeWeights, window: Tensor) -> Tensor:
    """`pair_parts_torch`, by the kernel where that runs."""
    if src.shape[0] and power_of_two(z.shape[1]) and z.shape[1] >= 16 and edges_by_kernel(z.device, w):
        from morpheus_gae.executors.cuda.triton import edge as triton_edge

        return triton_edge.pair_parts(z, src, dst, w, window)
    return pair_parts_torch(z, src, dst, w, window)


def edge_surprise_torch(
    f: Tensor, pair: Tensor, u: Tensor, w: EdgeWeights, out: Tensor, chunk: int = CHUNK
) -> None:
    """-ln P(edge exists) of each flow.

    Parameters
    ----------
    f
        float32 [E, 4] edge features.
    pair
        int64 [E].
    u
        float32 [P, D]: what hosts, pair and window say.
    w
        Weights.
    out
        float32 [E], written.
    chunk
        Flows at a time.
    """
    for lo in range(0, f.shape[0], chunk):
        cut = slice(lo, lo + chunk)
        hidden = torch.relu(f[cut] @ w.first + w.first_bias) @ w.second
        hidden += u[pair[cut]]
        logit = torch.relu_(hidden) @ w.head + f[cut] @ w.skip + w.bias
        out[cut] = F.softplus(-logit)


def edges_by_kernel(device: torch.device, w: EdgeWeights) -> bool:
    """Whether the kernel runs there."""
    # tl.dot wants 16 and more on a side
    fits = all(size >= 16 and power_of_two(size) for size in w.second.shape)
    return BY_KERNEL and fits and has_triton(device, SINCE)


def edge_scores(
    f: Tensor,
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    u: Tensor,
    w: EdgeWeights,
    centre: Tensor,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """float32 and float64 [E]: score and surprise of each flow, by the kernel where that runs.

    Parameters
    ----------
    f, pair, u, w, chunk
        See `edge_surprise_torch`.
    attributes, missing, centre
        float32 [E, 3], bool [E], int64 [3]: what keeps surprises apart.
    """
    if f.shape[0] and edges_by_kernel(f.device, w):
        from morpheus_gae.executors.cuda.triton import edge as triton_edge

        return triton_edge.edge_scores(f, attributes, missing, pair, u, w, centre)
    surprise = f.new_empty(f.shape[0])
    edge_surprise_torch(f, pair, u, w, surprise, chunk)
    return -torch.expm1(-surprise), apart(surprise, attributes, missing, centre)
