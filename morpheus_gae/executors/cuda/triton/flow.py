"""Triton: everything that is done once a flow, from raw attributes to scores, in one kernel.

Bins, tails and ties are one lane's work each, the sum over the flow types that of a few lanes together.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.enriched import WORDS
from morpheus_gae.executors.cuda.triton.math import apart, at_or_below, share_below, standardised, tail
from morpheus_gae.flows.exporters.enriched import ABSENT
from morpheus_gae.model.enriched import COLUMNS, GIVEN
from morpheus_gae.model.lift import POWER

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.flow import FlowModel

_POWER = tl.constexpr(POWER)
_ABSENT, _COLUMNS, _WORDS = tl.constexpr(ABSENT), tl.constexpr(COLUMNS), tl.constexpr(WORDS)
# columns that hang on bytes forward, and back
_WITH_FIRST, _WITH_SECOND = tl.constexpr(GIVEN.index(0)), tl.constexpr(GIVEN.index(1))
FLOWS = 128
"""Flows of one program, one a lane: with 32 types a tile of 4,096 float32."""


@triton.jit
def _row(value, codes, first, second, COLUMN: tl.constexpr, STEPS: tl.constexpr):
    """int32: row of each flow's value of a column; ``first`` and ``second`` are its bins of bytes."""
    words = codes + COLUMN * _WORDS
    edges = codes + tl.load(words)
    low = tl.zeros_like(value)
    high = low + tl.load(words + 1)
    for _ in tl.static_range(STEPS):
        open_ = low < high
        middle = (low + high) // 2
        below = tl.load(edges + middle, mask=open_, other=0) <= value
        low = tl.where(open_ & below, middle + 1, low)
        high = tl.where(open_ & ~below, middle, high)
    row = tl.load(codes + tl.load(words + 2) + low)
    if COLUMN == _WITH_FIRST:
        row += tl.load(codes + tl.load(words + 4) + first) * tl.load(words + 3)
    if COLUMN == _WITH_SECOND:
        row += tl.load(codes + tl.load(words + 4) + second) * tl.load(words + 3)
    return tl.where(value == _ABSENT, 0, row)


@triton.jit
def _mixed(like, shares, LOGS: tl.constexpr):
    """float32: ln of likelihoods [BLOCK, K], logarithms of such or themselves, mixed by shares."""
    if LOGS:
        most = tl.max(like, 1)
        mixed = most + tl.log(tl.sum(shares * tl.exp(like - most[:, None]), 1))
    else:
        mixed = tl.log(tl.sum(shares * like, 1))
    return mixed


