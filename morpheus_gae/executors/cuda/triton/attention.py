"""Triton: GATv2 with an online softmax, one program a head of a part of a row."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.rows import Rows

BLOCK = 32
"""Pairs of one step."""
PARTS = 8
"""Parts of one step: most hosts have one."""


@triton.jit(do_not_specialize=["rows"])
def _attention_kernel(
    left, right, edge, pf, bias, attend, start, entry, part_row, part_from, part_to,
    out_top, out_total, out_mixed, rows, leak,
    BIASED: tl.constexpr, HEADS: tl.constexpr, DIM: tl.constexpr, NUMBERS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    part, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    row = tl.load(part_row + part)
    low, high = tl.load(part_from + part), tl.load(part_to + part)
    width: tl.constexpr = HEADS * DIM
    j = tl.arange(0, DIM)
    column = head * DIM + j
    # parts that are not needed have the row behind the last, and no entries
    mine = tl.load(right + tl.minimum(row, rows - 1) * width + column)
    weigh = tl.load(attend + column)
    top = tl.full((), float("-inf"), tl.float32)
    total = tl.full((), 0.0, tl.float32)
    mixed = tl.zeros([DIM], tl.float32)
    for at in range(low, high, BLOCK):
        i = at + tl.arange(0, BLOCK)
        there = i < high
        sender = tl.load(start + i, mask=there, other=0)
        pair = tl.load(entry + i, mask=there, other=0)
        value = tl.load(left + sender[:, None] * width + column[None, :], mask=there[:, None], other=0.0)
        hidden = value + mine[None, :]
        for c in tl.static_range(NUMBERS):
            number = tl.load(pf + pair * NUMBERS + c, mask=there, other=0.0)
            hidden += number[:, None] * tl.load(edge + c * width + column)[None, :]
        hidden = tl.where(hidden > 0, hidden, leak * hidden)
        logit = tl.sum(hidden * weigh[None, :], 1)
        if BIASED:
            logit += tl.load(bias + pair, mask=there, other=0.0)
        logit = tl.where(there, logit, float("-inf"))
        most = tl.maximum(top, tl.max(logit, 0))
        shrink = tl.exp(top - most)
        weight = tl.exp(logit - most)
        total = total * shrink + tl.sum(weight, 0)
        mixed = mixed * shrink + tl.sum(weight[:, None] * value, 0)
        top = most
    at_head = part * HEADS + head
    tl.store(out_top + at_head, top)
    tl.store(out_total + at_head, total)
    tl.store(out_mixed + at_head * DIM + j, mixed)


@triton.jit
def _join_kernel(
    left, right, attend, part_stop, top, total, mixed, out, leak,
    HEADS: tl.constexpr, DIM: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    j = tl.arange(0, DIM)
    column = head * DIM + j
    own = tl.load(left + row * HEADS * DIM + column)
    hidden = own + tl.load(right + row * HEADS * DIM + column)
    hidden = tl.where(hidden > 0, hidden, leak * hidden)
    # the self-loop first, then the parts in their order
    most = tl.sum(hidden * tl.load(attend + column), 0)
    whole = tl.full((), 1.0, tl.float32)
    low = tl.load(part_stop + row - 1, mask=row > 0, other=0)
    high = tl.load(part_stop + row)
    for at in range(low, high, BLOCK):
        part = at + tl.arange(0, BLOCK)
        there = part < high
        tops = tl.load(top + part * HEADS + head, mask=there, other=float("-inf"))
        more = tl.maximum(most, tl.max(tops, 0))
        shrink, weight = tl.exp(most - more), tl.exp(tops - more)
        totals = tl.load(total + part * HEADS + head, mask=there, other=0.0)
        place = (part * HEADS + head)[:, None] * DIM + j[None, :]
        sums = tl.load(mixed + place, mask=there[:, None], other=0.0)
        whole = whole * shrink + tl.sum(weight * totals, 0)
        own = own * shrink + tl.sum(weight[:, None] * sums, 0)
        most = more
    tl.store(out + row * HEADS * DIM + column, own / whole)


def parts(
    left: Tensor, right: Tensor, edge: Tensor, pf: Tensor, bias: Tensor | None, attend: Tensor, rows: Rows
) -> tuple[Tensor, Tensor, Tensor]:
    """``cuda_attention.parts_torch`` as one kernel, with a row of its results for each part."""
    from morpheus_gae.model.gae import LEAK

    heads, dim = attend.shape
    count = rows.part_row.shape[0]
    top, total = left.new_empty(count, heads), left.new_empty(count, heads)
    mixed = left.new_empty(count, heads, dim)
    left = left.contiguous()
    _attention_kernel[(count, heads)](
        left, right.contiguous(), edge.contiguous(), pf.contiguous(),
        left if bias is None else bias.contiguous(), attend.contiguous(), rows.start, rows.entry,
        rows.part_row, rows.part_from, rows.part_to, top, total, mixed, rows.count, LEAK,
        BIASED=bias is not None, HEADS=heads, DIM=dim, NUMBERS=pf.shape[1], BLOCK=BLOCK,
        num_warps=1, enable_fp_fusion=True,
    )  # fmt: skip
    return top, total, mixed


def joined(
    left: Tensor, right: Tensor, attend: Tensor, rows: Rows, top: Tensor, total: Tensor, mixed: Tensor
) -> Tensor:
    """float32 [N, W]: softmax over the parts of each row and its self-loop, as one kernel."""
    from morpheus_gae.model.gae import LEAK

    heads, dim = attend.shape
    out = left.new_empty(left.shape)
    _join_kernel[(rows.count, heads)](
        left.contiguous(), right.contiguous(), attend, rows.part_stop, top, total, mixed, out, LEAK,
        HEADS=heads, DIM=dim, BLOCK=PARTS, num_warps=1, enable_fp_fusion=True,
    )  # fmt: skip
    return out
