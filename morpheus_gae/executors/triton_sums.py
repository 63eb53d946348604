"""Triton: masked sparse times dense, one program a part of a row, so that hubs are shared out."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.device_rows import Rows

BLOCK = 16
"""Neighbours of one step: with 64 features a tile of 1,024 float32."""


@triton.jit
def _sums_kernel(
    x, gate, start, part_from, part_to, out, features,
    GATED: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    part = tl.program_id(0).to(tl.int64)
    low, high = tl.load(part_from + part), tl.load(part_to + part)
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
    tl.store(out + part * features + j, total, mask=j < features)


def neighbour_sums(x: Tensor, gate: Tensor | None, rows: Rows) -> Tensor:
    """``cuda_sums.neighbour_sums`` as one kernel; a row's parts are added up by torch."""
    x = x.contiguous()
    parts, features = rows.part_row.shape[0], x.shape[1]
    # parts are added in any order: in double the order does not show
    partial = x.new_empty(parts, features, dtype=torch.float64)
    _sums_kernel[(parts,)](
        x, x if gate is None else gate.contiguous(), rows.start, rows.part_from, rows.part_to,
        partial, features,
        GATED=gate is not None, WIDTH=triton.next_power_of_2(features), BLOCK=BLOCK,
        num_warps=2, enable_fp_fusion=True,
    )  # fmt: skip
    # one row more, for the parts that are not needed
    out = partial.new_zeros(rows.count + 1, features).index_add_(0, rows.part_row, partial)
    return out[:-1].to(x.dtype)
