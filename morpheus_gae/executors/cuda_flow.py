"""The flow decoder on a device: a Triton kernel where there is one, else torch in chunks."""

from __future__ import annotations

import torch
from torch import Tensor

from morpheus_gae.executors.cuda_choose import has_triton, power_of_two

CHUNK = 1 << 19
"""Flows whose [flows, types] array is held at a time without the kernel."""


def flow_values_torch(
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    mix: Tensor,
    edges: tuple[Tensor, ...],
    groups: tuple[Tensor, ...],
    tables: tuple[Tensor, ...],
    scaling: Tensor,
    out: Tensor,
    chunk: int = CHUNK,
) -> None:
    """-ln likelihood of each flow's attributes under its pair's mixture of flow types.

    Parameters
    ----------
    attributes
        float32 [E, 3], as counted.
    missing
        bool [E]: the duration is.
    pair
        int64 [E].
    mix
        float32 [P, K] shares of the flow types.
    edges
        Three float32 [B], ascending.
    groups
        int32 [B1] and [B2]: group of each bin of forward and of backward bytes.
    tables
        float32 [B1, K], [G1, B2, K], [G2, B3, K] probabilities.
    scaling
        float32 [9]: mean, 1 / deviation, and weight of the weak Gaussian term, of each attribute.
    out
        float32 [E], written.
    chunk
        Flows at a time.
    """
    k = mix.shape[1]
    flat = [table.reshape(-1, k) for table in tables]
    mean, inverse, smooth = scaling.view(3, 3)
    for lo in range(0, pair.shape[0], chunk):
        cut = slice(lo, lo + chunk)
        x = attributes[cut]
        z = ((torch.log1p(x) - mean) * inverse).clamp_(-8, 8)
        b = [torch.bucketize(x[:, c].contiguous(), edges[c], right=True) for c in range(3)]
        b[2] = torch.where(missing[cut], 0, b[2])
        total = mix[pair[cut]]
        total *= flat[0][b[0]]
        total *= flat[1][groups[0][b[0]].long() * tables[1].shape[1] + b[1]]
        total *= flat[2][groups[1][b[1]].long() * tables[2].shape[1] + b[2]]
        out[cut] = z.square() @ smooth - torch.log(total.sum(1))


def flow_values(
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    mix: Tensor,
    edges: tuple[Tensor, ...],
    groups: tuple[Tensor, ...],
    tables: tuple[Tensor, ...],
    scaling: Tensor,
    out: Tensor,
    chunk: int = CHUNK,
) -> None:
    """`flow_values_torch`, by the kernel where that runs."""
    if has_triton(pair.device) and power_of_two(mix.shape[1]) and pair.shape[0]:
        from morpheus_gae.executors import triton_flow

        triton_flow.flow_values(attributes, missing, pair, mix, edges, groups, tables, scaling, out)
        return
    flow_values_torch(attributes, missing, pair, mix, edges, groups, tables, scaling, out, chunk)
