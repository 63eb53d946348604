"""Prepare: flows as the arrays that training reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.bins import MISSING, bin_of, fit_edges, group_bins
from morpheus_gae.model.features import class_flags, edge_features
from morpheus_gae.train.enriched import Extra
from morpheus_gae.train.parent import Parent
from morpheus_gae.train.passes import add_beyond
from morpheus_gae.train.spool import Spool, blocks, let_go

F32 = npt.NDArray[np.float32]
I16 = npt.NDArray[np.int16]
U8 = npt.NDArray[np.uint8]
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
        Bin edges of each column, int16 [E, 3] bins, group of each bin of the first two columns.
    flags
        float32 [H, 5] address classes.
    fold
        uint8 [E] fifth of the training time each flow lies in, rising.
    extra
        Enriched columns, if the model reads them.
    """

    graph: WindowGraph
    mean: F32
    scale: F32
    f: F32
    edges: tuple[F32, F32, F32]
    bins: I16
    groups: tuple[I64, I64]
    flags: F32
    fold: U8
    extra: Extra | None = None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Bins of each column."""
        a, b, c = (e.shape[0] + 1 for e in self.edges)
        return a, b, c


def prepare(graph: WindowGraph, fold: U8, spool: Spool, parent: Parent | None = None) -> Prepared:
    """Standardise and bin.

    Parameters
    ----------
    graph
        Flows to learn from, in time order, as one graph.
    fold
        uint8 [E] fifth of the time each lies in.
    spool
        Gets the columns.
    parent
        Gives scaling and bins, if there is one.
    """
    attributes, missing = graph.attributes, graph.duration_missing
    mean, scale = _moments(attributes) if parent is None else parent.scaling
    given, codes = (None, None) if parent is None else (parent.bins, parent.codes)
    f = spool.zeros((graph.flows, 4), np.float32)
    bins = spool.zeros((graph.flows, 3), np.int16)
    edges = given[0] if given else tuple(_edges(attributes, missing, column) for column in range(3))
    for part in blocks(graph.flows):
        f[part] = edge_features(attributes[part], missing[part], mean, scale)
        for column, edge in enumerate(edges):
            bins[part, column] = bin_of(edge, _raw(attributes[part], missing[part], column))
    mass = [_counts(bins, i, edges[i].shape[0] + 1) for i in (0, 1)]
    groups = given[1] if given else tuple(group_bins(m.astype(np.float64)).astype(np.int64) for m in mass)
    grouped = (groups[0], groups[1])
    return Prepared(
        graph=graph,
        mean=mean,
        scale=scale,
        f=f,
        edges=(edges[0], edges[1], edges[2]),
        bins=bins,
        groups=grouped,
        flags=class_flags(graph.host_hi, graph.host_lo),
        fold=fold,
        extra=None if graph.extra is None else Extra(graph.extra, bins, grouped, spool, codes),
    )


def _moments(attributes: F32) -> tuple[F32, F32]:
    """Mean and standard deviation of the log1p attributes: float32 [3] each."""
    count = max(attributes.shape[0], 1)
    mean, unused, square = np.zeros(3), np.zeros(3), np.zeros(3)
    for part in blocks(attributes.shape[0]):
        add_beyond(np.log1p(attributes[part]), np.zeros(3), mean, unused)
    mean /= count
    for part in blocks(attributes.shape[0]):
        add_beyond(np.log1p(attributes[part]), mean, unused, square)
    return mean.astype(np.float32), np.maximum(np.sqrt(square / count), 1e-2).astype(np.float32)


def _raw(attributes: F32, missing: npt.NDArray[np.bool_], column: int) -> F32:
    """One attribute as it is binned."""
    values = np.ascontiguousarray(attributes[:, column])
    return values if column < 2 else np.where(missing, MISSING, values)


def _edges(attributes: F32, missing: npt.NDArray[np.bool_], column: int) -> F32:
    values = _raw(attributes, missing, column)
    let_go()
    return fit_edges(values if values.min(initial=0) >= 0 else values[values >= 0])


def _counts(bins: I16, column: int, size: int) -> I64:
    out = np.zeros(size, np.int64)
    for part in blocks(bins.shape[0]):
        out += np.bincount(bins[part, column], minlength=size)
    return out
