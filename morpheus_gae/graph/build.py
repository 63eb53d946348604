"""Build: from a window's flows to its graph, linear in flows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.exporters.enriched import enriched_columns
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.averaging import neighbour_average
from morpheus_gae.graph.hashing import number
from morpheus_gae.graph.octets import octet_features
from morpheus_gae.graph.window_graph import WindowGraph

U64 = npt.NDArray[np.uint64]
F32 = npt.NDArray[np.float32]


def build_graph(
    flows: Flows,
    *,
    octets: bool = False,
    tolerance: float = 1e-3,
    max_sweeps: int = 50,
    enriched: bool = False,
) -> WindowGraph:
    """Graph of one window.

    Parameters
    ----------
    flows
        The window.
    octets
        Add octet features and their neighbour averages.
    tolerance, max_sweeps
        Of the averaging.
    enriched
        Add ports, protocol, packets and the like, from the flows' table.
    """
    extra = enriched_columns(flows.table) if enriched else None
    return build_graph_arrays(
        flows.src_hi, flows.src_lo, flows.dst_hi, flows.dst_lo, flows.attributes, flows.duration_missing,
        octets=octets, tolerance=tolerance, max_sweeps=max_sweeps, extra=extra,
    )  # fmt: skip


def build_graph_arrays(
    src_hi: U64,
    src_lo: U64,
    dst_hi: U64,
    dst_lo: U64,
    attributes: F32,
    duration_missing: npt.NDArray[np.bool_],
    *,
    octets: bool = False,
    tolerance: float = 1e-3,
    max_sweeps: int = 50,
    extra: npt.NDArray[np.int32] | None = None,
) -> WindowGraph:
    """`build_graph` from plain arrays: uint64 [E] addresses, float32 [E, 3] attributes, bool [E]."""
    pair, pair_src, pair_dst, pair_flows, host_hi, host_lo = number(src_hi, src_lo, dst_hi, dst_lo)
    features = averaged = None
    sweeps = 0
    if octets:
        features = octet_features(host_hi, host_lo, pair_src, pair_dst, pair_flows)
        averaged, sweeps, _ = neighbour_average(
            features, pair_src, pair_dst, tolerance=tolerance, max_sweeps=max_sweeps
        )
    return WindowGraph(
        pair=pair,
        pair_src=pair_src,
        pair_dst=pair_dst,
        pair_flows=pair_flows,
        host_hi=host_hi,
        host_lo=host_lo,
        attributes=attributes,
        duration_missing=duration_missing,
        octets=features,
        averaged=averaged,
        sweeps=sweeps,
        extra=extra,
    )
