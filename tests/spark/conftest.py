"""One session of Spark for all tests: starting it takes longer than they do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.flows import compiled
from tests.spark.lake import MISSING


def session(python: str, rows: int) -> Any:
    """Spark on two threads of this machine; workers run ``python`` with the packages of this process."""
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", False)
        .config("spark.sql.shuffle.partitions", 3)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", rows)
        .config("spark.pyspark.python", python)
        .config("spark.executorEnv.PYTHONPATH", ":".join(p for p in sys.path if p))
        .getOrCreate()
    )


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One for all tests."""
    if MISSING:
        pytest.skip("needs pyspark (extra spark) and a Java runtime")
    compiled()
    made = session(sys.executable, 300)
    yield made
    made.stop()
