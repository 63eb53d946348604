"""Time to alert: from a flow's arrival to its alert, through the embedded engine at a given rate."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.benchmark.store import MODEL
from morpheus_gae.benchmark.variants import Job, Timing
from morpheus_gae.engine.run.embedded import EmbeddedEngine
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.readers.read import read_flows

TICK_SECONDS = 0.01


class Paced:
    """A source that hands flows over as they arrive: flow number i at ``i / rate`` seconds.

    Arrivals keep to that timetable whether or not the pipeline keeps up, so that waiting counts as delay.

    Attributes
    ----------
    due
        float64 [E] reading of ``time.monotonic()`` at which each flow arrives; from the first one on.
    """

    name = "from-netflow"

    def __init__(self, flows: Flows, rate: float) -> None:
        self.flows, self.rate = flows, rate
        self.due: npt.NDArray[np.float64] = np.zeros(0)
        self._stopping = threading.Event()

    def __iter__(self) -> Iterator[Flows]:
        e = len(self.flows)
        start, at = time.monotonic(), 0
        self.due = start + np.arange(1, e + 1) / self.rate
        while at < e and not self._stopping.is_set():
            arrived = int(np.searchsorted(self.due, time.monotonic(), "right"))
            if arrived > at:
                yield self.flows.slice(at, arrived)
                at = arrived
            else:
                self._stopping.wait(max(self.due[at] - time.monotonic(), TICK_SECONDS))

    def stop(self) -> None:
        """Hand nothing more over."""
        self._stopping.set()

    def close(self) -> None:
        """Nothing is held."""


class Waits(Operator):
    """Comes after to-alerts and notes how long each alert took."""

    name = "waits"

    def __init__(self, source: Paced) -> None:
        self.source = source
        self.seconds: list[float] = []
        self.flows = 0

    def process(self, item: Window) -> tuple[()]:
        """Note a window's alerts."""
        assert item.flagged is not None
        flagged = item.flows.rows[item.flagged]
        self.seconds += (time.monotonic() - self.source.due[flagged]).tolist()
        self.flows += len(item.flows)
        return ()


class AlertTime:
    """Windows of a given time at a given rate.

    Parameters
    ----------
    job
        With options ``rate`` (flows per second), ``seconds``, ``window_seconds`` and ``alert_rate``.
    """

    def __init__(self, job: Job) -> None:
        assert job.options is not None
        self.folder, self.options, self.graph_size = Path(job.folder), job.options, job.graph_size
        rate, seconds = self.options["rate"], self.options["seconds"]
        (batch,) = read_flows(str(self.folder / "0.parquet"), batch_rows=1 << 30)
        wanted = max(int(rate * seconds), 1)
        flows = batch.flows.take(np.arange(wanted) % len(batch.flows))
        # windows end by the flows' own time, which is that of their arrival
        self.flows = replace(
            flows, rows=np.arange(wanted), time_ms=(np.arange(wanted) * 1000 / rate).astype(np.int64)
        )

    def run(self, batches: int, first: int) -> Timing:
        """Let all flows arrive once, and wait for the last alert."""
        del batches, first
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            settings = Settings(
                input=(str(self.folder / "0.parquet"),),
                output=f"{out}/alerts.jsonl",
                model=str(self.folder / MODEL),
                graph_size=self.graph_size or 200_000,
                window_seconds=self.options["window_seconds"],
                alert_rate=self.options["alert_rate"],
            )
            built = build_pipeline(USUAL, settings, say=lambda _: None, terminal=False)
            source = Paced(self.flows, self.options["rate"])
            waits = Waits(source)
            start = time.perf_counter()
            EmbeddedEngine(source, [*built.engine.operators, waits], metrics=built.metrics).run()
            seconds = time.perf_counter() - start
        return Timing(waits.flows, seconds, waits.seconds)

    def facts(self) -> dict[str, Any]:
        """What was asked for."""
        return {**self.options, "graph_size": self.graph_size or 200_000}
