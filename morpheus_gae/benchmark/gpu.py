"""gpu-sequential, gpu-pipelined, gpu-resident: columns to scores with the CUDA executor."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.benchmark.store import MODEL, load_flows
from morpheus_gae.benchmark.traffic import LEAST_FLOWS
from morpheus_gae.benchmark.variants import Job, Timing, Unavailable, windows
from morpheus_gae.errors import MissingExtraError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.artifact import load_artifact

AT_ONCE = 6
"""Windows that a stream is warmed up with: more than are under way at a time."""


class Sequential:
    """One window after the other: copy its columns to the GPU, score them, copy the scores back.

    Parameters
    ----------
    job
        What to score.
    device
        ``cuda``; another one of torch's for tests.
    """

    def __init__(self, job: Job, device: str = "cuda") -> None:
        self.torch = _torch(device)
        from morpheus_gae.executors.cuda.executor import CudaExecutor

        folder = Path(job.folder)
        self.device = device
        self.executor: Any = CudaExecutor(load_artifact(folder / MODEL), device=device)
        self.batches: list[list[Any]] = [windows(flows, job.graph_size) for flows in load_flows(folder)]
        # kernels are compiled by the first call
        Sequential._score(self, self.batches[0][0].slice(0, LEAST_FLOWS))

    def run(self, batches: int, first: int) -> Timing:
        """Score batches; a window's latency is the time from its columns to its scores."""
        latencies, flows, non_finite = [], 0, 0
        for window in self._windows(batches, first):
            start = time.perf_counter()
            score = self._score(window)
            self._wait()
            latencies.append(time.perf_counter() - start)
            flows += len(window)
            non_finite += int((~self.torch.isfinite(score)).sum())
        return Timing(flows, sum(latencies), latencies, non_finite)

    def _windows(self, batches: int, first: int) -> Iterator[Any]:
        for i in range(first, first + batches):
            yield from self.batches[i % len(self.batches)]

    def _score(self, window: Any) -> Any:
        return self.torch.from_numpy(self.executor.score_flows(window).score)

    def _wait(self) -> None:
        if self.device.startswith("cuda"):
            self.torch.cuda.synchronize()

    def facts(self) -> dict[str, Any]:
        """Which model, and how much of the GPU's memory."""
        facts: dict[str, Any] = {"model": self.executor.artifact.name}
        if self.device.startswith("cuda"):
            facts["gpu_peak_memory_bytes"] = int(self.torch.cuda.max_memory_allocated())
        return facts


class Resident(Sequential):
    """Columns lie on the GPU and scores stay there."""

    def __init__(self, job: Job, device: str = "cuda") -> None:
        from morpheus_gae.executors.cuda.device import upload

        super().__init__(job, device)
        enriched = self.executor.artifact.spec.enriched
        self.batches = [[upload(window, device, enriched) for window in batch] for batch in self.batches]
        self._wait()

    def _score(self, window: Any) -> Any:
        return self.executor.score_device(window).score


class Pipelined(Sequential):
    """The next window is copied while this one is scored, as the executor does it for a stream."""

    def __init__(self, job: Job, device: str = "cuda") -> None:
        super().__init__(job, device)
        # page-locked memory for all that is under way at a time is asked for once, not while time is taken
        most = max((window for batch in self.batches for window in batch), key=len)
        for _ in self.executor.score_many([most] * AT_ONCE):
            pass

    def run(self, batches: int, first: int) -> Timing:
        """Score batches as one stream; a window's latency begins when the executor takes its columns."""
        taken: list[float] = []
        latencies: list[float] = []
        flows = non_finite = 0

        def stream(all_of_them: Iterable[Flows]) -> Iterator[Flows]:
            for window in all_of_them:
                taken.append(time.perf_counter())
                yield window

        begin = time.perf_counter()
        for scores in self.executor.score_many(stream(self._windows(batches, first))):
            latencies.append(time.perf_counter() - taken[len(latencies)])
            flows += scores.score.shape[0]
            non_finite += _non_finite(scores.score)
        return Timing(flows, time.perf_counter() - begin, latencies, non_finite)


def _non_finite(score: npt.NDArray[np.float32]) -> int:
    # in a stream this is part of the time taken: bits are counted, not added up
    return int(score.shape[0] - np.count_nonzero(np.isfinite(score)))


def _torch(device: str) -> Any:
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", "gpu", "the GPU") from None
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Unavailable("no CUDA device that torch can use")
    return torch
