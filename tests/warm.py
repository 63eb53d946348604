"""Compile what most tests run, once, before several processes each would: ``python -m tests.warm``."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import numpy as np

from morpheus_gae.detect.learner import Learner
from morpheus_gae.engine.run.warm_up import warm_up
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.spec import PRESETS
from tests.fixtures.make import MODELS
from tests.flows import made_files as files
from tests.flows.pairing.test_pair import A, B, record, run
from tests.flows.samples import SAMPLES
from tests.support import make_flows

HEAVY = (
    "torch",
    "torch_geometric.nn",
    "sklearn.ensemble",
    "matplotlib.pyplot",
    "pandas",
    "hypothesis",
    "triton",
)


def main() -> None:
    for name in HEAVY:
        with suppress(ImportError):
            import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        rows = [files.record(i) for i in range(100)]
        texts = [(".csv", files.csv_text(rows)), (".ndjson", files.ndjson_text(rows))]
        texts += [(sample.suffix, sample.text) for sample in SAMPLES]
        for number, (suffix, text) in enumerate(texts):
            path = Path(folder) / f"{number}{suffix}"
            path.write_text(text, encoding="utf-8")
            # in pieces, of which the first tells the form of the others
            list(read_flows(str(path), block_bytes=4000))
    run([record(A, 1, B, 2), record(B, 2, A, 1)])
    for name in PRESETS:
        executor = open_executor(MODELS / name)
        warm_up(executor)
        spec = executor.artifact.spec
        graph = build_graph(
            make_flows(300), octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps
        )
        executor.score_batch([graph, graph])
        if spec.memory:
            Learner(executor.artifact).learn(graph, np.zeros(graph.flows, np.bool_), None)


if __name__ == "__main__":
    main()
