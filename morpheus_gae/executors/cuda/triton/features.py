"""Triton: edge features of each flow, and their means of each pair.

Features lie within -8 to 8, so that they are added as whole numbers of 2**-28: 2**31 flows fit into 64 bits,
and sums of whole numbers do not depend on the order.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.triton.math import standardised

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 128
"""Flows or pairs of one program, one a lane."""
_SCALE = tl.constexpr(float(1 << 28))


@triton.jit
def _added(feature, sums, there):
    # exact but for bits below the last: a feature has 24
    tl.atomic_add(sums, (feature * _SCALE).to(tl.int64), mask=there, sem="relaxed")


@triton.jit(do_not_specialize=["flows", "attributes", "missing"])
def _features_kernel(attributes, missing, pair, scaling, f, sums, flows, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    own = sums + tl.load(pair + at, mask=there, other=0).to(tl.int64) * 4
    none = (tl.load(missing + at, mask=there, other=0) != 0).to(tl.float32)
    for c in tl.static_range(3):
        x = tl.load(attributes + at * 3 + c, mask=there, other=0.0)
        z = standardised(x, tl.load(scaling + c), tl.load(scaling + 3 + c))
        tl.store(f + at * 4 + c, z, mask=there)
        _added(z, own + c, there)
    tl.store(f + at * 4 + 3, none, mask=there)
    _added(none, own + 3, there)


@triton.jit(do_not_specialize=["pairs"])
def _means_kernel(sums, pair_flows, out, pairs, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    count = tl.load(pair_flows + at, mask=there, other=1)
    whole = count.to(tl.float64) * _SCALE
    for c in tl.static_range(4):
        total = tl.load(sums + at * 4 + c, mask=there, other=0).to(tl.float64)
        tl.store(out + at * 5 + c, (total / whole).to(tl.float32), mask=there)
    tl.store(out + at * 5 + 4, tl.log(1.0 + count.to(tl.float32)) * 0.25, mask=there)


def edge_features(
    attributes: Tensor, missing: Tensor, pair: Tensor, pair_flows: Tensor, scaling: Tensor
) -> tuple[Tensor, Tensor]:
    """``cuda_features.edge_features_torch`` as two kernels."""
    flows, pairs, device = pair.shape[0], pair_flows.shape[0], pair.device
    f, out = torch.empty(flows, 4, device=device), torch.empty(pairs, 5, device=device)
    sums = torch.zeros(pairs, 4, dtype=torch.int64, device=device)
    _features_kernel[(triton.cdiv(flows, BLOCK),)](
        attributes.contiguous(), missing.contiguous(), pair, scaling, f, sums, flows, BLOCK=BLOCK
    )
    _means_kernel[(triton.cdiv(pairs, BLOCK),)](sums, pair_flows, out, pairs, BLOCK=BLOCK)
    return f, out
