"""cpu, cpu-1core: columns in memory to scores with the CPU executor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from morpheus_gae.benchmark.store import MODEL, load_flows
from morpheus_gae.benchmark.traffic import LEAST_FLOWS
from morpheus_gae.benchmark.variants import Job, Timing, windows
from morpheus_gae.engine.run.warm_up import warm_up
from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph


class Cpu:
    """Build each window's graph and score it, one after the other."""

    def __init__(self, job: Job) -> None:
        folder = Path(job.folder)
        self.executor = open_executor(folder / MODEL)
        self.batches = [windows(flows, job.graph_size) for flows in load_flows(folder)]
        # compile, as the product does before it reads
        warm_up(self.executor)
        self._score(self.batches[0][0].slice(0, LEAST_FLOWS))

    def run(self, batches: int, first: int) -> Timing:
        """Score batches; a window's latency is the time from its columns to its scores."""
        latencies, flows, non_finite = [], 0, 0
        seconds = 0.0
        for i in range(first, first + batches):
            for window in self.batches[i % len(self.batches)]:
                start = time.perf_counter()
                scores = self._score(window)
                latencies.append(time.perf_counter() - start)
                seconds += latencies[-1]
                flows += len(window)
                non_finite += int((~np.isfinite(scores.score)).sum())
        return Timing(flows, seconds, latencies, non_finite)

    def _score(self, window: Flows) -> Scores:
        spec = self.executor.artifact.spec
        graph = build_graph(
            window,
            octets=spec.octets,
            tolerance=spec.tolerance,
            max_sweeps=spec.max_sweeps,
            enriched=spec.enriched,
        )
        return self.executor.score(graph)

    def facts(self) -> dict[str, Any]:
        """Which model."""
        return {"model": self.executor.artifact.name}
