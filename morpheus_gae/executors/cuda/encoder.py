"""The encoder on a device: attention in both directions and the Graph U-Net, over compressed rows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from morpheus_gae.executors.cuda.attention import attention
from morpheus_gae.executors.cuda.device import DeviceGraph
from morpheus_gae.executors.cuda.dispatch import fuses
from morpheus_gae.executors.cuda.rows import Rows, both_ways, rows_of
from morpheus_gae.executors.cuda.sums import neighbour_sums
from morpheus_gae.model.gae import GAE, POOL_RAMP, GraphUNet, PairAttention

UNET_BY_KERNEL = True
"""False leaves all of the Graph U-Net but its sums to torch."""


def encode(net: GAE, graph: DeviceGraph, flags: Tensor, pf: Tensor, bias: Tensor | None) -> Tensor:
    """``GAE.encode`` of one window.

    Parameters
    ----------
    net
        Weights.
    graph
        N hosts, P pairs.
    flags
        float32 [N, 5] address classes.
    pf
        float32 [P, 5] pair features.
    bias
        float32 [P], or None.

    Returns
    -------
    float32 [N, 2 width]
    """
    host_x = [flags]
    if net.spec.octets:
        assert graph.octets is not None
        assert graph.averaged is not None
        host_x += [graph.octets, graph.averaged]
    x = torch.relu(net.host(torch.cat(host_x, 1)))
    src, dst, n = graph.pair_src, graph.pair_dst, graph.hosts
    into = _attended(net.into, x, pf, bias, rows_of(src, dst, n))
    out = _attended(net.out, x, pf, bias, rows_of(dst, src, n))
    z = torch.relu_(torch.cat([into, out], 1))
    if net.spec.unet_depth:
        z += unet(net.unet, z, graph.neighbours or both_ways(src, dst, n))
    return z


def _attended(layer: PairAttention, x: Tensor, pf: Tensor, bias: Tensor | None, rows: Rows) -> Tensor:
    edge = layer.edge.weight.T.contiguous()
    return attention(layer.left(x), layer.right(x), edge, pf, bias, layer.attend, rows)


def unet(net: GraphUNet, x: Tensor, rows: Rows) -> Tensor:
    """`unet_torch`, with kernels where those run."""
    if UNET_BY_KERNEL and fuses(x.device) and rows.part_row.shape[0]:
        from morpheus_gae.executors.cuda.triton import unet as triton_unet

        return triton_unet.unet(net, x, rows)
    return unet_torch(net, x, rows)


def unet_torch(net: GraphUNet, x: Tensor, rows: Rows) -> Tensor:
    """``GraphUNet`` of one window: float32 [N, W] from float32 [N, W]."""
    n = x.shape[0]
    degree = (1 + rows.degree).to(x.dtype)[:, None]

    def mean(v: Tensor, gate: Tensor | None = None) -> Tensor:
        own = v if gate is None else v * gate[:, None]
        return (own + neighbour_sums(v, gate, rows)) / degree

    h = [F.relu(net.down[0](mean(x)))]
    gates: list[Tensor] = []
    kept = x.new_ones(n)
    for level in range(1, net.depth + 1):
        p = net.pool[level - 1]
        value = torch.sigmoid(h[-1] @ (p / p.norm()))
        keep = max((n + (1 << level) - 1) >> level, 1)
        kth = torch.sort(value * kept, descending=True).values[keep - 1]
        kept = kept * torch.clamp((value - kth) / POOL_RAMP + 1, 0, 1)
        gates.append(kept * value)
        h.append(F.relu(net.down[level](gates[-1][:, None] * mean(mean(h[-1], gates[-1])))))
    out = h[-1]
    for level in range(net.depth, 0, -1):
        out = F.relu(net.up[level - 1](h[level - 1] + gates[level - 1][:, None] * out))
    return out * torch.rsqrt(out.square().mean(1, keepdim=True) + 1e-6) * net.gain


def by_parts(layer: torch.nn.Linear, head: Tensor, z: Tensor, src: Tensor, dst: Tensor) -> Tensor:
    """A linear layer of ``[head, z_s * z_d, z_s, z_d]`` for each pair, node parts once a host.

    Parameters
    ----------
    layer
        Of ``head``'s width + 3 x ``z``'s.
    head
        float32 [P, C].
    z
        float32 [N, W].
    src, dst
        int64 [P].

    Returns
    -------
    float32 [P, out]
    """
    c, w = head.shape[1], z.shape[1]
    first, product, of_src, of_dst = layer.weight.split([c, w, w, w], 1)
    out = (z[src] * z[dst]) @ product.T
    out += (z @ of_src.T)[src]
    out += (z @ of_dst.T + layer.bias)[dst]
    out += head @ first.T
    return out
