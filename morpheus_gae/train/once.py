"""Count a burst once: what the strangest training flows say of the traffic, however many flows one host sent.

Every training flow is scored by a memory that does not know its fifth of the time, so a host that came in one
fifth alone is a stranger there, flow after flow: one event, which says little of how many flows will be as
strange in use. So in each fifth a source, and a destination, counts no more often among the strangest flows
than it has flows in one of the other fifths, and a few. Who is always there counts in full.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from morpheus_gae.graph.window_graph import WindowGraph

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

LOOK = 0.2
"""Share of the flows that is looked through: four times the widest quantile, ten times the widest budget."""
LEAST = 100
FEW = 10
"""Flows of a host that count in a fifth of the time in which it is new."""


class Strangest:
    """The strangest of the training flows, a burst counted once.

    Parameters
    ----------
    surprise
        float32 [E] of all training flows.
    counted
        bool [E]: flows that stand for benign traffic; at least one.
    fold
        uint8 [E] fifth of the time of each, rising.
    graph
        Of all training flows.

    Attributes
    ----------
    flows
        Flows that stand for benign traffic.
    surprise
        float32 [K] of the strangest of them that count, falling.
    """

    def __init__(self, surprise: F32, counted: Bool, fold: U8, graph: WindowGraph) -> None:
        self.flows = int(counted.sum())
        look = min(max(int(LOOK * self.flows), LEAST), self.flows)
        least = np.partition(surprise[counted], self.flows - look)[self.flows - look]
        rows = np.flatnonzero(counted & (surprise >= least))
        rows = rows[np.lexsort((rows, -surprise[rows]))]
        pair, part = graph.pair[rows], fold[rows]
        counts = np.ones(rows.shape[0], np.bool_)
        of_pairs = _flows_by_fold(graph, counted, fold)
        for end in (graph.pair_src, graph.pair_dst):
            of_hosts = np.stack([np.bincount(end, flows, graph.hosts) for flows in of_pairs])
            host = end[pair]
            others = of_hosts.sum(0)[host] - of_hosts[part, host]
            unit = host.astype(np.int64) * of_hosts.shape[0] + part
            counts &= _nth(unit) < FEW + others / max(of_hosts.shape[0] - 1, 1)
        self.surprise: F32 = surprise[rows[counts]]

    def beyond(self, rate: float) -> float:
        """Surprise of the strangest flow that counts and is not among a share ``rate`` of all flows.

        Where fewer count, that of the last that does.
        """
        at = min(int(rate * self.flows), self.surprise.shape[0] - 1)
        return float(self.surprise[at])


def _flows_by_fold(graph: WindowGraph, counted: Bool, fold: U8) -> list[I64]:
    """Flows of each pair in each fold: int64 [P] each."""
    cuts = np.searchsorted(fold, np.arange(int(fold[-1]) + 2, dtype=np.int64)).tolist()
    return [
        np.bincount(graph.pair[a:b][counted[a:b]], minlength=graph.pairs) for a, b in itertools.pairwise(cuts)
    ]


def _nth(unit: I64) -> I64:
    """int64 [E]: how many of the elements before each are equal to it."""
    order = np.argsort(unit, kind="stable")
    grouped = unit[order]
    nth = np.empty(unit.shape[0], np.int64)
    nth[order] = np.arange(unit.shape[0]) - np.searchsorted(grouped, grouped, side="left")
    return nth
