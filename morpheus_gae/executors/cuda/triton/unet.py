"""Triton: what the Graph U-Net does between its linear layers."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl
from torch.nn import functional as F

from morpheus_gae.executors.cuda.triton.sums import BLOCK as NEIGHBOURS
from morpheus_gae.executors.cuda.triton.sums import _sums_kernel, row_sum
from morpheus_gae.model.gae import POOL_RAMP

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.rows import Rows
    from morpheus_gae.model.gae import GraphUNet

BLOCK = 32
"""Hosts of one program."""
_RAMP = tl.constexpr(POOL_RAMP)


@triton.jit
def _mean_kernel(
    x, gate, partial, part_stop, degree, out, features,
    GATED: tl.constexpr, SCALED: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    j = tl.arange(0, WIDTH)
    own = tl.load(x + row * features + j, mask=j < features, other=0.0)
    if GATED:
        own *= tl.load(gate + row)
    total = own + row_sum(partial, part_stop, row, features, WIDTH, BLOCK).to(tl.float32)
    total = total / (1 + tl.load(degree + row)).to(tl.float32)
    if SCALED:
        total *= tl.load(gate + row)
    tl.store(out + row * features + j, total, mask=j < features)


@triton.jit(do_not_specialize=["hosts"])
def _value_kernel(
    x, towards, kept, value, kept_value, hosts, features,
    FIRST: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < hosts
    j = tl.arange(0, WIDTH)
    direction = tl.load(towards + j, mask=j < features, other=0.0)
    inside = there[:, None] & (j[None, :] < features)
    tile = tl.load(x + at[:, None] * features + j[None, :], mask=inside, other=0.0)
    length = tl.sqrt(tl.sum(direction * direction, 0))
    found = tl.sum(tile * (direction / length)[None, :], 1)
    found = 1.0 / (1.0 + tl.exp(-found))
    tl.store(value + at, found, mask=there)
    if not FIRST:
        found *= tl.load(kept + at, mask=there, other=0.0)
    tl.store(kept_value + at, found, mask=there)


@triton.jit(do_not_specialize=["hosts", "last"])
def _gate_kernel(
    value, kept, sorted_values, last, kept_now, gate, hosts, FIRST: tl.constexpr, BLOCK: tl.constexpr
):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < hosts
    found = tl.load(value + at, mask=there, other=0.0)
    share = (found - tl.load(sorted_values + last)) / _RAMP + 1.0
    share = tl.minimum(tl.maximum(share, 0.0), 1.0)
    if not FIRST:
        share *= tl.load(kept + at, mask=there, other=0.0)
    tl.store(kept_now + at, share, mask=there)
    tl.store(gate + at, share * found, mask=there)


@triton.jit(do_not_specialize=["hosts"])
def _normed_kernel(x, gain, out, hosts, features, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    j = tl.arange(0, WIDTH)
    inside = (at < hosts)[:, None] & (j[None, :] < features)
    place = at[:, None] * features + j[None, :]
    tile = tl.load(x + place, mask=inside, other=0.0)
    length = tl.sqrt(tl.sum(tile * tile, 1) / features + 1e-6)
    tile = tile / length[:, None] * tl.load(gain + j, mask=j < features, other=0.0)[None, :]
    tl.store(out + place, tile, mask=inside)


def _mean(x: Tensor, gate: Tensor | None, scaled: bool, rows: Rows) -> Tensor:
    """Mean over a host's own row and its neighbours'; each times its gate, or all of it times the host's."""
    parts, features = rows.part_row.shape[0], x.shape[1]
    partial = x.new_empty(parts, features, dtype=torch.float64)
    width, gated = triton.next_power_of_2(features), gate is not None and not scaled
    gates = x if gate is None else gate
    _sums_kernel[(parts,)](
        x, gates, rows.start, rows.part_from, rows.part_to, partial, features,
        GATED=gated, WIDTH=width, BLOCK=NEIGHBOURS, num_warps=2, enable_fp_fusion=True,
    )  # fmt: skip
    out = torch.empty_like(x)
    _mean_kernel[(rows.count,)](
        x, gates, partial, rows.part_stop, rows.degree, out, features,
        GATED=gated, SCALED=scaled, WIDTH=width, BLOCK=NEIGHBOURS, num_warps=2, enable_fp_fusion=True,
    )  # fmt: skip
    return out


def unet(net: GraphUNet, x: Tensor, rows: Rows) -> Tensor:
    """``device_encoder.unet_torch`` with a kernel for what lies between two linear layers."""
    n, features = x.shape
    grid, width = (triton.cdiv(n, BLOCK),), triton.next_power_of_2(features)
    h = [F.relu(net.down[0](_mean(x, None, False, rows)))]
    gates: list[Tensor] = []
    kept = x
    for level in range(1, net.depth + 1):
        first = level == 1
        value, kept_value, gate, kept_now = (x.new_empty(n) for _ in range(4))
        _value_kernel[grid](
            h[-1], net.pool[level - 1], kept, value, kept_value, n, features,
            FIRST=first, WIDTH=width, BLOCK=BLOCK,
        )  # fmt: skip
        keep = max((n + (1 << level) - 1) >> level, 1)
        falling = torch.sort(kept_value, descending=True).values
        _gate_kernel[grid](value, kept, falling, keep - 1, kept_now, gate, n, FIRST=first, BLOCK=BLOCK)
        kept = kept_now
        gates.append(gate)
        inner = _mean(_mean(h[-1], gate, False, rows), gate, True, rows)
        h.append(F.relu(net.down[level](inner)))
    out = h[-1]
    for level in range(net.depth, 0, -1):
        out = F.relu(net.up[level - 1](torch.addcmul(h[level - 1], gates[level - 1][:, None], out)))
    normed = torch.empty_like(out)
    _normed_kernel[grid](out, net.gain, normed, n, features, WIDTH=width, BLOCK=BLOCK)
    return normed
