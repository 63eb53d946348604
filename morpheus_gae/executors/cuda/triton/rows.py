"""Triton: what of compressed rows is left to do once their entries are sorted, in two kernels."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 256


@triton.jit
def _below(keys, value, count, steps):
    """How many of the ascending keys are below each value, by bisection."""
    low = tl.zeros_like(value).to(tl.int64)
    high = low + count
    for _ in range(steps):
        open_ = low < high
        middle = (low + high) // 2
        below = open_ & (tl.load(keys + middle, mask=open_, other=0) < value)
        low = tl.where(below, middle + 1, low)
        high = tl.where(open_ & (below == 0), middle, high)
    return low


@triton.jit(do_not_specialize=["entries", "rows", "steps"])
def _bounds_kernel(key, begin, degree, parts, entries, rows, steps, PART: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = row < rows
    low, high = _below(key, row, entries, steps), _below(key, row + 1, entries, steps)
    tl.store(begin + row, low, mask=there)
    tl.store(degree + row, high - low, mask=there)
    tl.store(parts + row, (high - low + PART - 1) // PART, mask=there)


@triton.jit(do_not_specialize=["entries", "half", "rows", "items", "steps"])
def _fill_kernel(
    key, entry, first, second, begin, degree, stop, start, end, part_row, part_from, part_to,
    entries, half, rows, items, steps, PART: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = i < entries
    at = tl.load(entry + i, mask=there, other=0)
    sender = tl.load(first + at, mask=there & (at < half), other=0)
    sender |= tl.load(second + at - half, mask=there & (at >= half), other=0)
    tl.store(start + i, sender, mask=there)
    tl.store(end + i, tl.load(key + i, mask=there, other=0).to(tl.int64), mask=there)
    there = i < items
    row = _below(stop, i + 1, rows, steps)
    inside = there & (row < rows)
    before = tl.load(stop + row - 1, mask=inside & (row > 0), other=0)
    low = tl.load(begin + row, mask=inside, other=0)
    high = low + tl.load(degree + row, mask=inside, other=0)
    low = tl.minimum(low + (i - before) * PART, high)
    # parts that are not needed have the row behind the last, and nothing in them
    tl.store(part_row + i, row, mask=there)
    tl.store(part_from + i, tl.where(inside, low, 0), mask=there)
    tl.store(part_to + i, tl.where(inside, tl.minimum(low + PART, high), 0), mask=there)


def compressed(
    key: Tensor, entry: Tensor, starts: tuple[Tensor, Tensor], n: int, part: int
) -> tuple[Tensor, ...]:
    """``device_rows.compressed_torch`` of at least one entry and one row."""
    m, device = key.shape[0], key.device
    items = min(n, m) + m // part
    begin, degree, parts, start, end, part_row, part_from, part_to = (
        torch.empty(size, dtype=torch.int64, device=device) for size in (n, n, n, m, m, items, items, items)
    )
    _bounds_kernel[(triton.cdiv(n, BLOCK),)](
        key, begin, degree, parts, m, n, m.bit_length(), PART=part, BLOCK=BLOCK, enable_fp_fusion=True
    )
    stop = torch.cumsum(parts, 0)
    _fill_kernel[(triton.cdiv(max(m, items), BLOCK),)](
        key, entry, *(side.contiguous() for side in starts), begin, degree, stop, start, end,
        part_row, part_from, part_to, m, starts[0].shape[0], n, items, n.bit_length(),
        PART=part, BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
    return start, end, degree, part_row, part_from, part_to, stop
