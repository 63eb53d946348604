"""Triton: activity, two passes over the pairs; see `model.activity`."""

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
def _added(flows, past, share, prior):
    """float64: ``model.activity.added`` of counts; ``prior`` points to their kind's four numbers."""
    burst, spread = tl.load(prior), tl.load(prior + 1)
    start, slope = tl.load(prior + 2), tl.load(prior + 3)
    expected = (past + 1.0) * share
    root = tl.sqrt(burst * (1.0 + share) * expected + spread * expected * expected + 1.0)
    more = slope * ((flows.to(tl.float64) - expected) / root - start)
    return tl.where(past > 0, tl.minimum(tl.maximum(more, 0.0), _MOST), 0.0)


@triton.jit(do_not_specialize=["pairs", "into"])
def _count_kernel(count, src, dst, out, into, pairs, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    flows = tl.load(count + at, mask=there, other=0).to(tl.int64)
    # sums of whole numbers: the same in any order
    tl.atomic_add(out + tl.load(src + at, mask=there, other=0), flows, mask=there, sem="relaxed")
    tl.atomic_add(into + tl.load(dst + at, mask=there, other=0), flows, mask=there, sem="relaxed")


@triton.jit(do_not_specialize=["pairs", "flows", "into", "forward", "host"])
def _pairs_kernel(
    count, src, dst, out, into, forward, host, of_pair, of_source, of_destination, numbers, told, pairs,
    flows, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    # by the total, the last of the numbers: a share of float32 would tell on large counts
    share = flows.to(tl.float64) / tl.load(numbers + 12)
    past = tl.load(of_pair + tl.load(forward + at, mask=there, other=0))
    known = _added(tl.load(count + at, mask=there, other=0), past, share, numbers)
    s, d = tl.load(src + at, mask=there, other=0), tl.load(dst + at, mask=there, other=0)
    sent, got = tl.load(out + s, mask=there, other=0), tl.load(into + d, mask=there, other=0)
    source = _added(sent, tl.load(of_source + tl.load(host + s)), share, numbers + 4)
    destination = _added(got, tl.load(of_destination + tl.load(host + d)), share, numbers + 8)
    tell = tl.where(past > 0, known, tl.maximum(source, destination))
    # beside what the evidence's kernels tell of a pair
    tl.store(told + at * 4 + 3, tell.to(tl.float32), mask=there)


def put(activity: DeviceActivity, told: Tensor, graph: DeviceGraph, found: Found) -> None:
    """``DeviceActivity`` as two kernels, of a window with flows, into the last column of ``told``."""
    pairs, hosts = graph.pairs, graph.hosts
    grid = (triton.cdiv(pairs, BLOCK),)
    out, into = torch.zeros(2 * hosts, dtype=torch.int64, device=graph.pair_flows.device).split(hosts)
    ends = graph.pair_flows, graph.pair_src, graph.pair_dst
    _count_kernel[grid](*ends, out, into, pairs, BLOCK=BLOCK)
    _pairs_kernel[grid](
        *ends, out, into, found.forward, found.host, activity.pair, activity.out, activity.into,
        activity.numbers, told, pairs, graph.flows, BLOCK=BLOCK,
    )  # fmt: skip
