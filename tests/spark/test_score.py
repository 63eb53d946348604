"""Scores on Spark, in its local mode, are to the bit those of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae import Detector, NotFittedError, UsageError
from tests.api.flows import changed, known, make_table
from tests.spark.lake import lake

# Spark's own warnings are not ours, and it starts slowly
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]


def flows() -> pa.Table:
    """Some without a start, some that are no flows, each with its number."""
    table = make_table(1200, seed=5)
    table = changed(table, "IN_BYTES", lambda values: values.__setitem__(7, -1))
    table = changed(table, "FLOW_START_MILLISECONDS", lambda v: v.__setitem__(slice(20, 30), [None] * 10))
    return table.append_column("number", pa.array(np.arange(1200)))


def scored(frame: Any, detector: Detector, path: Path) -> pa.Table:
    from morpheus_gae.spark import score

    score(frame, detector).write.parquet(str(path))
    return pq.read_table(path).sort_by("number")


def test_scores_are_those_of_one_machine(spark: Any, tmp_path: Path) -> None:
    table, detector = flows(), known(windows="clock", window_seconds=2)
    found = scored(lake(spark, table, tmp_path / "lake"), detector, tmp_path / "scored")
    examined = detector.examine(table)
    assert examined.windows > 5
    assert np.array_equal(found["surprise"].to_numpy(), examined.surprise, equal_nan=True)
    assert np.array_equal(found["surprise_graph"].to_numpy(), examined.graph_part, equal_nan=True)
    assert found["bad_record"].to_pylist() == [None] * 7 + ["negative_counter"] + [None] * 1192
    assert found["is_anomaly"].null_count == 1
    assert found.select(table.column_names).to_pydict() == table.to_pydict()


def test_exporters_columns_are_placed_too(spark: Any, tmp_path: Path) -> None:
    table = flows()
    theirs = table.rename_columns(["began", *table.column_names[1:]])
    detector = known(windows="clock", window_seconds=2, columns={"FLOW_START_MILLISECONDS": "began:ms"})
    found = scored(lake(spark, theirs, tmp_path / "lake"), detector, tmp_path / "scored")
    examined = detector.examine(theirs)
    assert examined.windows > 5
    assert np.array_equal(found["surprise"].to_numpy(), examined.surprise, equal_nan=True)


def test_a_detector_must_fit_the_task(spark: Any, tmp_path: Path) -> None:
    from morpheus_gae.spark import score

    frame = lake(spark, flows(), tmp_path / "lake")
    with pytest.raises(UsageError, match="clock"):
        score(frame, known())
    with pytest.raises(NotFittedError):
        score(frame, Detector(windows="clock", window_seconds=2))
