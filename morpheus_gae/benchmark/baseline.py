"""cpu-published, gpu-sequential-published: the published architecture, one batch after the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from morpheus_gae.benchmark.store import load_columns
from morpheus_gae.benchmark.traffic import LEAST_FLOWS
from morpheus_gae.benchmark.variants import VARIANTS, Job, Timing, Unavailable


class Published:
    """Scores columns; one graph after the other, each waited for."""

    def __init__(self, job: Job) -> None:
        from morpheus_gae.benchmark.published import PublishedRun, torch

        self.gpu = VARIANTS[job.variant].gpu
        if self.gpu and not torch.cuda.is_available():
            raise Unavailable("no CUDA device that torch can use")
        self.torch = torch
        self.net = PublishedRun("cuda" if self.gpu else "cpu")
        self.batches = load_columns(Path(job.folder))
        self.graph_size = job.graph_size
        # threads and device are set up by the first call
        self._score(self.batches[0], slice(0, LEAST_FLOWS))

    def run(self, batches: int, first: int) -> Timing:
        """Score batches; a window's latency is the time from its columns to its scores in memory."""
        latencies, flows, non_finite = [], 0, 0
        for i in range(first, first + batches):
            batch = self.batches[i % len(self.batches)]
            e = batch["src"].shape[0]
            step = self.graph_size or e
            for lo in range(0, e, step):
                start = time.perf_counter()
                score = self._score(batch, slice(lo, lo + step))
                latencies.append(time.perf_counter() - start)
                flows += score.shape[0]
                non_finite += int((~np.isfinite(score)).sum())
        return Timing(flows, sum(latencies), latencies, non_finite)

    def _score(self, batch: dict[str, Any], cut: slice) -> Any:
        # the scores come back to memory, which waits for the device
        return self.net.score(batch["src"][cut], batch["dst"][cut], batch["attributes"][cut])

    def facts(self) -> dict[str, Any]:
        """Which libraries' threads, or how much of the GPU's memory."""
        model = {"model": "gnn-netflow-ad architecture, random weights"}
        if not self.gpu:
            return {**model, "threads": self.torch.get_num_threads()}
        return {**model, "gpu_peak_memory_bytes": int(self.torch.cuda.max_memory_allocated())}
