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

from morpheus_gae.executors.cuda.memory_keys import Found, Rows
from morpheus_gae.executors.cuda.triton.distinct import _mix

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.memory_keys import DeviceMemory

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


@triton.jit(
    do_not_specialize=[
        "hosts", "count", "shift", "last", "steps", "salt", "row", "near",
        "of_narrow", "of_wide", "kin_count", "kin_shift", "kin_last", "kin_steps",
    ]
)  # fmt: skip
def _hosts_kernel(
    hi, lo, keys, begin, key, narrow, wide, row, near, unseen, hosts, count, shift, last, steps, salt,
    of_narrow, of_wide, kin_keys, kin_begin, kin_count, kin_shift, kin_last, kin_steps,
    PREFIXES: tl.constexpr, BLOCK: tl.constexpr,
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
    if PREFIXES:
        v4 = (upper == 0) & (((lower >> 32) & 0xFFFFFFFF) == 0xFFFF)
        first = _mix(_mix(upper + of_narrow) + tl.where(v4, lower & ~0xFF, 0) * _GOLDEN)
        second = _mix(_mix((upper & ~0xFFFF) + of_wide) + tl.where(v4, lower & ~0xFFFF, 0) * _GOLDEN)
        tl.store(narrow + at, first, mask=there)
        tl.store(wide + at, second, mask=there)
        new = there & (found == count)
        found = _kin(found, new, first, count, kin_keys, kin_begin, kin_count, kin_shift, kin_last, kin_steps)
        new = there & (found == count)
        found = _kin(
            found, new, second, count, kin_keys, kin_begin, kin_count, kin_shift, kin_last, kin_steps
        )
        tl.store(near + at, found, mask=there)


@triton.jit
def _kin(found, new, key, count, keys, begin, kin_count, shift, last, steps):
    """Rows behind the ``count + 1`` first, in place of those of ``new`` lanes, where there are such."""
    place = _place(key, new, keys, begin, kin_count, shift, last, steps)
    return tl.where(new & (place < kin_count), place + count + 1, found)


@triton.jit
def _pair_key(src, dst):
    return _mix(src * _GOLDEN + (dst ^ ((dst >> 29) & 0x7FFFFFFFF)))


@triton.jit(
    do_not_specialize=[
        "pairs", "count", "shift", "last", "steps", "forward", "reverse", "near", "near_back",
        "kin_count", "kin_shift", "kin_last", "kin_steps",
    ]
)  # fmt: skip
def _pairs_kernel(
    key, narrow, wide, src, dst, keys, begin, forward, reverse, near, near_back, pairs, count, shift, last,
    steps, kin_keys, kin_begin, kin_count, kin_shift, kin_last, kin_steps,
    PREFIXES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    s = tl.load(src + at, mask=there, other=0)
    d = tl.load(dst + at, mask=there, other=0)
    of_src = tl.load(key + s, mask=there, other=0)
    of_dst = tl.load(key + d, mask=there, other=0)
    found = _place(_pair_key(of_src, of_dst), there, keys, begin, count, shift, last, steps)
    tl.store(forward + at, found, mask=there)
    back = _place(_pair_key(of_dst, of_src), there, keys, begin, count, shift, last, steps)
    tl.store(reverse + at, back, mask=there)
    if PREFIXES:
        new = there & (found == count)
        like = _pair_key(of_src, tl.load(narrow + d, mask=new, other=0))
        back = _kin(
            back, new & (back == count), like, count,
            kin_keys, kin_begin, kin_count, kin_shift, kin_last, kin_steps,
        )  # fmt: skip
        tl.store(near_back + at, back, mask=there)
        like = _pair_key(tl.load(narrow + s, mask=new, other=0), of_dst)
        found = _kin(found, new, like, count, kin_keys, kin_begin, kin_count, kin_shift, kin_last, kin_steps)
        new = there & (found == count)
        like = _pair_key(tl.load(wide + s, mask=new, other=0), of_dst)
        found = _kin(found, new, like, count, kin_keys, kin_begin, kin_count, kin_shift, kin_last, kin_steps)
        tl.store(near + at, found, mask=there)


def find(memory: DeviceMemory, hi: Tensor, lo: Tensor, src: Tensor, dst: Tensor) -> Found:
    """``device_memory.find_torch`` as two kernels; rows are int32."""
    n, p, device = lo.shape[0], src.shape[0], lo.device
    prefixes = memory.prefixes is not None
    key = torch.empty_like(lo)
    host, forward, reverse = torch.empty(n + 2 * p, dtype=torch.int32, device=device).split([n, p, p])
    near, narrow, wide = Rows(host, forward, reverse), key, key
    if prefixes:
        narrow, wide = torch.empty_like(lo), torch.empty_like(lo)
        near = Rows(*torch.empty(n + 2 * p, dtype=torch.int32, device=device).split([n, p, p]))
    unseen = torch.zeros((), dtype=torch.int64, device=device)
    index, other = memory.hosts, memory.prefixes or memory.hosts
    _hosts_kernel[(triton.cdiv(n, BLOCK),)](
        hi, lo, index.keys, index.begin, key, narrow, wide, host, near.host, unseen, n,
        index.count, index.shift, index.last, index.steps, memory.salt, memory.narrow, memory.wide,
        other.keys, other.begin, other.count, other.shift, other.last, other.steps,
        PREFIXES=prefixes, BLOCK=BLOCK,
    )  # fmt: skip
    index, other = memory.pairs, memory.kin or memory.pairs
    _pairs_kernel[(triton.cdiv(p, BLOCK),)](
        key, narrow, wide, src, dst, index.keys, index.begin, forward, reverse, near.forward, near.reverse, p,
        index.count, index.shift, index.last, index.steps,
        other.keys, other.begin, other.count, other.shift, other.last, other.steps,
        PREFIXES=prefixes, BLOCK=BLOCK,
    )  # fmt: skip
    return Found(host, forward, reverse, unseen, near)
