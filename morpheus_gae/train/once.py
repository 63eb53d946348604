"""Count a burst once: what the strangest training flows say of the traffic, however many flows one host sent.

Every training flow is scored by a memory that does not know its fifth of the time, so a host that came in one
fifth alone is a stranger there, flow after flow; and one that did there what it never did before is strange,
however busy it always is. Either is one event, which says little of how many flows will be as strange in use.
So in each fifth a source, and a destination, counts among the strangest flows no more often than it is as
strange in one of the other fifths, as far as chance may go, and a few times. Who is strange all the time
counts in full.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.graph.window_graph import WindowGraph

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

LOOK = 0.2
"""Share of the flows that is looked through: four times the widest quantile, ten times the widest budget."""
LEAST = 100
FEW = 10
"""Flows of a host that count in a fifth of the time in which alone it is strange."""
CHANCE = 2.0
"""Standard deviations of a Poisson count that a host's flows in one fifth may be above those in another."""


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
        float32 [K] of the strangest of them, falling.
    count
        int64 [K]: if a threshold is at each of these, how many of the flows up to it count.
    """

    def __init__(self, surprise: F32, counted: Bool, fold: U8, graph: WindowGraph) -> None:
        self.flows = int(counted.sum())
        look = min(max(int(LOOK * self.flows), LEAST), self.flows)
        least = np.partition(surprise[counted], self.flows - look)[self.flows - look]
        rows = np.flatnonzero(counted & (surprise >= least))
        rows = rows[np.lexsort((rows, -surprise[rows]))]
        self.surprise: F32 = surprise[rows]
        pair, part, folds = graph.pair[rows], fold[rows], int(fold[-1]) + 1
        src, dst = (_Side(end[pair], part, graph.hosts, folds) for end in (graph.pair_src, graph.pair_dst))
        self.count: I64 = _counting(
            src.host, dst.host, part, src.order, dst.order, src.first, dst.first, folds
        )

    def beyond(self, rate: float) -> float:
        """Surprise of the strangest flow at which more flows count than a share ``rate`` of all flows.

        Where fewer count, that of the last at which one more does.
        """
        at = np.searchsorted(self.count, min(int(rate * self.flows), int(self.count[-1]) - 1), side="right")
        return float(self.surprise[at])


class _Side:
    """The flows of each host in each fold, as sources or as destinations.

    ``order``, int32 [K], are the flows by host and fold, the strangest first; those of host h in fold k begin
    at ``first[h * folds + k]``.
    """

    def __init__(self, host: I32, part: U8, hosts: int, folds: int) -> None:
        self.host = host
        unit = host.astype(np.int64) * folds + part
        self.order: I32 = np.argsort(unit, kind="stable").astype(np.int32)
        self.first: I64 = np.zeros(hosts * folds, np.int64)
        self.first[1:] = np.cumsum(np.bincount(unit, minlength=hosts * folds))[:-1]


@njit(cache=True, nogil=True)
def _counting(
    src: I32, dst: I32, part: U8, by_src: I32, by_dst: I32, src_first: I64, dst_first: I64, folds: int
) -> I64:
    """int64 [K] flows that count, of the first, the first two, and so on; see ``Strangest.count``.

    What one more strange flow of a host lets count of it in the other folds is looked up as it comes.
    """
    units = src_first.shape[0]
    seen, done = np.zeros((2, units), np.int32), np.zeros((2, units), np.int32)
    total = np.zeros((2, units // folds), np.int32)
    sides = np.zeros(src.shape[0], np.uint8)
    out = np.empty(src.shape[0], np.int64)
    count = 0
    for i in range(src.shape[0]):
        for side in range(2):
            host = src[i] if side == 0 else dst[i]
            order, first = (by_src, src_first) if side == 0 else (by_dst, dst_first)
            seen[side, host * folds + part[i]] += 1
            total[side, host] += 1
            for fold in range(folds):
                unit = host * folds + fold
                usual = (total[side, host] - seen[side, unit]) / max(folds - 1, 1)
                room = FEW + usual + CHANCE * np.sqrt(usual)
                while done[side, unit] < seen[side, unit] and done[side, unit] < room:
                    row = order[first[unit] + done[side, unit]]
                    done[side, unit] += 1
                    sides[row] += 1
                    # of its source and of its destination
                    count += sides[row] == 2
        out[i] = count
    return out
