"""After warming up nothing is left to compile, from a table to scores and what explains them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from morpheus_gae.cli.gae import main
from morpheus_gae.engine.run import pipeline
from morpheus_gae.engine.settings import Settings

MODELS = Path(__file__).parents[3] / "models"
PROBE = """
import json, sys
import numpy as np
from numba.core.dispatcher import Dispatcher
from morpheus_gae.detect.explain import Explainer
from morpheus_gae.engine.run.warm_up import warm_up
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.graph.build import build_graph
import pyarrow.parquet as pq

def kernels():
    # kernels at hand (compiled or read from the cache), by name and number of type signatures
    ours = [m for n, m in sys.modules.items() if n.startswith("morpheus_gae")]
    found = {id(v): v for m in ours for v in vars(m).values() if isinstance(v, Dispatcher)}
    return {f"{v.__module__}.{v.__name__}": len(v.signatures) for v in found.values()}

executor = open_executor(sys.argv[1])
WARM
before = kernels()
flows = table_to_flows(pq.read_table(sys.argv[2])).flows
scores = executor.score(build_graph(flows, octets=executor.artifact.spec.octets))
Explainer(executor.artifact).columns(flows, scores, np.arange(40), flows.table.slice(0, 40))
after = kernels()
print(json.dumps(sorted(name for name in after if after[name] != before.get(name, 0))))
"""


def late_kernels(model: str, source: Path, warm: str) -> list[str]:
    code = PROBE.replace("WARM", warm)
    run = subprocess.run(
        [sys.executable, "-c", code, str(MODELS / model), str(source)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("model", ["default", "published"])
def test_nothing_is_left_to_compile_after_warming_up(tmp_path, model):
    source = tmp_path / "flows.parquet"
    main(["simulate", "--flows", "500", "--output", str(source)], standalone_mode=False)
    assert late_kernels(model, source, "warm_up(executor, explains=True)") == []
    assert late_kernels(model, source, "pass") != []


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_told_what_takes_so_long(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    said: list[str] = []
    told = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        told.set()

    def warm_up(executor: object, explains: bool) -> None:
        assert explains
        assert told.wait(60) or not terminal

    if not terminal:
        told.set()
    monkeypatch.setattr(pipeline, "PATIENCE", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    monkeypatch.setattr("morpheus_gae.engine.run.warm_up.warm_up", warm_up)
    settings = Settings(model=str(MODELS / "default"))
    pipeline._load(["infer-gae", "to-alerts"], settings, None, say)
    assert said == [pipeline.PREPARING] * terminal
