"""Triton: the edge decoder in one pass over the pairs and one over the flows.

Nothing of [flows, width] reaches memory.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.triton.math import apart, share_below, softplus

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.edge import EdgeWeights

BLOCK = 64
"""Flows or pairs of one program."""


@triton.jit(do_not_specialize=["flows", "attributes", "missing"])
def _edge_kernel(
    f, pair, u, first, first_bias, second, head, skip, bias,
    attributes, missing, centre, score, surprise, flows,
    NUMBERS: tl.constexpr, HIDDEN: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    i, j = tl.arange(0, HIDDEN), tl.arange(0, WIDTH)
    hidden = tl.zeros([BLOCK, HIDDEN], tl.float32) + tl.load(first_bias + i)[None, :]
    direct = tl.zeros([BLOCK], tl.float32) + tl.load(bias)
    for c in tl.static_range(NUMBERS):
        number = tl.load(f + at * NUMBERS + c, mask=there, other=0.0)
        hidden += number[:, None] * tl.load(first + c * HIDDEN + i)[None, :]
        direct += number * tl.load(skip + c)
    hidden = tl.maximum(hidden, 0.0)
    weights = tl.load(second + i[:, None] * WIDTH + j[None, :])
    own = tl.load(pair + at, mask=there, other=0)
    # three TF32 products make a float32's; one alone would move a score by 1e-3
    value = tl.dot(hidden, weights, input_precision="tf32x3")
    value += tl.load(u + own[:, None] * WIDTH + j[None, :], mask=there[:, None], other=0.0)
    value = tl.maximum(value, 0.0)
    logit = tl.sum(value * tl.load(head + j)[None, :], 1) + direct
    found = softplus(-logit)
    tl.store(score + at, share_below(found), mask=there)
    x0 = tl.load(attributes + at * 3, mask=there, other=0.0)
    x1 = tl.load(attributes + at * 3 + 1, mask=there, other=0.0)
    x2 = tl.load(attributes + at * 3 + 2, mask=there, other=0.0)
    none = tl.load(missing + at, mask=there, other=0) != 0
    tl.store(surprise + at, apart(found, x0, x1, x2, none, centre), mask=there)


@triton.jit(do_not_specialize=["pairs"])
def _pairs_kernel(
    src, dst, z, ends, product, bias, window, out, pairs,
    Z: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    s = tl.load(src + at, mask=there, other=0).to(tl.int64)
    d = tl.load(dst + at, mask=there, other=0).to(tl.int64)
    i, j = tl.arange(0, Z), tl.arange(0, WIDTH)
    both = tl.load(z + s[:, None] * Z + i[None, :]) * tl.load(z + d[:, None] * Z + i[None, :])
    found = tl.dot(both, tl.load(product + i[:, None] * WIDTH + j[None, :]), input_precision="tf32x3")
    # one row a host: its part as a source, then as a destination
    found += tl.load(ends + s[:, None] * (2 * WIDTH) + j[None, :])
    found += tl.load(ends + d[:, None] * (2 * WIDTH) + WIDTH + j[None, :])
    found += (tl.load(bias + j) + tl.load(window + j))[None, :]
    tl.store(out + at[:, None] * WIDTH + j[None, :], found, mask=there[:, None])


def pair_parts(z: Tensor, src: Tensor, dst: Tensor, w: EdgeWeights, window: Tensor) -> Tensor:
    """``cuda_edge.pair_parts_torch`` as one kernel, and one product a host."""
    pairs, width = src.shape[0], w.product.shape[1]
    out = z.new_empty(pairs, width)
    _pairs_kernel[(triton.cdiv(pairs, BLOCK),)](
        src, dst, z, z @ w.ends, w.product, w.pair_bias, window, out, pairs,
        Z=z.shape[1], WIDTH=width, BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
    return out


def edge_scores(
    f: Tensor,
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    u: Tensor,
    w: EdgeWeights,
    centre: Tensor,
) -> tuple[Tensor, Tensor]:
    """``cuda_edge.edge_scores`` as one kernel."""
    flows, numbers = f.shape
    hidden, width = w.second.shape
    score, surprise = f.new_empty(flows), f.new_empty(flows, dtype=torch.float64)
    _edge_kernel[(triton.cdiv(flows, BLOCK),)](
        f, pair, u, w.first, w.first_bias, w.second, w.head, w.skip, w.bias,
        attributes.contiguous(), missing.contiguous(), centre, score, surprise, flows,
        NUMBERS=numbers, HIDDEN=hidden, WIDTH=width, BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
    return score, surprise
