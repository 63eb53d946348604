"""A model, a window cutter and a sink that need nothing else of the project."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.spec import preset


class ToyExecutor:
    """Scores a flow by its forward bytes alone; knows a set share of the hosts."""

    def __init__(self, unseen: float = 0.0) -> None:
        p = np.array([0.0, 0.9, 0.99, 0.999])
        self.unseen = unseen
        self.artifact: Any = SimpleNamespace(
            name="toy",
            hash="0123456789ab",
            spec=preset("published"),
            thresholds={"0.001": 50.0},
            supported_budgets=(),
            quantiles=(p, -np.log1p(-p)),
            prefixes=None,
        )

    def score(self, graph: WindowGraph) -> Scores:
        surprise = graph.attributes[:, 0].copy()
        return Scores(
            score=(-np.expm1(-surprise)).astype(np.float32),
            surprise=surprise.astype(np.float64),
            pair_part=np.zeros_like(surprise),
            flow_part=surprise,
            unseen_hosts=round(self.unseen * graph.hosts),
        )

    def score_batch(self, graphs: list[WindowGraph]) -> list[Scores]:
        return [self.score(graph) for graph in graphs]


class ToyCutter:
    """Windows of n flows."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.held: list[Flows] = []

    def push(self, flows: Flows) -> list[Flows]:
        self.held.append(flows)
        windows = []
        joined = concat(self.held)
        while len(joined) >= self.n:
            windows.append(joined.slice(0, self.n))
            joined = joined.slice(self.n, len(joined))
        self.held = [joined] if len(joined) else []
        return windows

    @property
    def pending(self) -> bool:
        return bool(self.held)

    def flush(self) -> list[Flows]:
        held, self.held = self.held, []
        return [concat(held)] if held else []


def toy_graph(flows: Flows) -> WindowGraph:
    """Every flow between two hosts of its own."""
    n = len(flows)
    ids = np.arange(n, dtype=np.int32)
    return WindowGraph(
        pair=ids,
        pair_src=ids,
        pair_dst=ids + np.int32(n),
        pair_flows=np.ones(n, np.int32),
        host_hi=np.concatenate([flows.src_hi, flows.dst_hi]),
        host_lo=np.concatenate([flows.src_lo, flows.dst_lo]),
        attributes=flows.attributes,
        duration_missing=flows.duration_missing,
        sweeps=2,
    )


class ToySink:
    """Keeps the tables; remembers what was called."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []
        self.calls: list[str] = []

    def add(self, table: pa.Table) -> None:
        self.tables.append(table)
        self.calls.append("add")

    def flush(self) -> None:
        self.calls.append("flush")

    def close(self) -> None:
        self.calls.append("close")
