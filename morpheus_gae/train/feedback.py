"""Feedback: training flows that analysts have told about: attacks are left out, benign ones stay in.

Which flows are learnt from is all that it decides. It gives no flow a label: thresholds, weights and memory
come from the flows that are left, as they would from any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows.addresses.text import parse_addresses
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.suppress.feedback import ATTACK, Told, latest
from morpheus_gae.train.contamination import renumbered
from morpheus_gae.train.recurrence import Bursts

Bool = npt.NDArray[np.bool_]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

LISTED = 100
"""Ids that a model names, the latest."""


@dataclass(frozen=True)
class Applied:
    """Which training flows were told to be what.

    Attributes
    ----------
    attack, benign
        bool [E]; a flow that was told to be both is an attack.
    counts
        Id, verdict and number of flows of everything that was told.
    """

    attack: Bool
    benign: Bool
    counts: list[tuple[str, str, int]]

    def adjusted(self, found: Bursts) -> Bursts:
        """Bursts with the attacks among them, and without what is benign.

        Parameters
        ----------
        found
            What stood apart by itself.
        """
        of = np.where(self.benign, -1, found.of)
        # flows of a burst that is told stay in it
        alone = self.attack & (of < 0)
        return renumbered(np.where(alone, found.count, of).astype(np.int32))

    def facts(self) -> dict[str, Any]:
        """Plain values for a model: ids and counts, and no address."""
        listed = [
            {"id": id, "verdict": verdict, "flows": flows} for id, verdict, flows in self.counts[-LISTED:]
        ]
        return {
            "told": len(self.counts),
            "attack_flows": int(self.attack.sum()),
            "benign_flows": int(self.benign.sum()),
            "listed": listed,
        }


def apply_feedback(told: Sequence[Told], flows: Flows, graph: WindowGraph) -> Applied:
    """Find the flows that were told about: those between the hosts of an incident, in its time.

    Parameters
    ----------
    told
        Lines of a file of feedback, in order; the last of each id counts. What was not looked up when it was
        told stands for no flow.
    flows, graph
        All training flows. Without times, those between these hosts at any time.
    """
    attack, benign = np.zeros(len(flows), np.bool_), np.zeros(len(flows), np.bool_)
    counts = []
    for one in latest(told):
        rows = _rows(one, flows, graph)
        (attack if one.verdict == ATTACK else benign)[rows] = True
        counts.append((one.id, one.verdict, int(rows.shape[0])))
    return Applied(attack, benign & ~attack, counts)


def _rows(one: Told, flows: Flows, graph: WindowGraph) -> I64:
    """int64 [K] positions of the flows."""
    if not one.placed:
        return np.zeros(0, np.int64)
    src, dst = _are(one.sources, graph), _are(one.targets, graph)
    pairs = src[graph.pair_src] & dst[graph.pair_dst]
    if not pairs.any():
        return np.zeros(0, np.int64)
    start, stop = 0, len(flows)
    if flows.time_ms is not None and one.first is not None and one.last is not None:
        # in time order
        start = int(np.searchsorted(flows.time_ms, one.first, "left"))
        stop = int(np.searchsorted(flows.time_ms, one.last, "right"))
    return start + np.flatnonzero(pairs[graph.pair[start:stop]])


def _are(hosts: list[str] | None, graph: WindowGraph) -> Bool:
    """Which hosts of the graph are among these: bool [N]; None are all."""
    if hosts is None:
        return np.ones(graph.host_lo.shape[0], np.bool_)
    hi, lo, ok = parse_addresses(pa.array(hosts, pa.string()))
    out = np.isin(graph.host_lo, lo[ok]) & np.isin(graph.host_hi, hi[ok])
    # halves of two hosts may meet in a third
    wanted = set(zip(hi[ok].tolist(), lo[ok].tolist(), strict=True))
    for i in np.flatnonzero(out).tolist():
        out[i] = (int(graph.host_hi[i]), int(graph.host_lo[i])) in wanted
    return out
