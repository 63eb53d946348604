"""One session of Spark for all tests: starting it takes longer than they do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.spark.lake import MISSING


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """Spark on two threads of this machine."""
    if MISSING:
        pytest.skip("needs pyspark (extra spark) and a Java runtime")
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        # workers run the interpreter and the packages of the tests
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", ":".join(p for p in sys.path if p))
        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", False)
            .config("spark.sql.shuffle.partitions", 3)
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", 300)
            .getOrCreate()
        )
        yield session
        session.stop()
