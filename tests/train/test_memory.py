"""Training holds few bytes of a flow: its columns are on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

MOST = 150
"""Bytes a flow, with room for what one run differs from the next. Held in memory whole it was 550."""
SIZES = 120_000, 720_000
SCRIPT = """
import resource, sys
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.train import flow_types
from morpheus_gae.train.options import TrainOptions
from morpheus_gae.train.read import read_for_training
from morpheus_gae.train.train import train_model
# what looks at a sample looks at as much of either size
flow_types.fit_flow_types.__kwdefaults__.update(sample=20_000, rounds=1)
flows, _ = read_for_training([sys.argv[1]], near=sys.argv[2])
options = TrainOptions(epochs=1, windows_per_epoch=5, graph_size=20_000)
train_model(flows, sys.argv[2], spec=ModelSpec(flow_types=4, evidence=True), options=options)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def flows_file(path: Path, count: int) -> Path:
    """Flows of 2,000 pairs, in no order of time."""
    rng = np.random.default_rng(count)
    pair = rng.integers(0, 2000, count)
    columns = {
        "IPV4_SRC_ADDR": pa.DictionaryArray.from_arrays(
            pa.array((pair % 50).astype(np.int32)), pa.array([f"10.0.0.{i}" for i in range(50)])
        ),
        "IPV4_DST_ADDR": pa.DictionaryArray.from_arrays(
            pa.array((pair // 50).astype(np.int32)), pa.array([f"10.0.1.{i}" for i in range(40)])
        ),
        "IN_BYTES": pa.array(rng.integers(40, 90_000, count)),
        "OUT_BYTES": pa.array(rng.integers(0, 90_000, count)),
        "FLOW_DURATION_MILLISECONDS": pa.array(rng.integers(0, 9_000, count)),
        "FLOW_START_MILLISECONDS": pa.array(1_700_000_000_000 + rng.integers(0, 86_400_000, count)),
    }
    pq.write_table(pa.table(columns), path, row_group_size=20_000)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_memory_grows_by_few_bytes_a_flow(tmp_path: Path) -> None:
    most = []
    for count in SIZES:
        source = flows_file(tmp_path / f"{count}.parquet", count)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(source), str(tmp_path / f"m{count}")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        )
        most.append(1024 * int(done.stdout.split()[-1]))
    assert (most[1] - most[0]) / (SIZES[1] - SIZES[0]) < MOST, most
