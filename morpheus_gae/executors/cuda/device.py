"""What the CUDA executor takes and gives: columns that lie on a device, and stay there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from morpheus_gae.errors import GaeError
from morpheus_gae.flows.exporters.enriched import enriched_columns
from morpheus_gae.graph import parallel

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from morpheus_gae.executors.cuda.rows import Rows
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph

GRAIN = 1 << 17
"""Rows of a column that a thread copies at least: a megabyte, more than it costs to ask for a thread."""


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
    extra
        int32 [E, 7] or None, see ``graph.window_graph.WindowGraph``.
    """

    src_hi: Tensor
    src_lo: Tensor
    dst_hi: Tensor
    dst_lo: Tensor
    attributes: Tensor
    duration_missing: Tensor
    extra: Tensor | None = None

    def __len__(self) -> int:
        return int(self.src_lo.shape[0])


@dataclass(frozen=True)
class DeviceGraph:
    """Graph of one window on a device; ids by first appearance, as in ``WindowGraph``.

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
        Averaging sweeps that were done: a multiple of ``device_octets.SWEEPS_AT_ONCE``, or the limit.
    neighbours
        Each host's in both directions, if they were needed already.
    host_flags
        float32 [N, 5] address classes, where they were made with the numbers.
    extra
        As in ``DeviceFlows``.
    ready
        Event that says it is there, for other streams than its own; None if it lies in the order of the
        current one.
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
    neighbours: Rows | None = None
    host_flags: Tensor | None = None
    extra: Tensor | None = None
    ready: Any = None

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
    score, pair_part, flow_part
        float32 [E]. A part that a preset does not have is one zero, expanded.
    surprise
        float64 [E].
    unseen_hosts
        int64 scalar.
    graph_part, activity_part
        float32 [E], or None.
    """

    score: Tensor
    surprise: Tensor
    pair_part: Tensor
    flow_part: Tensor
    unseen_hosts: Tensor
    graph_part: Tensor | None = None
    activity_part: Tensor | None = None


def _sent(array: np.ndarray, device: str) -> Tensor:
    """A host's array on a device, by way of pinned memory, which torch keeps for the next window."""
    import numpy as np
    import torch

    wide = array.view(np.int64) if array.dtype == np.uint64 else array
    # not from_numpy: columns of Arrow are read-only, and the copy is needed anyway
    host = torch.empty(wide.shape, dtype=_types()[wide.dtype.str], pin_memory=device.startswith("cuda"))
    there = host.numpy()
    # one thread copies slower than the bus takes it; without the interpreter's lock
    parallel.run(lambda lo, hi: np.copyto(there[lo:hi], wide[lo:hi]), wide.shape[0], GRAIN)
    return host.to(device, non_blocking=True)


def _types() -> dict[str, torch.dtype]:
    import torch

    return {"<i8": torch.int64, "<i4": torch.int32, "<f4": torch.float32, "|b1": torch.bool}


def upload(flows: Flows, device: str, enriched: bool = False) -> DeviceFlows:
    """Columns of a window onto a device; the copies may still be under way, in order on the stream."""
    return DeviceFlows(
        src_hi=_sent(flows.src_hi, device),
        src_lo=_sent(flows.src_lo, device),
        dst_hi=_sent(flows.dst_hi, device),
        dst_lo=_sent(flows.dst_lo, device),
        attributes=_sent(flows.attributes, device),
        duration_missing=_sent(flows.duration_missing, device),
        extra=_sent(enriched_columns(flows.table), device) if enriched else None,
    )


def upload_graph(graph: WindowGraph, device: str) -> DeviceGraph:
    """A graph that was built on the host onto a device."""
    return DeviceGraph(
        # half the bytes on the way, int64 there
        pair=_sent(graph.pair, device).long(),
        pair_src=_sent(graph.pair_src, device).long(),
        pair_dst=_sent(graph.pair_dst, device).long(),
        pair_flows=_sent(graph.pair_flows, device).long(),
        host_hi=_sent(graph.host_hi, device),
        host_lo=_sent(graph.host_lo, device),
        attributes=_sent(graph.attributes, device),
        duration_missing=_sent(graph.duration_missing, device),
        octets=None if graph.octets is None else _sent(graph.octets, device),
        averaged=None if graph.averaged is None else _sent(graph.averaged, device),
        sweeps=graph.sweeps,
        extra=None if graph.extra is None else _sent(graph.extra, device),
    )


def is_memory_full(error: BaseException) -> bool:
    """Whether an error says that the device's memory does not suffice.

    An allocator that torch was given (RMM's) raises C++'s ``bad_alloc``, of which torch makes one of Python's
    common errors (pytorch/pytorch#133280).
    """
    import torch

    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "bad_alloc" in str(error)


@contextmanager
def fitting(flows: int | None) -> Iterator[None]:
    """One clear line where the device's memory does not suffice.

    Parameters
    ----------
    flows
        In the window, if there is only one.

    Raises
    ------
    GaeError
        In the place of an error that ``is_memory_full``.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_memory_full(error):
            raise
        what = "a window" if flows is None else f"a window of {flows:,} flows"
        raise GaeError(f"the GPU's memory does not hold {what}: give a smaller --graph_size") from None
