"""WindowGraph: the flows of one window as a directed multigraph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
U64 = npt.NDArray[np.uint64]
F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class WindowGraph:
    """E flows between N hosts, over P distinct ordered host pairs.

    Host ids and pair ids are numbered by first appearance in the window; nothing downstream depends on
    the numbering.

    Attributes
    ----------
    pair
        int32 [E]: pair id of each flow.
    pair_src, pair_dst
        int32 [P]: host ids of each pair.
    pair_flows
        int32 [P]: flows of each pair.
    host_hi, host_lo
        uint64 [N]: the hosts' 128-bit addresses (IPv4 as IPv4-mapped IPv6).
    attributes
        float32 [E, 3]: forward bytes, backward bytes, duration in milliseconds, as counted.
    duration_missing
        bool [E].
    octets
        float32 [N, 8] or None: four address octets / 255, then the host's share of the window's pairs and
        flows, out and in. None unless the model asks for them.
    averaged
        float32 [N, 8] or None: ``octets`` after neighbour averaging to convergence.
    sweeps
        Averaging sweeps that were needed (0 when not asked for).
    extra
        int32 [E, 7] or None: `flows.exporters.enriched.enriched_columns`, where the model asks for them.
    """

    pair: I32
    pair_src: I32
    pair_dst: I32
    pair_flows: I32
    host_hi: U64
    host_lo: U64
    attributes: F32
    duration_missing: Bool
    octets: F32 | None = None
    averaged: F32 | None = None
    sweeps: int = 0
    extra: I32 | None = None

    @cached_property
    def src(self) -> I32:
        """int32 [E]: host where each flow starts."""
        return self.pair_src[self.pair]

    @cached_property
    def dst(self) -> I32:
        """int32 [E]: host where each flow ends."""
        return self.pair_dst[self.pair]

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
