"""Triton: the graph of a window, straight from its four address columns, in six kernels and one wait.

Hosts and pairs go into two hash tables as in ``triton_distinct``: a slot holds the number of a row, never the
key, and of equal keys the least row is left. A pair's key is its hosts' slots, so pairs wait for no number.
Rows that are left are the first of their key: they are marked (their slot with all bits turned), counted, and
numbered by a scan of the counts; then each puts its number into its slot, where all others read it. Rows of
hosts are all sources, then all destinations.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.triton.distinct import SPARE, _mix

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.device import DeviceFlows

BLOCK = 256
"""Rows of a program that fills a table; of SPARE of them the spare slots lie behind both tables."""
WIDE = 1024
"""Flows of a program of the other kernels."""
WARPS = 8
COLUMNS = ("src_hi", "src_lo", "dst_hi", "dst_lo")


@triton.jit
def _key(src_hi, src_lo, dst_hi, dst_lo, slots, row, flows, there, PAIRS: tl.constexpr):
    """Halves of a row's key: of a pair its hosts' slots, of a host its address."""
    if PAIRS:
        upper = tl.load(slots + row, mask=there, other=0).to(tl.int64)
        lower = tl.load(slots + flows + row, mask=there, other=0).to(tl.int64)
    else:
        second = row >= flows
        source, destination = there & (row < flows), there & second
        flow = tl.where(second, row - flows, row)
        upper = tl.load(src_hi + flow, mask=source, other=0) | tl.load(
            dst_hi + flow, mask=destination, other=0
        )
        lower = tl.load(src_lo + flow, mask=source, other=0) | tl.load(
            dst_lo + flow, mask=destination, other=0
        )
    return upper, lower


# columns may be slices: nothing is compiled anew where one lies otherwise
@triton.jit(do_not_specialize=[*COLUMNS, "flows", "first", "last", "behind", "salt"])
def _insert_kernel(
    src_hi, src_lo, dst_hi, dst_lo, slots, tables, flows, first, last, behind, salt,
    PAIRS: tl.constexpr, BLOCK: tl.constexpr, SPARE: tl.constexpr,
):  # fmt: skip
    lane = tl.arange(0, BLOCK)
    program = tl.program_id(0).to(tl.int64)
    at = program * BLOCK + lane
    rows = flows if PAIRS else 2 * flows
    there = at < rows
    row = at.to(tl.int32)
    upper, lower = _key(src_hi, src_lo, dst_hi, dst_lo, slots, row, flows, there, PAIRS)
    wide = last.to(tl.int64)
    slot = _mix(lower ^ _mix(upper ^ salt)) & wide
    table = tables + first
    # a compare-and-swap takes no mask: lanes without a wish do theirs on a spare slot, which nobody reads
    spare = behind.to(tl.int64) - first + (program % SPARE) * BLOCK + lane
    empty = tl.full([BLOCK], -1, tl.int32)
    going = there
    while tl.max(going.to(tl.int32), 0) > 0:
        seen = tl.load(table + slot, mask=going, other=0)
        wish = going & (seen == -1)
        # looked before leapt: slots of busy hosts are read, not fought over
        if tl.max(wish.to(tl.int32), 0) > 0:
            old = tl.atomic_cas(table + tl.where(wish, slot, spare), empty, row, sem="relaxed")
            seen = tl.where(wish, tl.where(old == -1, row, old), seen)
        high, low = _key(src_hi, src_lo, dst_hi, dst_lo, slots, seen, flows, going, PAIRS)
        same = going & (high == upper) & (low == lower)
        tl.atomic_min(table + slot, row, mask=same & (row < seen), sem="relaxed")
        going = going & ~same
        slot = tl.where(going, (slot + 1) & wide, slot)
    own = slots + 2 * flows.to(tl.int64) if PAIRS else slots
    tl.store(own + at, slot.to(tl.int32), mask=there)


@triton.jit
def _marked(slots, tables, row, there):
    """1 where a row is the first of its key, and its slot is marked."""
    slot = tl.load(slots, mask=there, other=0)
    new = there & (tl.load(tables + slot, mask=there, other=-1) == row)
    tl.store(slots, ~slot, mask=new)
    return new.to(tl.int32)


@triton.jit(do_not_specialize=["flows", "first", "blocks"])
def _mark_kernel(slots, tables, counts, flows, first, blocks, BLOCK: tl.constexpr):
    program = tl.program_id(0)
    row = program * BLOCK + tl.arange(0, BLOCK)
    there = row < flows
    sources = _marked(slots + row, tables, row, there)
    destinations = _marked(slots + flows + row, tables, flows + row, there)
    pairs = _marked(slots + 2 * flows + row, tables + first, row, there)
    tl.store(counts + program, tl.sum(sources, 0))
    tl.store(counts + blocks + program, tl.sum(destinations, 0))
    tl.store(counts + 2 * blocks + program, tl.sum(pairs, 0))


@triton.jit(do_not_specialize=["blocks"])
def _scan_kernel(counts, blocks, BLOCK: tl.constexpr):
    """Counts become how many there are before; a program for hosts, one for pairs; the sums go behind."""
    which = tl.program_id(0)
    high = (2 + which) * blocks
    before = tl.full((), 0, tl.int32)
    for at in range(2 * which * blocks, high, BLOCK):
        i = at + tl.arange(0, BLOCK)
        count = tl.load(counts + i, mask=i < high, other=0)
        tl.store(counts + i, before + tl.cumsum(count, 0) - count, mask=i < high)
        before += tl.sum(count, 0)
    tl.store(counts + 3 * blocks + which, before)


@triton.jit
def _numbered(slots, tables, before, there):
    """Number of each row that is the first of its key, and which these are; their slots get it."""
    slot = tl.load(slots, mask=there, other=0)
    new = slot < 0
    number = before + tl.cumsum(new.to(tl.int32), 0) - 1
    tl.store(tables + ~slot, number, mask=new)
    return number.to(tl.int64), new


@triton.jit
def _put_host(hi, lo, number, new, host_hi, host_lo, flags):
    """An address and its classes: ``model.features.class_flags``."""
    upper, lower = tl.load(hi, mask=new, other=0), tl.load(lo, mask=new, other=0)
    tl.store(host_hi + number, upper, mask=new)
    tl.store(host_lo + number, lower, mask=new)
    v4 = (upper == 0) & ((lower >> 32) == 0xFFFF)
    a = lower & 0xFFFFFFFF
    top = a >> 24
    private4 = (top == 10) | ((a >> 20) == 0xAC1) | ((a >> 16) == 0xC0A8) | ((a >> 22) == 0x191)
    multicast4 = (top >= 224) & (top < 240)
    broadcast4 = ((a & 0xFF) == 255) & (multicast4 == 0)
    local4 = (top == 0) | (top == 127) | ((a >> 16) == 0xA9FE)
    byte6 = (upper >> 56) & 0xFF
    local6 = (((upper >> 54) & 0x3FF) == 0x3FA) | ((upper == 0) & ((lower == 0) | (lower == 1)))
    out = flags + number * 5
    tl.store(out, tl.where(v4, private4, (byte6 & 0xFE) == 0xFC).to(tl.float32), mask=new)
    tl.store(out + 1, tl.where(v4, multicast4, byte6 == 0xFF).to(tl.float32), mask=new)
    tl.store(out + 2, (v4 & broadcast4).to(tl.float32), mask=new)
    tl.store(out + 3, tl.where(v4, local4, local6).to(tl.float32), mask=new)
    tl.store(out + 4, (v4 == 0).to(tl.float32), mask=new)


@triton.jit(do_not_specialize=[*COLUMNS, "flows", "first", "blocks"])
def _number_kernel(
    src_hi, src_lo, dst_hi, dst_lo, slots, tables, counts, host_hi, host_lo, flags, pair_flows,
    flows, first, blocks, BLOCK: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    row = program * BLOCK + tl.arange(0, BLOCK)
    there = row < flows
    number, new = _numbered(slots + row, tables, tl.load(counts + program), there)
    _put_host(src_hi + row, src_lo + row, number, new, host_hi, host_lo, flags)
    number, new = _numbered(slots + flows + row, tables, tl.load(counts + blocks + program), there)
    _put_host(dst_hi + row, dst_lo + row, number, new, host_hi, host_lo, flags)
    before = tl.load(counts + 2 * blocks + program)
    number, new = _numbered(slots + 2 * flows + row, tables + first, before, there)
    tl.store(pair_flows + number, tl.zeros_like(number), mask=new)


@triton.jit(do_not_specialize=["flows", "first"])
def _pairs_kernel(slots, tables, pair, pair_src, pair_dst, pair_flows, flows, first, BLOCK: tl.constexpr):
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = row < flows
    slot = tl.load(slots + 2 * flows + row, mask=there, other=0)
    new = slot < 0
    own = tl.load(tables + first + tl.where(new, ~slot, slot), mask=there, other=0x7FFFFFFF)
    tl.store(pair + row, own.to(tl.int64), mask=there)
    # busy pairs come early: the least number here is often that of many, who would all add to one place
    least = tl.min(own, 0)
    many = there & (own == least)
    tl.atomic_add(pair_flows + least, tl.sum(many.to(tl.int64), 0), sem="relaxed")
    tl.atomic_add(pair_flows + own, tl.full([BLOCK], 1, tl.int64), mask=there & (own != least), sem="relaxed")
    source = tl.load(slots + row, mask=new, other=0)
    destination = tl.load(slots + flows + row, mask=new, other=0)
    source = tl.load(tables + tl.where(source < 0, ~source, source), mask=new, other=0)
    destination = tl.load(tables + tl.where(destination < 0, ~destination, destination), mask=new, other=0)
    tl.store(pair_src + own, source.to(tl.int64), mask=new)
    tl.store(pair_dst + own, destination.to(tl.int64), mask=new)


def numbered(flows: DeviceFlows, salt: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """``device_graph.numbered`` of at least one flow."""
    e, device = len(flows), flows.src_lo.device
    blocks = triton.cdiv(e, WIDE)
    # at most half full, however many are distinct
    first, rest = triton.next_power_of_2(4 * e), triton.next_power_of_2(2 * e)
    tables = torch.full((first + rest + SPARE * BLOCK,), -1, dtype=torch.int32, device=device)
    slots = torch.empty(3 * e, dtype=torch.int32, device=device)
    counts = torch.empty(3 * blocks + 2, dtype=torch.int32, device=device)
    columns = [c.contiguous() for c in (flows.src_hi, flows.src_lo, flows.dst_hi, flows.dst_lo)]
    how = {"BLOCK": WIDE, "num_warps": WARPS, "enable_fp_fusion": True}
    _insert_kernel[(triton.cdiv(2 * e, BLOCK),)](
        *columns, slots, tables, e, 0, first - 1, first + rest, salt,
        PAIRS=False, BLOCK=BLOCK, SPARE=SPARE, enable_fp_fusion=True,
    )  # fmt: skip
    _insert_kernel[(triton.cdiv(e, BLOCK),)](
        *columns, slots, tables, e, first, rest - 1, first + rest, salt,
        PAIRS=True, BLOCK=BLOCK, SPARE=SPARE, enable_fp_fusion=True,
    )  # fmt: skip
    _mark_kernel[(blocks,)](slots, tables, counts, e, first, blocks, **how)
    _scan_kernel[(2,)](counts, blocks, **how)
    # the only wait of a window
    n, p = counts[3 * blocks :].tolist()
    host_hi, host_lo, pair, pair_src, pair_dst, pair_flows = (
        torch.empty(rows, dtype=torch.int64, device=device) for rows in (n, n, e, p, p, p)
    )
    flags = torch.empty(n, 5, device=device)
    _number_kernel[(blocks,)](
        *columns, slots, tables, counts, host_hi, host_lo, flags, pair_flows, e, first, blocks, **how
    )
    _pairs_kernel[(blocks,)](slots, tables, pair, pair_src, pair_dst, pair_flows, e, first, **how)
    return pair, pair_src, pair_dst, pair_flows, host_hi, host_lo, flags
