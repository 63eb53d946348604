"""A lake of flows for Spark, and what its tests need."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MISSING = importlib.util.find_spec("pyspark") is None or shutil.which("java") is None


def lake(spark: Any, table: pa.Table, path: Path) -> Any:
    """The rows in no order, in several files."""
    path.mkdir()
    shuffled = table.take(np.random.default_rng(0).permutation(table.num_rows))
    for i in range(4):
        pq.write_table(shuffled.slice(300 * i, 300), path / f"{i}.parquet")
    return spark.read.parquet(str(path))
