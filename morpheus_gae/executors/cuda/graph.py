"""Graphs on a device: host and pair ids, and address classes.

Numbers follow first appearance, as on the host. How many hosts and how many pairs there are is what the host
has to wait for, once where kernels run, and with octets whether the averages have settled.
"""

from __future__ import annotations

import torch
from torch import Tensor

from morpheus_gae.executors.cuda.device import DeviceFlows, DeviceGraph
from morpheus_gae.executors.cuda.dispatch import fuses
from morpheus_gae.executors.cuda.distinct import SALT, distinct
from morpheus_gae.executors.cuda.octets import V4, neighbour_average, octet_features, shifted
from morpheus_gae.executors.cuda.rows import both_ways
from morpheus_gae.model.spec import ModelSpec

MOST_FUSED = 1 << 29
"""Flows that ``triton_graph`` takes at most: slots of twice as many rows, in a table half full, are int32."""

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
        octets = octet_features(host_hi, host_lo, pair_src, pair_dst, pair_flows, len(flows))
        neighbours = both_ways(pair_src, pair_dst, octets.shape[0])
        averaged, sweeps = neighbour_average(octets, neighbours, spec.tolerance, spec.max_sweeps)
    return DeviceGraph(
        pair, pair_src, pair_dst, pair_flows, host_hi, host_lo,
        flows.attributes, flows.duration_missing, octets, averaged, sweeps, neighbours, flags, flows.extra,
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
    if fuses(flows.src_lo.device) and 0 < len(flows) <= MOST_FUSED:
        from morpheus_gae.executors.cuda.triton import graph as triton_graph

        return triton_graph.numbered(flows, SALT)
    return numbered_torch(flows)


def class_flags(hi: Tensor, lo: Tensor) -> Tensor:
    """float32 [N, 5]: ``model.features.class_flags``."""
    v4 = (hi == 0) & (shifted(lo, 32) == V4)
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
