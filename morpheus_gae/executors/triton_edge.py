"""Triton: the edge decoder in one pass over the flows; nothing of [flows, width] reaches memory."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda_edge import EdgeWeights

BLOCK = 64
"""Flows of one program."""


@triton.jit(do_not_specialize=["flows"])
def _edge_kernel(
    f, pair, u, first, first_bias, second, head, skip, bias, out, flows,
    NUMBERS: tl.constexpr, HIDDEN: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < flows
    i, j = tl.arange(0, HIDDEN), tl.arange(0, WIDTH)
    hidden = tl.zeros([BLOCK, HIDDEN], tl.float32) + tl.load(first_bias + i)[None, :]
    direct = tl.zeros([BLOCK], tl.float32) + tl.load(bias)
    for c in tl.static_range(NUMBERS):
        number = tl.load(f + at * NUMBERS + c, mask=there, other=0.0)
        hidden += number[:, None] * tl.load(first + c * HIDDEN + i)[None, :]
        direct += number * tl.load(skip + c)
    hidden = tl.maximum(hidden, 0.0)
    weights = tl.load(second + i[:, None] * WIDTH + j[None, :])
    own = tl.load(pair + at, mask=there, other=0)
    # three TF32 products make a float32's; one alone would move a score by 1e-3
    value = tl.dot(hidden, weights, input_precision="tf32x3")
    value += tl.load(u + own[:, None] * WIDTH + j[None, :], mask=there[:, None], other=0.0)
    value = tl.maximum(value, 0.0)
    logit = tl.sum(value * tl.load(head + j)[None, :], 1) + direct
    # softplus(-logit) without overflow on either side
    small = tl.exp(-tl.abs(logit))
    # ln(1 + s) loses s below 6e-8: its series there
    rest = tl.where(small < 1e-4, small - 0.5 * small * small, tl.log(1.0 + small))
    tl.store(out + at, tl.maximum(-logit, 0.0) + rest, mask=there)


def edge_surprise(f: Tensor, pair: Tensor, u: Tensor, w: EdgeWeights, out: Tensor) -> None:
    """``cuda_edge.edge_surprise`` as one kernel."""
    flows, numbers = f.shape
    hidden, width = w.second.shape
    _edge_kernel[(triton.cdiv(flows, BLOCK),)](
        f.contiguous(), pair, u.contiguous(), w.first, w.first_bias, w.second, w.head, w.skip, w.bias,
        out, flows, NUMBERS=numbers, HIDDEN=hidden, WIDTH=width, BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
