"""Triton: where the model's memory keeps a window's hosts and pairs.

Keys are salted hashes, spread evenly: the upper bits of one tell its place among the sorted ones but for a
few, so a key is found in a few reads, in the place of one for each bit of their number.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.device_memory import Found
from morpheus_gae.executors.triton_distinct import _mix

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.device_memory import DeviceMemory

BLOCK = 128
"""Hosts or pairs of one program, one a lane."""
_GOLDEN = tl.constexpr(0x9E3779B97F4A7C15 - (1 << 64))
_SIGN = tl.constexpr(-(1 << 63))


@triton.jit
def _place(key, there, keys, begin, count, shift, last, steps):
    """int32: place of each key among sorted ones, ``count`` where there is none."""
    part = (key >> shift) & last
    low = tl.load(begin + part, mask=there, other=0)
    end = tl.load(begin + part + 1, mask=there, other=0)
    high = end
    turned = key ^ _SIGN
    for _ in range(steps):
        open_ = low < high
        middle = low + (high - low) // 2
        below = tl.load(keys + middle, mask=open_, other=0) < turned
        low = tl.where(open_ & below, middle + 1, low)
        high = tl.where(open_ & ~below, middle, high)
    found = (low < end) & (tl.load(keys + low, mask=low < end, other=0) == turned)
    return tl.where(found, low, count)


@triton.jit(do_not_specialize=["hosts", "count", "shift", "last", "steps", "salt", "row"])
def _hosts_kernel(
    hi, lo, keys, begin, key, row, unseen, hosts, count, shift, last, steps, salt, BLOCK: tl.constexpr
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < hosts
    upper = tl.load(hi + at, mask=there, other=0)
    lower = tl.load(lo + at, mask=there, other=0)
    own = _mix(_mix(upper + salt) + lower * _GOLDEN)
    found = _place(own, there, keys, begin, count, shift, last, steps)
    tl.store(key + at, own, mask=there)
    tl.store(row + at, found, mask=there)
    tl.atomic_add(unseen, tl.sum((there & (found == count)).to(tl.int64), 0), sem="relaxed")


@triton.jit
def _pair_key(src, dst):
    return _mix(src * _GOLDEN + (dst ^ ((dst >> 29) & 0x7FFFFFFFF)))


@triton.jit(do_not_specialize=["pairs", "count", "shift", "last", "steps", "forward", "reverse"])
def _pairs_kernel(
    key, src, dst, keys, begin, forward, reverse, pairs, count, shift, last, steps, BLOCK: tl.constexpr
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    of_src = tl.load(key + tl.load(src + at, mask=there, other=0), mask=there, other=0)
    of_dst = tl.load(key + tl.load(dst + at, mask=there, other=0), mask=there, other=0)
    found = _place(_pair_key(of_src, of_dst), there, keys, begin, count, shift, last, steps)
    tl.store(forward + at, found, mask=there)
    found = _place(_pair_key(of_dst, of_src), there, keys, begin, count, shift, last, steps)
    tl.store(reverse + at, found, mask=there)


def find(memory: DeviceMemory, hi: Tensor, lo: Tensor, src: Tensor, dst: Tensor) -> Found:
    """``device_memory.find_torch`` as two kernels; rows are int32."""
    n, p, device = lo.shape[0], src.shape[0], lo.device
    key = torch.empty_like(lo)
    host, forward, reverse = torch.empty(n + 2 * p, dtype=torch.int32, device=device).split([n, p, p])
    unseen = torch.zeros((), dtype=torch.int64, device=device)
    index = memory.hosts
    _hosts_kernel[(triton.cdiv(n, BLOCK),)](
        hi, lo, index.keys, index.begin, key, host, unseen, n,
        index.count, index.shift, index.last, index.steps, memory.salt, BLOCK=BLOCK,
    )  # fmt: skip
    index = memory.pairs
    _pairs_kernel[(triton.cdiv(p, BLOCK),)](
        key, src, dst, index.keys, index.begin, forward, reverse, p,
        index.count, index.shift, index.last, index.steps, BLOCK=BLOCK,
    )  # fmt: skip
    return Found(host, forward, reverse, unseen)
