"""Triton: octet features in two kernels, and neighbour averages in two a sweep."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.triton.sums import part_sum, row_sum

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.rows import Rows

BLOCK = 256
WIDTH = 8
"""Octet features of a host."""
STEP = 32
"""Neighbours, or parts, of one step."""


@triton.jit
def _added(counts, end, number, weight, there):
    """Pairs and flows of the hosts at one end: what belongs to the busiest goes in one piece."""
    host = tl.load(end + number, mask=there, other=0x7FFFFFFFFFFFFFFF)
    # busy hosts come early: the least number here is often that of many, who would all add to one place
    least = tl.min(host, 0)
    many = there & (host == least)
    other = there & (host != least)
    tl.atomic_add(counts + 2 * least, tl.sum(many.to(tl.int64), 0), sem="relaxed")
    tl.atomic_add(counts + 2 * least + 1, tl.sum(tl.where(many, weight, 0), 0), sem="relaxed")
    tl.atomic_add(counts + 2 * host, there.to(tl.int64), mask=other, sem="relaxed")
    tl.atomic_add(counts + 2 * host + 1, weight, mask=other, sem="relaxed")


@triton.jit(do_not_specialize=["pairs", "hosts"])
def _counts_kernel(pair_src, pair_dst, pair_flows, counts, pairs, hosts, BLOCK: tl.constexpr):
    number = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = number < pairs
    weight = tl.load(pair_flows + number, mask=there, other=0)
    _added(counts, pair_src, number, weight, there)
    _added(counts + 2 * hosts.to(tl.int64), pair_dst, number, weight, there)


@triton.jit
def _octet(word, octet, v4):
    """A group of an address: of IPv4 an octet, else the mean of four."""
    total = (word & 0xFF) + ((word >> 8) & 0xFF) + ((word >> 16) & 0xFF) + ((word >> 24) & 0xFF)
    return tl.where(v4, (octet & 0xFF).to(tl.float32), total.to(tl.float32) / 4) / 255


@triton.jit
def _share(count, whole):
    return (1 + (tl.log(1.0 + count.to(tl.float64)) - tl.log(1.0 + whole.to(tl.float64))) / 12).to(tl.float32)


@triton.jit(do_not_specialize=["hosts", "pairs", "flows"])
def _octets_kernel(host_hi, host_lo, counts, out, hosts, pairs, flows, BLOCK: tl.constexpr):
    host = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = host < hosts
    hi, lo = tl.load(host_hi + host, mask=there, other=0), tl.load(host_lo + host, mask=there, other=0)
    v4 = (hi == 0) & ((lo >> 32) == 0xFFFF)
    # 64 bits: features of 2**31 / 8 hosts and more
    host = host.to(tl.int64)
    at = out + host * 8
    tl.store(at, _octet(hi >> 32, lo >> 24, v4), mask=there)
    tl.store(at + 1, _octet(hi, lo >> 16, v4), mask=there)
    tl.store(at + 2, _octet(lo >> 32, lo >> 8, v4), mask=there)
    tl.store(at + 3, _octet(lo, lo, v4), mask=there)
    sent, got = counts + 2 * host, counts + 2 * (host + hosts)
    tl.store(at + 4, _share(tl.load(sent, mask=there, other=0), pairs), mask=there)
    tl.store(at + 5, _share(tl.load(got, mask=there, other=0), pairs), mask=there)
    tl.store(at + 6, _share(tl.load(sent + 1, mask=there, other=0), flows), mask=there)
    tl.store(at + 7, _share(tl.load(got + 1, mask=there, other=0), flows), mask=there)


def octet_features(
    host_hi: Tensor, host_lo: Tensor, pair_src: Tensor, pair_dst: Tensor, pair_flows: Tensor, flows: int
) -> Tensor:
    """``device_octets.octet_features`` of at least one host and one pair."""
    n, p = host_lo.shape[0], pair_src.shape[0]
    counts = torch.zeros(4 * n, dtype=torch.int64, device=host_lo.device)
    out = torch.empty(n, WIDTH, device=host_lo.device)
    _counts_kernel[(triton.cdiv(p, BLOCK),)](
        pair_src, pair_dst, pair_flows, counts, p, n, BLOCK=BLOCK, enable_fp_fusion=True
    )
    _octets_kernel[(triton.cdiv(n, BLOCK),)](
        host_hi, host_lo, counts, out, n, p, flows, BLOCK=BLOCK, enable_fp_fusion=True
    )
    return out


@triton.jit
def _going(changes, sweep, tolerance):
    """Whether the sweep before has moved a value so far that this one is needed."""
    before = tl.load(changes + sweep).to(tl.float32, bitcast=True)
    return (sweep == 0) | (before >= tolerance)


@triton.jit(do_not_specialize=["sweep", "tolerance"])
def _parts_kernel(
    y, start, part_from, part_to, partial, changes, sweep, tolerance, WIDTH: tl.constexpr, BLOCK: tl.constexpr
):
    part = tl.program_id(0).to(tl.int64)
    low, high = tl.load(part_from + part), tl.load(part_to + part)
    high = tl.where(_going(changes, sweep, tolerance), high, low)
    total = part_sum(y, y, start, low, high, WIDTH, False, WIDTH, BLOCK)
    tl.store(partial + part * WIDTH + tl.arange(0, WIDTH), total)


@triton.jit(do_not_specialize=["sweep", "tolerance"])
def _sweep_kernel(
    o, y, partial, degree, part_stop, new, changes, sweep, tolerance, WIDTH: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    at = row * WIDTH + tl.arange(0, WIDTH)
    before = tl.load(y + at)
    if _going(changes, sweep, tolerance):
        scale = 0.5 / tl.maximum(tl.load(degree + row), 1).to(tl.float32)
        value = 0.5 * tl.load(o + at) + scale * row_sum(partial, part_stop, row, WIDTH, WIDTH, BLOCK)
        tl.store(new + at, value)
        # bits of numbers that are not negative stand in their order
        change = tl.max(tl.abs(value - before), 0).to(tl.int32, bitcast=True)
        # looked before leapt, as in ``triton_distinct``
        if change > tl.load(changes + sweep + 1):
            tl.atomic_max(changes + sweep + 1, change, sem="relaxed")
    else:
        tl.store(new + at, before)


class Sweeps:
    """Averaging of N hosts' features, a sweep at a time.

    Parameters
    ----------
    o
        float32 [N, 8].
    rows
        Each host's neighbours.
    tolerance, most
        Of the averaging.
    """

    def __init__(self, o: Tensor, rows: Rows, tolerance: float, most: int) -> None:
        self.o = self.y = o.contiguous()
        self.rows, self.tolerance = rows, float(tolerance)
        self.changes = torch.zeros(most + 1, dtype=torch.int32, device=o.device)
        self.partial = o.new_empty(rows.part_row.shape[0], WIDTH)
        self.spare = [torch.empty_like(o) for _ in range(2)]

    def sweep(self, number: int) -> None:
        """One sweep; nothing changes if the one before has changed little."""
        rows, new = self.rows, self.spare[number % 2]
        how = {"WIDTH": WIDTH, "BLOCK": STEP, "num_warps": 1, "enable_fp_fusion": True}
        _parts_kernel[(self.partial.shape[0],)](
            self.y,
            rows.start,
            rows.part_from,
            rows.part_to,
            self.partial,
            self.changes,
            number,
            self.tolerance,
            **how,
        )
        _sweep_kernel[(rows.count,)](
            self.o,
            self.y,
            self.partial,
            rows.degree,
            rows.part_stop,
            new,
            self.changes,
            number,
            self.tolerance,
            **how,
        )
        self.y = new

    def settled(self, sweeps: int) -> bool:
        """Whether another sweep is not needed; waits for the device."""
        change: float = self.changes[sweeps].view(torch.float32).item()
        return change < self.tolerance
