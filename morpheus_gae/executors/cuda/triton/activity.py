"""Triton: activity, and new partners, two passes over the pairs; see `model.activity`, `model.partners`."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.model.activity import MOST

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.activity import DeviceActivity
    from morpheus_gae.executors.cuda.device import DeviceGraph
    from morpheus_gae.executors.cuda.memory_keys import Found

BLOCK = 256
"""Pairs of one program."""
_MOST = tl.constexpr(MOST)


@triton.jit
def _nats(flows, past, share, prior):
    """float64: ``model.activity.nats`` of counts; ``prior`` points to their kind's four numbers."""
    burst, spread = tl.load(prior), tl.load(prior + 1)
    start, slope = tl.load(prior + 2), tl.load(prior + 3)
    expected = (past + 1.0) * share
    root = tl.sqrt(burst * (1.0 + share) * expected + spread * expected * expected + 1.0)
    more = slope * ((flows.to(tl.float64) - expected) / root - start)
    return tl.minimum(tl.maximum(more, 0.0), _MOST)


@triton.jit(do_not_specialize=["pairs", "into", "forward", "number", "unknown"])
def _count_kernel(
    count, src, dst, out, into, forward, number, pairs, unknown, PARTNERS: tl.constexpr, BLOCK: tl.constexpr
):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    flows = tl.load(count + at, mask=there, other=0).to(tl.int64)
    # sums of whole numbers: the same in any order
    s, d = tl.load(src + at, mask=there, other=0), tl.load(dst + at, mask=there, other=0)
    tl.atomic_add(out + s, flows, mask=there, sem="relaxed")
    tl.atomic_add(into + d, flows, mask=there, sem="relaxed")
    if PARTNERS:
        new = there & (tl.load(forward + at, mask=there, other=0) == unknown)
        one = tl.full([BLOCK], 1, tl.int64)
        tl.atomic_add(number + 2 * s, one, mask=new, sem="relaxed")
        tl.atomic_add(number + 2 * d + 1, one, mask=new, sem="relaxed")


@triton.jit(do_not_specialize=["pairs", "flows", "into", "forward", "host", "number", "unknown"])
def _pairs_kernel(
    count, src, dst, out, into, forward, host, of_pair, of_source, of_destination, numbers, number, of_host,
    told, pairs, flows, unknown, PARTNERS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    # by the total, the last of the numbers: a share of float32 would tell on large counts
    share = flows.to(tl.float64) / tl.load(numbers + 12)
    row = tl.load(forward + at, mask=there, other=0)
    past = tl.load(of_pair + row)
    known = _nats(tl.load(count + at, mask=there, other=0), past, share, numbers)
    s, d = tl.load(src + at, mask=there, other=0), tl.load(dst + at, mask=there, other=0)
    sent, got = tl.load(out + s, mask=there, other=0), tl.load(into + d, mask=there, other=0)
    of_s, of_d = tl.load(host + s), tl.load(host + d)
    before = tl.load(of_source + of_s)
    source = tl.where(before > 0, _nats(sent, before, share, numbers + 4), 0.0)
    before = tl.load(of_destination + of_d)
    destination = tl.where(before > 0, _nats(got, before, share, numbers + 8), 0.0)
    tell = tl.where(past > 0, known, tl.maximum(source, destination))
    if PARTNERS:
        met, come = tl.load(number + 2 * s), tl.load(number + 2 * d + 1)
        before = tl.load(of_host + 2 * of_s)
        goes_out = _nats(met, tl.maximum(before, 0.0), share, numbers + 13)
        goes_out = tl.where(before >= 0, goes_out, 0.0)
        before = tl.load(of_host + 2 * of_d + 1)
        come_in = _nats(come, tl.maximum(before, 0.0), share, numbers + 17)
        come_in = tl.where(before >= 0, come_in, 0.0)
        tell += tl.where(row == unknown, tl.maximum(goes_out, come_in), 0.0)
        tell = tl.minimum(tell, _MOST)
    # beside what the evidence's kernels tell of a pair
    tl.store(told + at * 4 + 3, tell.to(tl.float32), mask=there)


def put(activity: DeviceActivity, told: Tensor, graph: DeviceGraph, found: Found) -> None:
    """``DeviceActivity`` as two kernels, of a window with flows, into the last column of ``told``."""
    pairs, hosts = graph.pairs, graph.hosts
    grid = (triton.cdiv(pairs, BLOCK),)
    partners = activity.partners
    kinds = 2 if partners is None else 4
    sums = torch.zeros(kinds * hosts, dtype=torch.int64, device=graph.pair_flows.device)
    out, into, number = sums[:hosts], sums[hosts : 2 * hosts], sums[2 * hosts :]
    past, unknown = (activity.numbers, 0) if partners is None else (partners.past, partners.unknown)
    ends = graph.pair_flows, graph.pair_src, graph.pair_dst
    parts = {"PARTNERS": partners is not None, "BLOCK": BLOCK}
    _count_kernel[grid](*ends, out, into, found.forward, number, pairs, unknown, **parts)
    _pairs_kernel[grid](
        *ends, out, into, found.forward, found.host, activity.pair, activity.out, activity.into,
        activity.numbers, number, past, told, pairs, graph.flows, unknown, **parts,
    )  # fmt: skip
