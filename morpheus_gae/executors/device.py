"""What the CUDA executor takes and gives: columns that lie on a device, and stay there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph


@dataclass(frozen=True)
class DeviceFlows:
    """Columns of E flows on one device.

    Attributes
    ----------
    src_hi, src_lo, dst_hi, dst_lo
        int64 [E]: the bits of the uint64 halves of the addresses (see ``flows.frame.Flows``).
    attributes
        float32 [E, 3].
    duration_missing
        bool [E].
    """

    src_hi: Tensor
    src_lo: Tensor
    dst_hi: Tensor
    dst_lo: Tensor
    attributes: Tensor
    duration_missing: Tensor

    def __len__(self) -> int:
        return int(self.src_lo.shape[0])


@dataclass(frozen=True)
class DeviceGraph:
    """Graph of one window on a device; ids are in the order of the keys, not of appearance.

    Attributes
    ----------
    pair
        int64 [E].
    pair_src, pair_dst
        int64 [P].
    pair_flows
        int64 [P].
    host_hi, host_lo
        int64 [N], bits of uint64.
    attributes, duration_missing
        As in ``DeviceFlows``.
    octets, averaged
        float32 [N, 8], or None.
    sweeps
        Averaging sweeps that were done: a multiple of ``device_graph.SWEEPS_AT_ONCE``, or the limit.
    """

    pair: Tensor
    pair_src: Tensor
    pair_dst: Tensor
    pair_flows: Tensor
    host_hi: Tensor
    host_lo: Tensor
    attributes: Tensor
    duration_missing: Tensor
    octets: Tensor | None = None
    averaged: Tensor | None = None
    sweeps: int = 0

    @property
    def flows(self) -> int:
        """Number of flows, E."""
        return int(self.pair.shape[0])

    @property
    def hosts(self) -> int:
        """Number of hosts, N."""
        return int(self.host_lo.shape[0])

    @property
    def pairs(self) -> int:
        """Number of distinct ordered host pairs, P."""
        return int(self.pair_src.shape[0])


@dataclass(frozen=True)
class DeviceScores:
    """Scores of E flows on a device, as in ``executors.base.Scores``.

    Attributes
    ----------
    score, surprise, pair_part, flow_part
        float32 [E].
    unseen_hosts
        int64 scalar.
    """

    score: Tensor
    surprise: Tensor
    pair_part: Tensor
    flow_part: Tensor
    unseen_hosts: Tensor


def upload(flows: Flows, device: str) -> DeviceFlows:
    """Columns of a window onto a device, from pinned memory where that helps."""
    import numpy as np
    import torch

    def sent(array: np.ndarray, kind: type | None = None) -> Tensor:
        whole = np.ascontiguousarray(array)
        host = torch.from_numpy(whole if kind is None else whole.view(kind))
        if device.startswith("cuda"):
            return host.pin_memory().to(device, non_blocking=True)
        return host

    return DeviceFlows(
        src_hi=sent(flows.src_hi, np.int64),
        src_lo=sent(flows.src_lo, np.int64),
        dst_hi=sent(flows.dst_hi, np.int64),
        dst_lo=sent(flows.dst_lo, np.int64),
        attributes=sent(flows.attributes),
        duration_missing=sent(flows.duration_missing),
    )


def upload_graph(graph: WindowGraph, device: str) -> DeviceGraph:
    """A graph that was built on the host onto a device."""
    import numpy as np
    import torch

    def sent(array: np.ndarray, kind: type) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True).to(_KINDS[kind])

    _KINDS = {np.int64: torch.int64, np.float32: torch.float32, np.bool_: torch.bool}
    return DeviceGraph(
        pair=sent(graph.pair, np.int64),
        pair_src=sent(graph.pair_src, np.int64),
        pair_dst=sent(graph.pair_dst, np.int64),
        pair_flows=sent(graph.pair_flows, np.int64),
        host_hi=sent(graph.host_hi.view(np.int64), np.int64),
        host_lo=sent(graph.host_lo.view(np.int64), np.int64),
        attributes=sent(graph.attributes, np.float32),
        duration_missing=sent(graph.duration_missing, np.bool_),
        octets=None if graph.octets is None else sent(graph.octets, np.float32),
        averaged=None if graph.averaged is None else sent(graph.averaged, np.float32),
    )
