"""Variants: what is compared, and the ratios that are of interest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from morpheus_gae.errors import GaeError, UsageError


class Unavailable(GaeError):  # noqa: N818
    """A variant cannot run on this machine."""


@dataclass(frozen=True)
class Job:
    """What a variant's process is told.

    Attributes
    ----------
    variant
        Name.
    folder
        Of batches and model, see ``store``.
    graph_size
        Flows of a graph; None: a batch is one graph.
    limit_memory
        Bytes its process may take; None: no limit. GPU variants have no limit, for CUDA reserves more than it
        uses.
    options
        For variants with options of their own.
    """

    variant: str
    folder: str
    graph_size: int | None = None
    limit_memory: int | None = None
    options: dict[str, Any] | None = None


@dataclass(frozen=True)
class Timing:
    """Some batches, measured.

    Attributes
    ----------
    flows
        Scored.
    seconds
        From the first batch's columns to the last batch's scores.
    latencies
        Seconds of each window: from its columns (in a pipeline: from its first flow's arrival at build-graph)
        to its scores (in a pipeline: to its alerts).
    non_finite
        Scores that are no numbers.
    joules
        Energy, where there is a meter.
    """

    flows: int
    seconds: float
    latencies: list[float]
    non_finite: int = 0
    joules: float | None = None


class Runner(Protocol):
    """A variant, loaded and ready to score."""

    def run(self, batches: int, first: int) -> Timing:
        """Score batches number ``first`` on (of those in the folder, in turns) and measure it."""
        ...

    def facts(self) -> dict[str, Any]:
        """What a result tells besides: threads, device, peak of the GPU's memory."""
        ...


@dataclass(frozen=True)
class Variant:
    """One way to score.

    Attributes
    ----------
    name
        As told on the command line.
    about
        One line for people.
    runner
        ``module:class`` of the runner, which takes the job.
    cores
        CPU cores it may use; None: all.
    gpu
        Whether it needs a GPU.
    """

    name: str
    about: str
    runner: str
    cores: int | None = None
    gpu: bool = False


_HERE = "morpheus_gae.benchmark"
VARIANTS = {
    v.name: v
    for v in (
        Variant("cpu", "columns to scores, all cores", f"{_HERE}.cpu:Cpu"),
        Variant("cpu-1core", "columns to scores, one core", f"{_HERE}.cpu:Cpu", cores=1),
        Variant("cpu-sequential", "Parquet to alerts, stage after stage", f"{_HERE}.pipeline:Sequential"),
        Variant("cpu-pipelined", "Parquet to alerts, stages overlap", f"{_HERE}.pipeline:Pipelined"),
        Variant(
            "cpu-published", "published architecture in plain PyG, all cores", f"{_HERE}.baseline:Published"
        ),
        Variant(
            "gpu-sequential-published", "published architecture in plain PyG, batch after batch",
            f"{_HERE}.baseline:Published", gpu=True,
        ),
        Variant("gpu-sequential", "columns to scores, one by one", f"{_HERE}.gpu:Sequential", gpu=True),
        Variant("gpu-pipelined", "columns to scores, copies overlap", f"{_HERE}.gpu:Pipelined", gpu=True),
        Variant("gpu-resident", "columns to scores, both on the GPU", f"{_HERE}.gpu:Resident", gpu=True),
    )
}  # fmt: skip
ALERT_TIME = Variant("time-to-alert", "flow's arrival to its alert", f"{_HERE}.alert_time:AlertTime")

RATIOS = (
    ("cpu", "cpu-published"),
    ("cpu-1core", "cpu-published"),
    ("cpu", "cpu-1core"),
    ("cpu-pipelined", "cpu-sequential"),
    ("gpu-sequential-published", "cpu-published"),
    ("gpu-sequential", "gpu-sequential-published"),
    ("gpu-pipelined", "gpu-sequential-published"),
    ("gpu-pipelined", "gpu-sequential"),
    ("gpu-pipelined", "cpu-published"),
    ("gpu-pipelined", "cpu"),
)


def choose_variants(names: Sequence[str]) -> list[Variant]:
    """Variants by name, in the order of the table above.

    Raises
    ------
    UsageError
        If there is none of some name, or none at all.
    """
    unknown = [name for name in names if name not in VARIANTS]
    if unknown or not names:
        told = f"unknown variant {unknown[0]!r}" if unknown else "no variant given"
        raise UsageError(f"{told}: choose of {', '.join(VARIANTS)}")
    return [variant for name, variant in VARIANTS.items() if name in names]


def windows(flows: Any, graph_size: int | None) -> list[Any]:
    """A batch's flows cut into windows."""
    step = graph_size or max(len(flows), 1)
    return [flows.slice(lo, min(lo + step, len(flows))) for lo in range(0, len(flows), step)]
