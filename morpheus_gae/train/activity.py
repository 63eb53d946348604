"""Learn how much benign pairs and hosts do beyond what is expected of them: the numbers of `model.activity`,
and those of `model.partners` where memory tells first meetings.

From windows of several sizes, since a model meets windows of any length, each beside the memory of the other
folds of the time. Linear in the flows; of each size few windows are looked at, all over the time. Labels are
never read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model import partners
from morpheus_gae.model.activity import KINDS, MOST, STEEPEST, Activity, Past, counts, excess, raises
from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.train.spool import blocks

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

SHORTER = (1, 20, 400)
"""Sizes of windows: the model's own, and parts of it."""
FEWEST = 50
"""Flows of a window."""
MOST_WINDOWS = 16
"""Of each size and fold."""
FEW, SOME = 0.3, 2.0
"""Flows expected: counts between these show bursts, those above how far rates change."""
RARE = 5.3
"""Nats. Of benign flows, those in counts less rare gain nothing: 995 of 1,000. So the threshold of a budget
of 1 % is hardly moved where benign counts are wild."""
BURST, SPREAD = (1.0, 1e4), (0.05, 1e4)
"""Least and greatest."""
LEAST_MET = 200
"""New partners in windows of one size: the strangest 5 of 1,000 are not to be told of fewer."""
NEVER = 1e6
"""A start that no count reaches, where there is nothing to learn from."""


