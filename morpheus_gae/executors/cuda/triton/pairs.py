"""Triton: existence head and mixture of flow types, from the rows of memory to one number and one row a pair.

Numbers are gathered one lane a pair and set side by side for the first layer. Products are three of TF32
each, which make a float32's; one alone would move a score by 1e-3.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from morpheus_gae.executors.cuda.triton.math import softplus, tail
from morpheus_gae.model.gae import MIX_FLOOR

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.executors.cuda.memory_keys import DeviceMemory, Found
    from morpheus_gae.executors.cuda.pairs import PairModel

BLOCK = 64
"""Pairs of one program of four warps: more would fill the registers."""
_FLOOR = tl.constexpr(MIX_FLOOR)


@triton.jit
def _beside4(a, b, c, d):
    """Columns side by side: [BLOCK, 4]. The first join counts most."""
    return tl.join(tl.join(a, c), tl.join(b, d)).reshape(a.shape[0], 4)


@triton.jit
def _beside(a, b, c, d, e, f, g, h):
    """[BLOCK, 32] of eight [BLOCK, 4], in which column 8 i + j is column i of the j-th."""
    return tl.join(tl.join(tl.join(a, e), tl.join(c, g)), tl.join(tl.join(b, f), tl.join(d, h))).reshape(
        a.shape[0], 32
    )


@triton.jit
def _log(count):
    return tl.log(1.0 + count) * 0.25


@triton.jit
def _strange(of_p, of_back, of_s, of_d, source, destination, weights, WIDTH: tl.constexpr):
    """float32: minus the existence head's logit, from rows of memory and of address classes."""
    n0, n1 = tl.load(of_p), tl.load(of_back)
    n2, n3 = tl.load(of_s), tl.load(of_s + 8)
    n4, n5 = tl.load(of_d), tl.load(of_d + 8)
    j = tl.arange(0, WIDTH)
    none = tl.zeros_like(n0)
    # numbers of memory, then classes of source and destination; see cuda_pairs.EXISTENCE
    x = _beside(
        _beside4(_log(n0), tl.load(of_p + 7), tl.load(source), tl.load(destination)),
        _beside4(_log(n1), tl.load(of_back + 7), tl.load(source + 1), tl.load(destination + 1)),
        _beside4(_log(n2), tl.load(of_s + 7), tl.load(source + 2), tl.load(destination + 2)),
        _beside4(_log(n3), tl.load(of_d + 7), tl.load(source + 3), tl.load(destination + 3)),
        _beside4(_log(n4), none, tl.load(source + 4), tl.load(destination + 4)),
        _beside4(_log(n5), none, none, none),
        _beside4(none, none, none, none),
        _beside4(none, none, none, none),
    )
    i = tl.arange(0, 32)
    hidden = tl.dot(x, tl.load(weights + i[:, None] * WIDTH + j[None, :]), input_precision="tf32x3")
    hidden += tl.load(weights + 32 * WIDTH + j)[None, :]
    hidden = tl.maximum(hidden, 0.0)
    second = weights + 33 * WIDTH
    value = tl.dot(hidden, tl.load(second + j[:, None] * WIDTH + j[None, :]), input_precision="tf32x3")
    rest = second + WIDTH * WIDTH
    value = tl.maximum(value + tl.load(rest + j)[None, :], 0.0)
    head = tl.load(rest + WIDTH + j)
    return -(tl.sum(value * head[None, :], 1) + tl.load(rest + 2 * WIDTH))


@triton.jit
def _calibrated(strange, weights, WIDTH: tl.constexpr, KNOTS: tl.constexpr, STEPS: tl.constexpr):
    x = weights + (35 + WIDTH) * WIDTH + 1
    return tail(strange, x, x + KNOTS, x + 2 * KNOTS, KNOTS, STEPS)


@triton.jit
def _moment(pair, src, dst, COLUMN: tl.constexpr, none):
    return _beside4(tl.load(pair + COLUMN), tl.load(src + COLUMN), tl.load(dst + COLUMN), none)


