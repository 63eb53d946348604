"""Triton: the flow decoder in two passes, from raw attributes to -ln likelihood of each flow.

First one lane a flow finds its bins, then one warp a few flows sums over the flow types. In one kernel every
lane of the warp would do the same bisection.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

FLOWS = 256
"""Flows of one program of the first pass."""
TILE = 64
"""Flows of one program of the second: with 32 types a tile of 2,048 float32."""


@triton.jit
def _bin(values, edges, count, STEPS: tl.constexpr):
    """Edges at or below each value, by bisection."""
    low = tl.zeros_like(values).to(tl.int32)
    high = low + count
    for _ in tl.static_range(STEPS):
        open_ = low < high
        middle = (low + high) // 2
        edge = tl.load(edges + middle, mask=open_, other=float("inf"))
        below = open_ & (edge <= values)
        low = tl.where(below, middle + 1, low)
        high = tl.where(open_ & ~(edge <= values), middle, high)
    return low


@triton.jit
def _standardised(values, mean, inverse):
    z = (tl.log(1.0 + values) - mean) * inverse
    return tl.minimum(tl.maximum(z, -8.0), 8.0)


# columns may be slices: compiled for any alignment, else an odd offset would compile it again in mid-stream
@triton.jit(do_not_specialize=["flows", "attributes", "missing"])
def _bins_kernel(
    attributes, missing, edges0, edges1, edges2, count0, count1, count2, group0, group1,
    bins1, bins2, scaling, places, out, flows,
    STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    # 64 bits: attributes of 2**31 / 3 flows and more
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    x0 = tl.load(attributes + at * 3, mask=there, other=0.0)
    x1 = tl.load(attributes + at * 3 + 1, mask=there, other=0.0)
    x2 = tl.load(attributes + at * 3 + 2, mask=there, other=0.0)
    none = tl.load(missing + at, mask=there, other=0) != 0
    z0 = _standardised(x0, tl.load(scaling), tl.load(scaling + 3))
    z1 = _standardised(x1, tl.load(scaling + 1), tl.load(scaling + 4))
    z2 = _standardised(x2, tl.load(scaling + 2), tl.load(scaling + 5))
    weak = tl.load(scaling + 6) * z0 * z0 + tl.load(scaling + 7) * z1 * z1 + tl.load(scaling + 8) * z2 * z2
    b0 = _bin(x0, edges0, count0, STEPS)
    b1 = _bin(x1, edges1, count1, STEPS)
    # a missing duration lies below every edge
    b2 = tl.where(none, 0, _bin(x2, edges2, count2, STEPS))
    g0 = tl.load(group0 + b0, mask=there, other=0)
    g1 = tl.load(group1 + b1, mask=there, other=0)
    # rows of the three tables, column by column
    column = flows.to(tl.int64)
    tl.store(places + at, b0, mask=there)
    tl.store(places + column + at, g0 * bins1 + b1, mask=there)
    tl.store(places + 2 * column + at, g1 * bins2 + b2, mask=there)
    tl.store(out + at, weak, mask=there)


@triton.jit(do_not_specialize=["flows"])
def _types_kernel(
    places, pair, mix, table0, table1, table2, out, flows, K: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    column = flows.to(tl.int64)
    own = tl.load(pair + at, mask=there, other=0)
    p0 = tl.load(places + at, mask=there, other=0)
    p1 = tl.load(places + column + at, mask=there, other=0)
    p2 = tl.load(places + 2 * column + at, mask=there, other=0)
    k = tl.arange(0, K)
    inside = there[:, None] & (k[None, :] < K)
    share = tl.load(mix + own[:, None] * K + k[None, :], mask=inside, other=1.0)
    share *= tl.load(table0 + p0[:, None] * K + k[None, :], mask=inside, other=1.0)
    share *= tl.load(table1 + p1[:, None] * K + k[None, :], mask=inside, other=1.0)
    share *= tl.load(table2 + p2[:, None] * K + k[None, :], mask=inside, other=1.0)
    weak = tl.load(out + at, mask=there, other=0.0)
    tl.store(out + at, weak - tl.log(tl.sum(share, 1)), mask=there)


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
) -> None:
    """``cuda_flow.flow_values`` as two kernels; K must be a power of two."""
    flows = pair.shape[0]
    places = torch.empty(3, flows, dtype=torch.int32, device=pair.device)
    steps = max(int(edge.shape[0]).bit_length() for edge in edges)
    _bins_kernel[(triton.cdiv(flows, FLOWS),)](
        attributes.contiguous(), missing.contiguous(), *edges, *(edge.shape[0] for edge in edges),
        *groups, tables[1].shape[1], tables[2].shape[1], scaling, places, out, flows,
        STEPS=steps, BLOCK=FLOWS, enable_fp_fusion=True,
    )  # fmt: skip
    _types_kernel[(triton.cdiv(flows, TILE),)](
        places, pair, mix, *tables, out, flows, K=mix.shape[1], BLOCK=TILE, enable_fp_fusion=True
    )
