"""Prepare: flows as the arrays that training reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.bins import MISSING, bin_of, fit_edges, group_bins
from morpheus_gae.model.features import class_flags, edge_features

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Prepared:
    """The flows that are learnt from, in time order, as arrays.

    Attributes
    ----------
    graph
        All flows as one graph: gives every host and pair of the run one id.
    mean, scale
        float32 [3] of the log1p attributes.
    f
        float32 [E, 4] edge features.
    edges, bins, groups
        Bin edges of each column, int64 [E, 3] bins, group of each bin of the first two columns.
    flags
        float32 [H, 5] address classes.
    fold
        int64 [E] fifth of the training time each flow lies in, rising.
    """

    graph: WindowGraph
    mean: F32
    scale: F32
    f: F32
    edges: tuple[F32, F32, F32]
    bins: I64
    groups: tuple[I64, I64]
    flags: F32
    fold: I64

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Bins of each column."""
        a, b, c = (e.shape[0] + 1 for e in self.edges)
        return a, b, c


def prepare(flows: Flows, fold: I64) -> Prepared:
    """Standardise, bin, and number hosts and pairs.

    Parameters
    ----------
    flows
        To learn from, in time order.
    fold
        int64 [E] fifth of the training time each lies in.
    """
    graph = build_graph(flows)
    logs = np.log1p(flows.attributes)
    mean = logs.mean(0, dtype=np.float64).astype(np.float32)
    scale = np.maximum(logs.std(0, dtype=np.float64), 1e-2).astype(np.float32)
    raw = [flows.attributes[:, 0], flows.attributes[:, 1]]
    raw.append(np.where(flows.duration_missing, MISSING, flows.attributes[:, 2]))
    edges = tuple(fit_edges(np.ascontiguousarray(c[c >= 0])) for c in raw)
    bins = np.stack([bin_of(k, np.ascontiguousarray(c)) for k, c in zip(edges, raw, strict=True)], 1)
    mass = [np.bincount(bins[:, i], minlength=edges[i].shape[0] + 1) for i in (0, 1)]
    groups = tuple(group_bins(m.astype(np.float64)).astype(np.int64) for m in mass)
    return Prepared(
        graph=graph,
        mean=mean,
        scale=scale,
        f=edge_features(flows.attributes, flows.duration_missing, mean, scale),
        edges=(edges[0], edges[1], edges[2]),
        bins=bins.astype(np.int64),
        groups=(groups[0], groups[1]),
        flags=class_flags(graph.host_hi, graph.host_lo),
        fold=fold,
    )
