"""Triton: evidence over the graph, two passes over the flows and two over the pairs; see `model.evidence`.

Sums are of whole numbers, as in torch's form.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.triton.math import at_or_below, share_below, tail
from morpheus_gae.model.evidence import FROM, MOST, MOST_KNOWN, MOST_SOURCE, ONE, UPTO
from morpheus_gae.model.ties import FINE

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.device import DeviceGraph
    from morpheus_gae.executors.cuda.evidence import DeviceEvidence
    from morpheus_gae.executors.cuda.memory_keys import Found

BLOCK = 256
"""Flows or pairs of one program, one or two a lane."""
_FROM, _UPTO, _ONE, _FINE = (tl.constexpr(number) for number in (FROM, UPTO, float(ONE), FINE))
_KNOWN, _SOURCE, _MOST = (tl.constexpr(number) for number in (MOST_KNOWN, MOST_SOURCE, MOST))
# float32 of this size have no fraction: added and subtracted again it rounds as torch does
_WHOLE = tl.constexpr(float(1 << 23))


@triton.jit
def _own(bits):
    """float32: a flow's evidence as a whole number; and its surprise."""
    surprise = (bits & ~_FINE).to(tl.float64, bitcast=True).to(tl.float32)
    beyond = tl.minimum(tl.maximum(surprise - _FROM, 0.0), _UPTO)
    return (beyond * _ONE + _WHOLE) - _WHOLE, surprise


@triton.jit(do_not_specialize=["flows"])
def _collect_kernel(surprise, pair, total, flows, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    bits = tl.load(surprise + at, mask=there, other=0.0).to(tl.int64, bitcast=True)
    own, _ = _own(bits)
    to = tl.load(pair + at, mask=there, other=0)
    # few flows are strange
    tl.atomic_add(total + to, own.to(tl.int64), mask=there & (own > 0), sem="relaxed")


@triton.jit(do_not_specialize=["pairs", "received", "pairs_of"])
def _send_kernel(total, count, src, received, pairs_of, pairs, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    mean = tl.load(total + at, mask=there, other=0) // tl.load(count + at, mask=there, other=1)
    to = tl.load(src + at, mask=there, other=0)
    tl.atomic_add(received + to, mean, mask=there & (mean > 0), sem="relaxed")
    tl.atomic_add(pairs_of + to, tl.full([BLOCK], 1, tl.int64), mask=there, sem="relaxed")


@triton.jit(do_not_specialize=["pairs", "received", "pairs_of", "forward", "row", "unknown"])
def _lines_kernel(
    total, count, src, received, pairs_of, forward, row, of_pair, of_source, told, pairs, unknown,
    weight_flows, weight_pairs, scale, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    whole = tl.load(total + at, mask=there, other=0)
    flows = tl.load(count + at, mask=there, other=1)
    s = tl.load(src + at, mask=there, other=0)
    others = (tl.load(received + s, mask=there, other=0) - whole // flows).to(tl.float32) / _ONE
    number = (tl.load(pairs_of + s, mask=there, other=1) - 1).to(tl.float32)
    past = tl.load(of_source + tl.load(row + s, mask=there, other=0))
    source = (others - number * past) / (number + weight_pairs)
    tl.store(told + at * 4, tl.minimum(tl.maximum(source, 0.0), _SOURCE), mask=there)
    place = tl.load(forward + at, mask=there, other=0)
    known = place < unknown
    number = (flows - 1).to(tl.float32)
    b = tl.where(known, 1.0 / (number + weight_flows), scale)
    a = b * (whole.to(tl.float32) / _ONE) - tl.where(known, b * number * tl.load(of_pair + place), 0.0)
    tl.store(told + at * 4 + 1, a, mask=there)
    # of the known above 0
    tl.store(told + at * 4 + 2, tl.where(known, b, -b), mask=there)


@triton.jit(do_not_specialize=["flows"])
def _raise_kernel(
    surprise, pair, told, numbers, score, raised, added, counted, flows,
    COUNTED: tl.constexpr, CURVE: tl.constexpr, KNOTS: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    bits = tl.load(surprise + at, mask=there, other=0.0).to(tl.int64, bitcast=True)
    own, before = _own(bits)
    line = told + tl.load(pair + at, mask=there, other=0).to(tl.int64) * 4
    source, a, b = tl.load(line), tl.load(line + 1), tl.load(line + 2)
    value = a - tl.abs(b) * (own / _ONE)
    # the curve is level beyond its ends
    last = tl.load(numbers + CURVE - 1)
    v = tl.minimum(tl.maximum(value, tl.load(numbers)), last)
    i = tl.minimum(tl.maximum(at_or_below(v, numbers, CURVE, STEPS) - 1, 0), CURVE - 2)
    y, slope = tl.load(numbers + CURVE + i), tl.load(numbers + 2 * CURVE + i)
    of_new = y + slope * (v - tl.load(numbers + i))
    of_known = tl.minimum(tl.maximum(value, 0.0), _KNOWN)
    more = tl.minimum(tl.where(b > 0, of_known, of_new) + source, _MOST)
    if COUNTED:
        of_counts = tl.load(line + 3)
        tl.store(counted + at, of_counts, mask=there)
        more += of_counts
    tl.store(added + at, more, mask=there)
    x = numbers + 3 * CURVE
    found = tail(before + more, x, x + KNOTS, x + 2 * KNOTS, KNOTS, STEPS)
    tl.store(score + at, share_below(found), mask=there)
    anew = found.to(tl.float64).to(tl.int64, bitcast=True) | (bits & _FINE)
    tl.store(raised + at, anew.to(tl.float64, bitcast=True), mask=there)


def raised(
    evidence: DeviceEvidence, graph: DeviceGraph, found: Found, surprise: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """``DeviceEvidence`` as four kernels, and two of what counts add, of a window with flows."""
    flows, pairs, hosts = graph.flows, graph.pairs, graph.hosts
    sums = torch.zeros(pairs + 2 * hosts, dtype=torch.int64, device=surprise.device)
    total, received, pairs_of = sums.split([pairs, hosts, hosts])
    told = torch.empty(pairs, 4, device=surprise.device)
    if evidence.activity is not None:
        evidence.activity.put(told, graph, found)
    score, anew, added = (torch.empty_like(surprise, dtype=t) for t in (told.dtype, None, told.dtype))
    counted = None if evidence.activity is None else torch.empty_like(added)
    of_flows, of_pairs = (triton.cdiv(flows, BLOCK),), (triton.cdiv(pairs, BLOCK),)
    knots, curve = evidence.tail.x.shape[0], evidence.x.shape[0]
    _collect_kernel[of_flows](surprise, graph.pair, total, flows, BLOCK=BLOCK)
    _send_kernel[of_pairs](total, graph.pair_flows, graph.pair_src, received, pairs_of, pairs, BLOCK=BLOCK)
    _lines_kernel[of_pairs](
        total, graph.pair_flows, graph.pair_src, received, pairs_of, found.forward, found.host,
        evidence.pair, evidence.source, told, pairs, evidence.pair.shape[0] - 1,
        evidence.flows, evidence.pairs, min(1.0, evidence.window / flows), BLOCK=BLOCK,
    )  # fmt: skip
    _raise_kernel[of_flows](
        surprise, graph.pair, told, evidence.numbers, score, anew, added,
        # not written where there are none
        added if counted is None else counted, flows,
        COUNTED=counted is not None, CURVE=curve, KNOTS=knots, STEPS=max(curve, knots).bit_length(),
        BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
    return score, anew, added, counted