@triton.jit
def _numbers(of_p, of_s, of_d, weights, WIDTH: tl.constexpr):
    """float32 [BLOCK, WIDTH]: the context's first layer of what memory tells of pair, source, destination."""
    n0, n1, n2 = tl.load(of_p), tl.load(of_s), tl.load(of_d)
    none = tl.zeros_like(n0)
    x = _beside(
        _beside4(_log(n0), _log(n1), _log(n2), none),
        _beside4((n0 > 0).to(tl.float32), (n1 > 0).to(tl.float32), (n2 > 0).to(tl.float32), none),
        _moment(of_p, of_s, of_d, 1, none),
        _moment(of_p, of_s, of_d, 2, none),
        _moment(of_p, of_s, of_d, 3, none),
        _moment(of_p, of_s, of_d, 4, none),
        _moment(of_p, of_s, of_d, 5, none),
        _moment(of_p, of_s, of_d, 6, none),
    )
    c, j = tl.arange(0, 32), tl.arange(0, WIDTH)
    hidden = tl.dot(x, tl.load(weights + c[:, None] * WIDTH + j[None, :]), input_precision="tf32x3")
    return hidden + tl.load(weights + 32 * WIDTH + j)[None, :]


@triton.jit
def _shares(hidden, types, weights, WIDTH: tl.constexpr, K: tl.constexpr):
    """float32 [BLOCK, K]: what the context expects, with the pair's own flows of each type."""
    j, k = tl.arange(0, WIDTH), tl.arange(0, K)
    last = weights + 33 * WIDTH
    hidden = tl.maximum(hidden, 0.0)
    logit = tl.dot(hidden, tl.load(last + j[:, None] * K + k[None, :]), input_precision="tf32x3")
    rest = last + WIDTH * K
    logit += tl.load(rest + k)[None, :]
    tau = tl.load(rest + K)
    share = tl.exp(logit - tl.max(logit, 1)[:, None])
    counts = tl.load(types[:, None] + k[None, :]).to(tl.float32)
    share = share * (tau / tl.sum(share, 1))[:, None] + counts
    return share * (1.0 / (tau + tl.sum(counts, 1)))[:, None] * (1 - _FLOOR) + _FLOOR / K