def settle(
    flows: Flows, fold: U8, chosen: Bool, without: Callable[[int], dict[str, Array]], size: int
) -> tuple[dict[str, Array], F32]:
    """Tensors of the activity, and what it adds to each flow.

    Parameters
    ----------
    flows, fold, chosen, size
        See ``train.evidence.learn``.
    without
        Tensors of a memory that knows nothing of a fold.

    Returns
    -------
    dict, float32 [E]
        Tensors ``activity.prior`` and, where memory has ``partners.past``, ``partners.prior``; nats, 0 for
        flows that are not chosen, and for all where flows have no times.
    """
    kinds, windows = _Kinds(), []
    if flows.time_ms is None:
        # the order of a file is no time: how many flows stand together there says nothing
        return kinds.tensors("partners.past" in without(0)), np.zeros(len(flows), np.float32)
    for k in range(int(fold.max(initial=0)) + 1):
        look = _Look(without(k))
        rows = np.flatnonzero((fold == k) & chosen)
        top = min(size, max(rows.shape[0], 1))
        for part in SHORTER:
            cuts = list(blocks(rows.shape[0], max(top // part, 1))) if top // part >= FEWEST else []
            for cut in cuts[:: max(len(cuts) // MOST_WINDOWS, 1)]:
                look.note(flows, rows[cut], part, kinds)
        windows += [(look, rows[cut]) for cut in blocks(rows.shape[0], size)]
    tensors = kinds.tensors(look.met is not None)
    activity = Activity(tensors["activity.prior"])
    added = np.zeros(len(flows), np.float32)
    for look, part_rows in windows:
        graph = build_graph(flows.take(part_rows))
        ids = graph.pair_flows, graph.pair_src, graph.pair_dst
        found = look.rows(graph)
        more = raises(activity, *ids, look.past(*found))
        if look.met is not None:
            met = partners.met_in(look.met, look.total, *found, graph.flows)
            more += partners.raises(tensors["partners.prior"], *ids[1:], met)
        added[part_rows] = np.minimum(more, np.float32(MOST))[graph.pair]
    return tensors, added


class _Look:
    """Memory without one fold of the time: flows of each pair, source and destination, and of all; first
    meetings of each host, if it has them.
    """

    def __init__(self, memory: dict[str, Array]) -> None:
        self.salt = int(memory["memory.salt"][0])
        self.host_key, self.pair_key = memory["memory.host_key"], memory["memory.pair_key"]
        names = ("memory.pair", "memory.host_out", "memory.host_in")
        self.pair, self.out, self.into = (memory[name][:, 0].astype(np.float32) for name in names)
        self.total = float(self.out.sum(dtype=np.float64))
        met = memory.get("partners.past")
        self.met = None if met is None else partners.known_past(met, self.out, self.into)

    def rows(self, graph: WindowGraph) -> tuple[I64, I64]:
        """Rows in memory of a window's pairs and hosts, -1 where unknown."""
        key = host_keys(graph.host_hi, graph.host_lo, self.salt)
        pair = find(self.pair_key, pair_keys(key[graph.pair_src], key[graph.pair_dst]))
        return pair, find(self.host_key, key)

    def past(self, pair: I64, host: I64) -> Past:
        """What is remembered of a window."""

        def at(table: F32, row: I64) -> F64:
            # what memory does not know is at -1
            return np.append(table, np.float32(0)).astype(np.float64)[row]

        return Past(at(self.pair, pair), at(self.out, host), at(self.into, host), self.total)

    def note(self, flows: Flows, rows: I64, part: int, kinds: _Kinds) -> None:
        """Note what a window shows."""
        if not self.total:
            return
        graph, share = build_graph(flows.take(rows)), rows.shape[0] / self.total
        pair, host = self.rows(graph)
        shown = counts(graph.pair_flows, graph.pair_src, graph.pair_dst, graph.hosts)
        whole = ((self.pair, pair), (self.out, host), (self.into, host))
        for kind, (past, row), mine in zip(kinds.counts, whole, shown, strict=True):
            there = row >= 0
            n = np.bincount(row[there], mine[there], past.shape[0]).astype(np.float64)
            kind.add(n[past > 0], past[past > 0].astype(np.float64), share, part)
        if self.met is None:
            return
        number = partners.meetings(graph.pair_src, graph.pair_dst, pair < 0, graph.hosts)
        there = host >= 0
        for kind, past, mine in zip(kinds.partners, self.met.T, number, strict=True):
            n = np.bincount(host[there], mine[there], past.shape[0]).astype(np.float64)
            kind.add(n[past >= 0], past[past >= 0].astype(np.float64), share, part)


class _Kinds:
    """What windows show of flows, by `KINDS`, and of new partners, by `model.partners.ROLES`."""

    def __init__(self) -> None:
        self.counts = tuple(_Kind() for _ in KINDS)
        self.partners = tuple(_Kind(LEAST_MET) for _ in partners.ROLES)

    def tensors(self, met: bool) -> dict[str, Array]:
        """The priors; of new partners too if they were ``met``."""
        of = {"activity.prior": self.counts, **({"partners.prior": self.partners} if met else {})}
        return {name: np.stack([kind.numbers() for kind in kinds]) for name, kinds in of.items()}


@dataclass
class _Kind:
    """What windows show of one kind of count."""

    least: int = 0
    few: F64 = field(default_factory=lambda: np.zeros(2))
    many: F64 = field(default_factory=lambda: np.zeros(3))
    shown: dict[int, list[tuple[F64, F64, float]]] = field(default_factory=dict)

    def add(self, n: F64, past: F64, share: float, part: int) -> None:
        """Counts of one window, those that are 0 among them; ``part`` tells its size."""
        mean = (past + 1) * share
        square = (n - mean) ** 2
        few, many = (mean > FEW) & (mean < SOME), mean >= SOME
        self.few += square[few].sum(), mean[few].sum() * (1 + share)
        square, mean = square[many], mean[many]
        self.many += (square / mean**2).sum(), ((1 + share) / mean).sum(), mean.shape[0]
        self.shown.setdefault(part, []).append((n[n > 0], past[n > 0], share))

    def numbers(self) -> F32:
        """A row of ``Activity.prior``."""
        square, mean = self.few
        burst = float(np.clip(square / mean if mean > 0 else 2.0, *BURST))
        square, inverse, number = self.many
        spread = float(np.clip((square - burst * inverse) / number if number > 0 else 1.0, *SPREAD))
        prior = np.array([burst, spread, NEVER, 0], np.float32)
        found = []
        seen = [sum(float(n.sum()) for n, *_ in windows) for windows in self.shown.values()]
        if max(seen, default=0) < self.least:
            return prior
        for windows in self.shown.values():
            z = [excess(n, past, share, prior) for n, past, share in windows]
            found.append(_tail(np.concatenate(z), np.concatenate([n for n, *_ in windows])))
        tails = np.array([tail for tail in found if tail is not None])
        if tails.size:
            # in windows of no size is more raised than that
            prior[2:] = tails[:, 0].max(), tails[:, 1].min()
        return prior


def _tail(z: F64, flows: F64) -> tuple[float, float] | None:
    """Start of the strangest half percent of the flows, and nats by unit of excess; None without flows."""
    if not z.size:
        return None
    order = np.argsort(z)
    z, flows = z[order], flows[order]
    before = np.cumsum(flows)
    at = np.searchsorted(before, before[-1] * -np.expm1(-RARE)).clip(0, z.size - 1)
    start = max(float(z[at]), 0.0)
    beyond = z > start
    mean = float(((z - start) * flows)[beyond].sum() / max(float(flows[beyond].sum()), 1.0))
    return start, min(1 / max(mean, 1e-9), STEEPEST)
