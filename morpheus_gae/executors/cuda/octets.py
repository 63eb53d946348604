"""Octet features of hosts on a device, and their neighbour averages."""

from __future__ import annotations

import torch
from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import fuses
from morpheus_gae.executors.cuda.rows import Rows
from morpheus_gae.executors.cuda.sums import neighbour_sums

SWEEPS_AT_ONCE = 8
"""Averaging sweeps between two looks at whether all values have settled: looking means waiting."""
V4 = 0xFFFF
"""Upper half of the lower half of an IPv4 address."""


def shifted(x: Tensor, bits: int) -> Tensor:
    """Logical right shift of the bits of a uint64 in an int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def octet_features_torch(
    host_hi: Tensor, host_lo: Tensor, pair_src: Tensor, pair_dst: Tensor, pair_flows: Tensor
) -> Tensor:
    """float32 [N, 8]: ``graph.octets.octet_features``."""
    n = host_lo.shape[0]
    v4 = (host_hi == 0) & (shifted(host_lo, 32) == V4)
    out = []
    for group, word in enumerate((shifted(host_hi, 32), host_hi, shifted(host_lo, 32), host_lo)):
        total = sum(((shifted(word, 8 * k) if k else word) & 0xFF).to(torch.float32) for k in range(4))
        octet = ((shifted(host_lo, 24 - 8 * group) if group < 3 else host_lo) & 0xFF).to(torch.float32)
        out.append(torch.where(v4, octet, total / 4) / 255)
    # filled in on the device: a tensor made of a number of the host's would wait for its copy
    pairs = torch.log1p(torch.full((), pair_src.shape[0], dtype=torch.float64, device=host_lo.device))
    flows = torch.log1p(pair_flows.sum().to(torch.float64))
    weights = pair_flows.to(torch.float64)
    for end, weight, whole in (
        (pair_src, torch.ones_like(weights), pairs),
        (pair_dst, torch.ones_like(weights), pairs),
        (pair_src, weights, flows),
        (pair_dst, weights, flows),
    ):
        count = torch.zeros(n, dtype=torch.float64, device=host_lo.device).index_add_(0, end, weight)
        out.append((1 + (torch.log1p(count) - whole) / 12).to(torch.float32))
    return torch.stack(out, 1)


def octet_features(
    host_hi: Tensor, host_lo: Tensor, pair_src: Tensor, pair_dst: Tensor, pair_flows: Tensor, flows: int
) -> Tensor:
    """`octet_features_torch` of a window of ``flows``, by kernels where they run."""
    if flows and fuses(host_lo.device):
        from morpheus_gae.executors.cuda.triton import octets as triton_octets

        return triton_octets.octet_features(host_hi, host_lo, pair_src, pair_dst, pair_flows, flows)
    return octet_features_torch(host_hi, host_lo, pair_src, pair_dst, pair_flows)


def neighbour_average(o: Tensor, rows: Rows, tolerance: float, max_sweeps: int) -> tuple[Tensor, int]:
    """float32 [N, F] of ``graph.averaging.neighbour_average``, sweep for sweep; and the sweeps done.

    Whether a sweep was still needed is decided on the device: a sweep after the last one that was changes
    nothing. The host looks once in ``SWEEPS_AT_ONCE`` sweeps.
    """
    n = o.shape[0]
    if n and o.shape[1] == 8 and rows.part_row.shape[0] and fuses(o.device):
        from morpheus_gae.executors.cuda.triton import octets as triton_octets

        sweeps = triton_octets.Sweeps(o, rows, tolerance, max_sweeps)
        for sweep in range(max_sweeps):
            if sweep and sweep % SWEEPS_AT_ONCE == 0 and sweeps.settled(sweep):
                return sweeps.y, sweep
            sweeps.sweep(sweep)
        return sweeps.y, max_sweeps
    scale = (0.5 / rows.degree.to(o.dtype).clamp(min=1))[:, None]
    y = o
    going = torch.ones((), dtype=torch.bool, device=o.device)
    sweep = 0
    while n and sweep < max_sweeps:
        if sweep and sweep % SWEEPS_AT_ONCE == 0 and not bool(going):
            break
        sweep += 1
        new = 0.5 * o + scale * neighbour_sums(y, None, rows)
        change = (new - y).abs().amax()
        y = torch.where(going, new, y)
        going = going & (change >= tolerance)
    return y, sweep
