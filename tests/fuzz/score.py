"""The way from flows to alerts: pairs, graph, scores, encodings, lines and files."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import numpy as np

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.encodings import encoding
from morpheus_gae.executors.base import Executor, Scores
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.flows.pairing.pair import Pairer
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import load_artifact
from morpheus_gae.sinks.columnar import ColumnSink
from morpheus_gae.sinks.ndjson import json_lines
from morpheus_gae.sinks.text import TextSink
from tests.fuzz.models import packed, small
from tests.support import make_flows

ENCODINGS = ("plain", "ecs", "ocsf", "eve")
FORMS = ("ndjson", "csv", "parquet", "arrow")


class Kept(io.BytesIO):
    """A file that can still be looked at when it was closed."""

    data = b""

    def close(self) -> None:
        self.data = self.data or self.getvalue()
        super().close()


class Scorer:
    """Scores flows with a small model and writes them in each form in turn."""

    def __init__(self, folder: Path) -> None:
        own = folder / "sound"
        own.mkdir(exist_ok=True)
        for name, data in zip(("config.json", "model.safetensors"), packed(*small("default")), strict=True):
            (own / name).write_bytes(data)
        self._executor = CpuExecutor(load_artifact(own))
        self._window = make_flows(40)
        self._turn = 0

    def run(self, batches: list[Flows]) -> None:
        """Flows of one input to alerts, in one of the encodings and one of the forms."""
        from tests.fuzz.target import Violation

        flows = concat(batches)
        if flows.one_way:
            pairer = Pairer()
            given = [out for batch in batches for out in pairer.push(batch)] + pairer.flush()
            told = sum(map(len, given))
            if told + pairer.paired != len(flows):
                raise Violation(f"pairs: {len(flows)} records in, {told} flows out, {pairer.paired} joined")
            flows = concat(given)
        scores = self._executor.score(build_graph(flows))
        _sound(scores, len(flows))
        self._turn += 1
        name = ENCODINGS[self._turn % len(ENCODINGS)]
        form = FORMS[self._turn // 3 % len(FORMS)] if name == "plain" else "ndjson"
        table = alert_table(flows, scores, np.ones(len(flows), bool), np.float32(1), "small@0")
        table = encoding(name)(table)
        if form == "ndjson":
            lines = json_lines(table).split(b"\n")
            if len(lines) != len(flows) + 1 or lines[-1]:
                raise Violation(f"{len(lines) - 1} lines for {len(flows)} flows")
            for line in lines[:-1]:
                json.loads(line, parse_constant=_constant)
            return
        file = Kept()
        sink = TextSink(file, "memory", form) if form == "csv" else ColumnSink(file, "memory", form)
        sink.add(table)
        sink.flush()
        sink.close()

    def model(self, folder: Path) -> str:
        """A model that loads scores a window."""
        artifact = load_artifact(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            executor: Executor = CpuExecutor(artifact)
            spec = artifact.spec
            graph = build_graph(
                self._window, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps
            )
            scores = executor.score(graph)
        _sound(scores, len(self._window))
        return f"scored {str(spec.preset)[:20]!r}"


def _sound(scores: Scores, flows: int) -> None:
    from tests.fuzz.target import Violation

    if len(scores.score) != flows:
        raise Violation("scores of another length")
    if not ((scores.score >= 0) & (scores.score <= 1) & np.isfinite(scores.surprise)).all():
        raise Violation("scores not in [0, 1], or surprises not finite")


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
