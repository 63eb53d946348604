"""Graphs on a device: host and pair ids, features and neighbour averages, in torch.

Numbers follow first appearance, as on the host. How many hosts and how many pairs there are is what the host
has to wait for, once where kernels run, and with octets whether the averages have settled.
"""

from __future__ import annotations

import torch
from torch import Tensor

from morpheus_gae.executors.cuda_choose import has_triton
from morpheus_gae.executors.cuda_distinct import SALT, distinct
from morpheus_gae.executors.cuda_sums import neighbour_sums
from morpheus_gae.executors.device import DeviceFlows, DeviceGraph
from morpheus_gae.executors.device_rows import Rows, both_ways
from morpheus_gae.model.spec import ModelSpec

SWEEPS_AT_ONCE = 8
"""Averaging sweeps between two looks at whether all values have settled: looking means waiting."""
FUSED = True
"""Whether ``triton_graph`` numbers where kernels run; else hosts and pairs one after the other."""
MOST_FUSED = 1 << 29
"""Flows that these take at most: the slots of twice as many rows, in a table that is half full, are int32."""
_V4 = 0xFFFF

Numbered = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None]


def build_device_graph(flows: DeviceFlows, spec: ModelSpec) -> DeviceGraph:
    """Graph of one window, as ``graph.build.build_graph`` makes it.

    Parameters
    ----------
    flows
        E flows.
    spec
        Says whether octet features are needed, and when averaging has converged.
    """
    pair, pair_src, pair_dst, pair_flows, host_hi, host_lo, flags = numbered(flows)
    octets = averaged = neighbours = None
    sweeps = 0
    if spec.octets:
        octets = octet_features(host_hi, host_lo, pair_src, pair_dst, pair_flows)
        neighbours = both_ways(pair_src, pair_dst, octets.shape[0])
        averaged, sweeps = neighbour_average(octets, neighbours, spec.tolerance, spec.max_sweeps)
    return DeviceGraph(
        pair, pair_src, pair_dst, pair_flows, host_hi, host_lo,
        flows.attributes, flows.duration_missing, octets, averaged, sweeps, neighbours, flags,
    )  # fmt: skip


def numbered_torch(flows: DeviceFlows) -> Numbered:
    """Number hosts and pairs by first appearance: all sources first, then all destinations.

    Parameters
    ----------
    flows
        E flows.

    Returns
    -------
    pair
        int64 [E].
    pair_src, pair_dst, pair_flows
        int64 [P].
    host_hi, host_lo
        int64 [N], bits of uint64.
    flags
        float32 [N, 5]: `class_flags`, or None if nobody has asked so far.
    """
    e = len(flows)
    hi, lo = torch.cat([flows.src_hi, flows.dst_hi]), torch.cat([flows.src_lo, flows.dst_lo])
    host, first = distinct(hi, lo)
    host_hi, host_lo = hi[first], lo[first]
    pair, first = distinct(host[:e], host[e:])
    pair_src, pair_dst = host[first], host[e + first]
    pair_flows = torch.zeros_like(pair_src).index_add_(0, pair, torch.ones_like(pair))
    return pair, pair_src, pair_dst, pair_flows, host_hi, host_lo, None


def numbered(flows: DeviceFlows) -> Numbered:
    """`numbered_torch`, by the kernels where they run. Waits for the device: how many there are."""
    if FUSED and has_triton(flows.src_lo.device) and 0 < len(flows) <= MOST_FUSED:
        from morpheus_gae.executors import triton_graph

        return triton_graph.numbered(flows, SALT)
    return numbered_torch(flows)


def shifted(x: Tensor, bits: int) -> Tensor:
    """Logical right shift of the bits of a uint64 in an int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def class_flags(hi: Tensor, lo: Tensor) -> Tensor:
    """float32 [N, 5]: ``model.features.class_flags``."""
    v4 = (hi == 0) & (shifted(lo, 32) == _V4)
    a = lo & 0xFFFFFFFF
    top = a >> 24
    private4 = (top == 10) | ((a >> 20) == 0xAC1) | ((a >> 16) == 0xC0A8) | ((a >> 22) == 0x64400000 >> 22)
    multicast4 = (top >= 224) & (top < 240)
    broadcast4 = ((a & 0xFF) == 255) & ~multicast4
    local4 = (top == 0) | (top == 127) | ((a >> 16) == 0xA9FE)
    byte6 = shifted(hi, 56)
    local6 = (shifted(hi, 54) == 0xFE80 >> 6) | ((hi == 0) & ((lo == 0) | (lo == 1)))
    flags = [
        torch.where(v4, private4, (byte6 & 0xFE) == 0xFC),
        torch.where(v4, multicast4, byte6 == 0xFF),
        v4 & broadcast4,
        torch.where(v4, local4, local6),
        ~v4,
    ]
    return torch.stack(flags, 1).to(torch.float32)


def octet_features(
    host_hi: Tensor, host_lo: Tensor, pair_src: Tensor, pair_dst: Tensor, pair_flows: Tensor
) -> Tensor:
    """float32 [N, 8]: ``graph.octets.octet_features``."""
    n = host_lo.shape[0]
    v4 = (host_hi == 0) & (shifted(host_lo, 32) == _V4)
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


def neighbour_average(o: Tensor, rows: Rows, tolerance: float, max_sweeps: int) -> tuple[Tensor, int]:
    """float32 [N, F] of ``graph.averaging.neighbour_average``, sweep for sweep; and the sweeps done.

    Whether a sweep was still needed is decided on the device: a sweep after the last one that was changes
    nothing. The host looks once in ``SWEEPS_AT_ONCE`` sweeps.
    """
    n = o.shape[0]
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
