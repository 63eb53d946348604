"""cpu-sequential, cpu-pipelined: Parquet to alerts through the embedded engine's stages."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from morpheus_gae.benchmark.store import MODEL
from morpheus_gae.benchmark.variants import Job, Timing
from morpheus_gae.engine.run.embedded import EmbeddedEngine
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import Pipeline, build_pipeline
from morpheus_gae.engine.run.warm_up import warm_up
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator, Source
from morpheus_gae.engine.window import Window
from morpheus_gae.executors.open import open_executor


class Probe(Operator):
    """Comes after to-alerts and notes when each window was done."""

    name = "probe"

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.flows = 0
        self.alerts = 0
        self.non_finite = 0

    def process(self, item: Window) -> tuple[()]:
        """Note a window."""
        assert item.arrived is not None
        assert item.scores is not None
        assert item.flagged is not None
        self.latencies.append(time.monotonic() - item.arrived)
        self.flows += len(item.flows)
        self.alerts += int(item.flagged.sum())
        self.non_finite += int((~np.isfinite(item.scores.score)).sum())
        return ()


class Sequential:
    """Each stage waits for the one before it, in one thread."""

    def __init__(self, job: Job) -> None:
        self.folder = Path(job.folder)
        self.files = sorted(self.folder.glob("*.parquet"), key=lambda path: int(path.stem))
        self.rows = [_rows(path) for path in self.files]
        self.graph_size = job.graph_size
        self.alerts = 0
        self.model = ""
        # compile, as the product does before it reads
        warm_up(open_executor(self.folder / MODEL))

    def run(self, batches: int, first: int) -> Timing:
        """Read, score and alert on batches; loading the model is not part of it."""
        which = [i % len(self.files) for i in range(first, first + batches)]
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            settings = Settings(
                input=tuple(str(self.files[i]) for i in which),
                output=f"{out}/alerts.jsonl",
                model=str(self.folder / MODEL),
                graph_size=self.graph_size or self.rows[0],
            )
            built = build_pipeline(USUAL, settings, say=_silent, terminal=False)
            probe = Probe()
            operators = [*built.engine.operators, probe]
            start = time.perf_counter()
            self._drive(built, operators)
            seconds = time.perf_counter() - start
        self.alerts += probe.alerts
        self.model = built.metrics.model[0] if built.metrics.model else ""
        return Timing(probe.flows, seconds, probe.latencies, probe.non_finite)

    def _drive(self, built: Pipeline, operators: Sequence[Operator]) -> None:
        run_in_turn(built.engine.source, operators)

    def facts(self) -> dict[str, Any]:
        """Which model, and how many alerts it wrote."""
        return {"model": self.model, "alerts": self.alerts}


class Pipelined(Sequential):
    """Each stage in a thread of its own, as the product runs them."""

    def _drive(self, built: Pipeline, operators: Sequence[Operator]) -> None:
        EmbeddedEngine(built.engine.source, operators, metrics=built.metrics).run()


def run_in_turn(source: Source, operators: Sequence[Operator]) -> None:
    """Run stages in one thread: what a stage gives goes through all later ones before it gives more."""

    def push(at: int, item: Any) -> None:
        if at < len(operators) and item is not None:
            for out in operators[at].process(item):
                push(at + 1, out)

    try:
        for item in source:
            push(0, item)
        for at, operator in enumerate(operators):
            for out in operator.finish():
                push(at + 1, out)
    finally:
        source.close()
        for operator in operators:
            operator.close()


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def _silent(_line: str) -> None:
    pass
