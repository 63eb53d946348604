"""Triton: a hash table of rows with equal keys, filled by compare-and-swap.

A slot holds the number of a row, never the key: whoever finds a slot taken compares its own key with that
row's, in columns that nobody writes. So 128 bits need no 128-bit atomic, and no half-written key is seen.
Equal rows leave the least of their numbers, so the result does not depend on which came first.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 256
SPARE = 64
"""Programs that share spare slots; see the kernel."""
# SplitMix64's finaliser (Steele et al. 2014), constants as signed numbers
_C1 = tl.constexpr(0xBF58476D1CE4E5B9 - (1 << 64))
_C2 = tl.constexpr(0x94D049BB133111EB - (1 << 64))


@triton.jit
def _mix(x):
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * _C1
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * _C2
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


@triton.jit(do_not_specialize=["rows", "last", "salt"])
def _insert_kernel(hi, lo, table, slots, rows, last, salt, BLOCK: tl.constexpr, SPARE: tl.constexpr):
    lane = tl.arange(0, BLOCK)
    program = tl.program_id(0).to(tl.int64)
    at = program * BLOCK + lane
    there = at < rows
    row = at.to(tl.int32)
    upper = tl.load(hi + at, mask=there, other=0)
    lower = tl.load(lo + at, mask=there, other=0)
    slot = _mix(lower ^ _mix(upper ^ salt)) & last
    # a compare-and-swap takes no mask: lanes without a wish do theirs on a spare slot, which is never empty
    spare = last.to(tl.int64) + 1 + (program % SPARE) * BLOCK + lane
    empty = tl.full([BLOCK], -1, tl.int32)
    going = there
    while tl.max(going.to(tl.int32), 0) > 0:
        seen = tl.load(table + slot, mask=going, other=0)
        wish = going & (seen == -1)
        # looked before leapt: slots of busy hosts are read, not fought over
        if tl.max(wish.to(tl.int32), 0) > 0:
            old = tl.atomic_cas(table + tl.where(wish, slot, spare), empty, row, sem="relaxed")
            seen = tl.where(wish, tl.where(old == -1, row, old), seen)
        same = going & (tl.load(hi + seen, mask=going, other=0) == upper)
        same = same & (tl.load(lo + seen, mask=going, other=0) == lower)
        tl.atomic_min(table + slot, row, mask=same & (row < seen), sem="relaxed")
        going = going & ~same
        slot = tl.where(going, (slot + 1) & last, slot)
    tl.store(slots + at, slot, mask=there)


def distinct(hi: Tensor, lo: Tensor, salt: int) -> tuple[Tensor, Tensor]:
    """``cuda_distinct.distinct`` of at least one row, and fewer than 2**31."""
    rows, device = lo.shape[0], lo.device
    # at most half full, however many are distinct
    size = triton.next_power_of_2(2 * rows)
    table = torch.full((size + SPARE * BLOCK,), -1, dtype=torch.int32, device=device)
    table[size:] = 0
    slots = torch.empty(rows, dtype=torch.int64, device=device)
    _insert_kernel[(triton.cdiv(rows, BLOCK),)](
        hi.contiguous(), lo.contiguous(), table, slots, rows, size - 1, salt,
        BLOCK=BLOCK, SPARE=SPARE, enable_fp_fusion=True,
    )  # fmt: skip
    least = table[slots].to(torch.int64)
    new = least == torch.arange(rows, device=device)
    return (torch.cumsum(new, 0) - 1)[least], torch.nonzero(new)[:, 0]