@triton.jit(do_not_specialize=["pairs", "forward", "reverse", "row", "bias"])
def _existence_kernel(
    src, dst, forward, reverse, row, flags, of_host, of_pair, weights, calibrated, bias, pairs,
    BIASED: tl.constexpr, KNOTS: tl.constexpr, STEPS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    s = tl.load(src + at, mask=there, other=0).to(tl.int64)
    d = tl.load(dst + at, mask=there, other=0).to(tl.int64)
    of_s = of_host + tl.load(row + s, mask=there, other=0).to(tl.int64) * 16
    of_d = of_host + tl.load(row + d, mask=there, other=0).to(tl.int64) * 16
    of_p = of_pair + tl.load(forward + at, mask=there, other=0).to(tl.int64) * 8
    of_back = of_pair + tl.load(reverse + at, mask=there, other=0).to(tl.int64) * 8
    strange = _strange(of_p, of_back, of_s, of_d, flags + s * 5, flags + d * 5, weights, WIDTH)
    if BIASED:
        tl.store(bias + at, -softplus(strange), mask=there)
    tl.store(calibrated + at, _calibrated(strange, weights, WIDTH, KNOTS, STEPS), mask=there)


@triton.jit(do_not_specialize=["pairs", "forward", "row"])
def _mixture_kernel(
    src, dst, forward, row, of_host, of_pair, types, weights, z, from_z, product, mix, pairs,
    EMBEDDED: tl.constexpr, Z: tl.constexpr, WIDTH: tl.constexpr, K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    s = tl.load(src + at, mask=there, other=0).to(tl.int64)
    d = tl.load(dst + at, mask=there, other=0).to(tl.int64)
    known = tl.load(forward + at, mask=there, other=0).to(tl.int64)
    of_s = of_host + tl.load(row + s, mask=there, other=0).to(tl.int64) * 16
    of_d = of_host + tl.load(row + d, mask=there, other=0).to(tl.int64) * 16
    j, k = tl.arange(0, WIDTH), tl.arange(0, K)
    hidden = _numbers(of_pair + known * 8, of_s, of_d + 8, weights, WIDTH)
    if EMBEDDED:
        i = tl.arange(0, Z)
        both = tl.load(z + s[:, None] * Z + i[None, :]) * tl.load(z + d[:, None] * Z + i[None, :])
        hidden += tl.dot(both, tl.load(product + i[:, None] * WIDTH + j[None, :]), input_precision="tf32x3")
        # one row a host: its part as a source, then as a destination
        hidden += tl.load(from_z + s[:, None] * (2 * WIDTH) + j[None, :])
        hidden += tl.load(from_z + d[:, None] * (2 * WIDTH) + WIDTH + j[None, :])
    share = _shares(hidden, types + known * K, weights, WIDTH, K)
    tl.store(mix + at[:, None] * K + k[None, :], share, mask=there[:, None])


@triton.jit(do_not_specialize=["pairs", "forward", "reverse", "row"])
def _both_kernel(
    src, dst, forward, reverse, row, flags, of_host, of_pair, types, existence, context, calibrated, mix,
    pairs, KNOTS: tl.constexpr, STEPS: tl.constexpr, HEAD: tl.constexpr, WIDTH: tl.constexpr,
    K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = at < pairs
    s = tl.load(src + at, mask=there, other=0).to(tl.int64)
    d = tl.load(dst + at, mask=there, other=0).to(tl.int64)
    known = tl.load(forward + at, mask=there, other=0).to(tl.int64)
    of_s = of_host + tl.load(row + s, mask=there, other=0).to(tl.int64) * 16
    of_d = of_host + tl.load(row + d, mask=there, other=0).to(tl.int64) * 16
    of_p = of_pair + known * 8
    of_back = of_pair + tl.load(reverse + at, mask=there, other=0).to(tl.int64) * 8
    # nothing is stored in between: what both read is read once
    strange = _strange(of_p, of_back, of_s, of_d, flags + s * 5, flags + d * 5, existence, HEAD)
    hidden = _numbers(of_p, of_s, of_d + 8, context, WIDTH)
    share = _shares(hidden, types + known * K, context, WIDTH, K)
    k = tl.arange(0, K)
    tl.store(calibrated + at, _calibrated(strange, existence, HEAD, KNOTS, STEPS), mask=there)
    tl.store(mix + at[:, None] * K + k[None, :], share, mask=there[:, None])


def existence(
    found: Found,
    flags: Tensor,
    src: Tensor,
    dst: Tensor,
    memory: DeviceMemory,
    model: PairModel,
    biased: bool,
) -> tuple[Tensor, Tensor | None]:
    """``cuda_pairs.existence_torch`` as one kernel."""
    pairs = src.shape[0]
    calibrated, *bias = torch.empty(1 + biased, pairs, device=src.device).unbind()
    knots = model.tail.x.shape[0]
    _existence_kernel[(triton.cdiv(pairs, BLOCK),)](
        src, dst, *found.near[1:], found.near.host, flags, memory.of_host, memory.of_pair,
        model.existence, calibrated, bias[0] if bias else calibrated, pairs,
        BIASED=biased, KNOTS=knots, STEPS=knots.bit_length(), WIDTH=model.net.existence[0].out_features,
        BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
    return calibrated, bias[0] if bias else None


def mixture(
    found: Found, src: Tensor, dst: Tensor, memory: DeviceMemory, model: PairModel, z: Tensor | None
) -> Tensor:
    """``cuda_pairs.mixture_torch`` as one kernel, and one product a host."""
    pairs, types = src.shape[0], memory.types
    mix = torch.empty(pairs, types.shape[1], device=src.device)
    weights = model.context
    embedded = (weights, weights, weights) if z is None else (z, z @ model.ends, model.product)
    _mixture_kernel[(triton.cdiv(pairs, BLOCK),)](
        src, dst, found.near.forward, found.near.host, memory.of_host, memory.of_pair, types, weights,
        *embedded, mix, pairs, EMBEDDED=z is not None, Z=1 if z is None else z.shape[1],
        WIDTH=model.net.context[0].out_features, K=types.shape[1], BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
    return mix


def both(
    found: Found, flags: Tensor, src: Tensor, dst: Tensor, memory: DeviceMemory, model: PairModel
) -> tuple[Tensor, Tensor]:
    """``cuda_pairs.both_torch`` as one kernel."""
    pairs, types = src.shape[0], memory.types
    calibrated = torch.empty(pairs, device=src.device)
    mix = torch.empty(pairs, types.shape[1], device=src.device)
    knots = model.tail.x.shape[0]
    _both_kernel[(triton.cdiv(pairs, BLOCK),)](
        src, dst, *found.near[1:], found.near.host, flags, memory.of_host, memory.of_pair, types,
        model.existence, model.context, calibrated, mix, pairs, KNOTS=knots, STEPS=knots.bit_length(),
        HEAD=model.net.existence[0].out_features, WIDTH=model.net.context[0].out_features,
        K=types.shape[1], BLOCK=BLOCK, enable_fp_fusion=True,
    )  # fmt: skip
    return calibrated, mix
