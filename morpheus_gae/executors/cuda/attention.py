"""GATv2 (Brody et al. 2022, arXiv:2105.14491) on a device, in one direction."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from morpheus_gae.executors.cuda.dispatch import has_triton, power_of_two
from morpheus_gae.executors.cuda.rows import Rows
from morpheus_gae.model.gae import LEAK

JOINED = True
"""Whether a kernel joins the parts of rows where one makes them; else torch."""


def parts_torch(
    left: Tensor, right: Tensor, edge: Tensor, pf: Tensor, bias: Tensor | None, attend: Tensor, rows: Rows
) -> tuple[Tensor, Tensor, Tensor]:
    """Largest logit, sum of weights and weighted sum of each part of a row, here each whole row.

    Returns
    -------
    top, total
        float32 [N, heads]; ``top`` is -inf and ``total`` 0 for rows without entries.
    mixed
        float32 [N, heads, width of a head], weights relative to ``top``.
    """
    n = left.shape[0]
    heads, dim = attend.shape
    wide = left.view(n, heads, dim)
    hidden = left[rows.start] + right[rows.end] + (pf @ edge)[rows.entry]
    logit = (F.leaky_relu(hidden, LEAK).view(-1, heads, dim) * attend).sum(-1)
    if bias is not None:
        logit += bias[rows.entry][:, None]
    top = logit.new_full((n, heads), -torch.inf)
    top = top.scatter_reduce(0, rows.end[:, None].expand_as(logit), logit, "amax")
    weight = torch.exp(logit - top[rows.end])
    total = logit.new_zeros(n, heads).index_add_(0, rows.end, weight)
    mixed = wide.new_zeros(wide.shape).index_add_(0, rows.end, weight[..., None] * wide[rows.start])
    return top, total, mixed


def attention(
    left: Tensor, right: Tensor, edge: Tensor, pf: Tensor, bias: Tensor | None, attend: Tensor, rows: Rows
) -> Tensor:
    """``model.gae.PairAttention`` after its projections of hosts.

    Parameters
    ----------
    left, right
        float32 [N, W] projected hosts, W = heads x width of a head.
    edge
        float32 [5, W] projection of pair features.
    pf
        float32 [P, 5].
    bias
        float32 [P], or None.
    attend
        float32 [heads, W / heads].
    rows
        Pairs by the host where they end.

    Returns
    -------
    float32 [N, W]
    """
    n = left.shape[0]
    heads, dim = attend.shape
    if has_triton(left.device) and power_of_two(dim) and rows.part_row.shape[0]:
        from morpheus_gae.executors.cuda.triton import attention as triton_attention

        parts = triton_attention.parts(left, right, edge, pf, bias, attend, rows)
        if JOINED:
            return triton_attention.joined(left, right, attend, rows, *parts)
        row = rows.part_row
    else:
        parts = parts_torch(left, right, edge, pf, bias, attend, rows)
        row = torch.arange(n, device=left.device)
    own = (F.leaky_relu(left + right, LEAK).view(n, heads, dim) * attend).sum(-1)
    return _joined(own, left.view(n, heads, dim), row, *parts)


def _joined(own: Tensor, left: Tensor, row: Tensor, top: Tensor, total: Tensor, mixed: Tensor) -> Tensor:
    """Softmax over the parts of each row and its self-loop. Parts of row N belong to none."""
    n, heads, dim = left.shape
    most = torch.cat([own, own.new_zeros(1, heads)])
    most = most.scatter_reduce(0, row[:, None].expand_as(top), top, "amax")
    weight = torch.exp(top - most[row])[..., None]
    own_weight = torch.exp(own - most[:n])[..., None]
    # weights and weighted sums side by side; in double the order of the parts does not show
    parts = torch.cat([total[..., None], mixed], 2).to(torch.float64) * weight
    sums = parts.new_zeros(n + 1, heads, 1 + dim).index_add_(0, row, parts)[:n].to(left.dtype)
    mixture = (sums[..., 1:] + own_weight * left) / (sums[..., :1] + own_weight)
    return mixture.reshape(n, heads * dim)
