"""After warming up, nothing is left to compile on the way from a table to scores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from morpheus_gae.cli.gae import main

MODELS = Path(__file__).parents[3] / "models"
PROBE = """
import json, sys
from numba.core.dispatcher import Dispatcher
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
executor.score(build_graph(flows, octets=executor.artifact.spec.octets))
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
    assert late_kernels(model, source, "warm_up(executor)") == []
    assert late_kernels(model, source, "pass") != []
