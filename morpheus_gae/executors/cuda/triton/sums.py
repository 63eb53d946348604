"""Triton: masked sparse times dense, one program a part of a row, so that hubs are shared out."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.dispatch import fuses

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.rows import Rows

BLOCK = 16
"""Neighbours of one step: with 64 features a tile of 1,024 float32."""


@triton.jit
def part_sum(
    x, gate, start, low, high, features, GATED: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr
):
    """Sum of the neighbours ``low:high``, each times its gate."""
    j = tl.arange(0, WIDTH)
    total = tl.zeros([WIDTH], tl.float32)
    for at in range(low, high, BLOCK):
        i = at + tl.arange(0, BLOCK)
        there = i < high
        neighbour = tl.load(start + i, mask=there, other=0)
        inside = there[:, None] & (j[None, :] < features)
        tile = tl.load(x + neighbour[:, None] * features + j[None, :], mask=inside, other=0.0)
        if GATED:
            tile *= tl.load(gate + neighbour, mask=there, other=0.0)[:, None]
        total += tl.sum(tile, 0)
    return total


@triton.jit
def row_sum(partial, part_stop, row, features, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    """Sum of a row's parts, in their order."""
    j = tl.arange(0, WIDTH)
    total = tl.zeros([WIDTH], partial.dtype.element_ty)
    low = tl.load(part_stop + row - 1, mask=row > 0, other=0)
    high = tl.load(part_stop + row)
    for at in range(low, high, BLOCK):
        part = at + tl.arange(0, BLOCK)
        inside = (part < high)[:, None] & (j[None, :] < features)
        total += tl.sum(tl.load(partial + part[:, None] * features + j[None, :], mask=inside, other=0.0), 0)
    return total


@triton.jit
def _sums_kernel(
    x, gate, start, part_from, part_to, out, features,
    GATED: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    part = tl.program_id(0).to(tl.int64)
    low, high = tl.load(part_from + part), tl.load(part_to + part)
    total = part_sum(x, gate, start, low, high, features, GATED, WIDTH, BLOCK)
    j = tl.arange(0, WIDTH)
    tl.store(out + part * features + j, total, mask=j < features)


@triton.jit
def _join_kernel(partial, part_stop, out, features, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    j = tl.arange(0, WIDTH)
    total = row_sum(partial, part_stop, row, features, WIDTH, BLOCK)
    tl.store(out + row * features + j, total.to(tl.float32), mask=j < features)


def neighbour_sums(x: Tensor, gate: Tensor | None, rows: Rows) -> Tensor:
    """``cuda_sums.neighbour_sums`` as two kernels: of parts, and of rows."""
    x = x.contiguous()
    parts, features = rows.part_row.shape[0], x.shape[1]
    # parts may be added in any order: in double the order does not show
    partial = x.new_empty(parts, features, dtype=torch.float64)
    width = triton.next_power_of_2(features)
    _sums_kernel[(parts,)](
        x, x if gate is None else gate.contiguous(), rows.start, rows.part_from, rows.part_to,
        partial, features, GATED=gate is not None, WIDTH=width, BLOCK=BLOCK,
        num_warps=2, enable_fp_fusion=True,
    )  # fmt: skip
    if not fuses(x.device):
        # one row more, for the parts that are not needed
        sums = partial.new_zeros(rows.count + 1, features).index_add_(0, rows.part_row, partial)
        return sums[:-1].to(x.dtype)
    out = x.new_empty(rows.count, features)
    _join_kernel[(rows.count,)](
        partial, rows.part_stop, out, features, WIDTH=width, BLOCK=BLOCK, num_warps=2, enable_fp_fusion=True
    )
    return out