# columns may be slices: compiled for any alignment, else an odd offset would compile it again in mid-stream
@triton.jit(do_not_specialize=["flows", "attributes", "missing", "extra", "pair_part", "flow_part"])
def _scores_kernel(
    attributes, missing, extra, pair, calibrated, mix, tables, numbers, places, codes, rows,
    score, surprise, pair_part, flow_part, flows,
    EDGES0: tl.constexpr, EDGES1: tl.constexpr, EDGES2: tl.constexpr,
    KNOTS: tl.constexpr, FUSED: tl.constexpr, LIFT: tl.constexpr, STEPS: tl.constexpr, EXTRA: tl.constexpr,
    K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    # 64 bits: attributes of 2**31 / 3 flows and more
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    own = tl.load(pair + at, mask=there, other=0).to(tl.int64)
    x0 = tl.load(attributes + at * 3, mask=there, other=0.0)
    x1 = tl.load(attributes + at * 3 + 1, mask=there, other=0.0)
    x2 = tl.load(attributes + at * 3 + 2, mask=there, other=0.0)
    none = tl.load(missing + at, mask=there, other=0) != 0
    # rows of the three tables, which lie one behind the other
    edges1 = numbers + EDGES0
    edges2 = edges1 + EDGES1
    b0 = at_or_below(x0, numbers, EDGES0, STEPS)
    b1 = at_or_below(x1, edges1, EDGES1, STEPS)
    # a missing duration lies below every edge
    b2 = tl.where(none, 0, at_or_below(x2, edges2, EDGES2, STEPS))
    p1 = tl.load(places + b0) + b1
    p2 = tl.load(places + EDGES0 + 1 + b1) + b2
    k = tl.arange(0, K)
    inside = there[:, None] & (k[None, :] < K)
    like = tl.load(tables + b0[:, None] * K + k[None, :])
    like *= tl.load(tables + p1[:, None] * K + k[None, :])
    like *= tl.load(tables + p2[:, None] * K + k[None, :])
    if EXTRA > 0:
        # products of so many factors do not fit a float32
        like = tl.log(like)
        for c in tl.static_range(_COLUMNS):
            told = tl.load(extra + at * _COLUMNS + c, mask=there, other=_ABSENT)
            like += tl.load(rows + _row(told, codes, b0, b1, c, EXTRA)[:, None] * K + k[None, :])
    share = tl.load(mix + own[:, None] * K + k[None, :], mask=inside, other=1.0)
    scaling = edges2 + EDGES2
    z0 = standardised(x0, tl.load(scaling), tl.load(scaling + 3))
    z1 = standardised(x1, tl.load(scaling + 1), tl.load(scaling + 4))
    z2 = standardised(x2, tl.load(scaling + 2), tl.load(scaling + 5))
    weak = tl.load(scaling + 6) * z0 * z0 + tl.load(scaling + 7) * z1 * z1 + tl.load(scaling + 8) * z2 * z2
    value = weak - _mixed(like, share, EXTRA > 0)
    x = scaling + 9
    flow = tail(value, x, x + KNOTS, x + 2 * KNOTS, KNOTS, STEPS)
    of_pair = tl.load(calibrated + own, mask=there, other=0.0)
    tl.store(pair_part + at, of_pair, mask=there)
    x += 2 * KNOTS + 2
    if LIFT > 0:
        more = x + 2 * FUSED + 2
        shares = tl.load(more + 2 * LIFT + 2 + k)
        value += _POWER * _mixed(like, shares[None, :], EXTRA > 0)
        lift = tail(value, more, more + LIFT, more + 2 * LIFT, LIFT, STEPS)
        flow = tl.maximum(flow, lift) + 0.01 * tl.minimum(flow, lift)
    tl.store(flow_part + at, flow, mask=there)
    fused = tl.maximum(of_pair, flow) + 0.01 * tl.minimum(of_pair, flow)
    found = tail(fused, x, x + FUSED, x + 2 * FUSED, FUSED, STEPS)
    tl.store(score + at, share_below(found), mask=there)
    told = apart(found, x0, x1, x2, none, places + EDGES0 + EDGES1 + 2)
    tl.store(surprise + at, told, mask=there)


def flow_scores(
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    calibrated: Tensor,
    mix: Tensor,
    model: FlowModel,
    extra: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``cuda_flow.flow_scores_torch`` as one kernel; K must be a power of two."""
    flows = pair.shape[0]
    surprise = torch.empty(flows, dtype=torch.float64, device=pair.device)
    # each on its own: rows of one would begin at any offset, and the kernel be compiled for each
    score, pair_part, flow_part = (calibrated.new_empty(flows) for _ in range(3))
    counts = [edge.shape[0] for edge in model.edges]
    knots, fused = model.flow_tail.x.shape[0], model.fused_tail.x.shape[0]
    lift = 0 if model.lift is None else model.lift.tail.x.shape[0]
    missing = missing.contiguous()
    # not read without further columns
    further, codes, rows, steps = missing, model.places, model.rows, 0
    if extra is not None and model.enriched is not None:
        known = model.enriched
        further, codes, rows, steps = extra.contiguous(), known.packed, known.table, known.steps
    _scores_kernel[(triton.cdiv(flows, FLOWS),)](
        attributes.contiguous(), missing, further, pair, calibrated, mix, model.rows, model.numbers,
        model.places, codes, rows, score, surprise, pair_part, flow_part, flows,
        *counts, knots, fused, lift, max(*counts, knots, fused, lift).bit_length(), steps, mix.shape[1],
        FLOWS, enable_fp_fusion=True,
    )  # fmt: skip
    return score, surprise, pair_part, flow_part
