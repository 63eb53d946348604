"""Scores on Ray, on this machine alone, are to the bit those of one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae import Detector, NotFittedError, UsageError
from tests.api.flows import changed, compiled, known, make_table

pytest.importorskip("ray")
# Ray's own warnings are not ours, and it starts slowly
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    import ray

    compiled()
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", object_store_memory=200 * 2**20)
    yield ray
    ray.shutdown()


def flows() -> pa.Table:
    """Some without a start, one that is no flow, each with its number."""
    table = make_table(1200, seed=5)
    table = changed(table, "IN_BYTES", lambda values: values.__setitem__(7, -1))
    table = changed(table, "FLOW_START_MILLISECONDS", lambda v: v.__setitem__(slice(20, 30), [None] * 10))
    return table.append_column("number", pa.array(np.arange(1200)))


def test_scores_are_those_of_one_process(ray: Any, tmp_path: Path) -> None:
    from morpheus_gae.ray import score

    table, detector = flows(), known(windows="clock", window_seconds=2)
    shuffled = table.take(np.random.default_rng(0).permutation(1200))
    for i in range(3):
        pq.write_table(shuffled.slice(400 * i, 400), tmp_path / f"{i}.parquet")
    scored = score(ray.data.read_parquet(str(tmp_path)), detector, partitions=3)
    found = pa.concat_tables(ray.get(scored.to_arrow_refs()), promote_options="permissive").sort_by("number")
    examined = detector.examine(table)
    assert examined.windows > 5
    assert np.array_equal(found["surprise"].to_numpy(), examined.surprise, equal_nan=True)
    assert found["bad_record"].to_pylist() == [None] * 7 + ["negative_counter"] + [None] * 1192
    assert found.select(table.column_names).to_pydict() == table.to_pydict()


def test_batches_may_be_scored_as_they_are(ray: Any) -> None:
    from morpheus_gae.ray import Scorer

    table, detector = flows(), known()
    batches = ray.data.from_arrow(table).map_batches(
        Scorer,
        fn_constructor_args=(detector,),
        batch_format="pyarrow",
        batch_size=400,
        concurrency=1,
        num_cpus=1,
    )
    found = pa.concat_tables(ray.get(batches.to_arrow_refs()), promote_options="permissive").sort_by("number")
    expected = np.concatenate([detector.examine(table.slice(i, 400)).surprise for i in (0, 400, 800)])
    assert np.array_equal(found["surprise"].to_numpy(), expected, equal_nan=True)


def test_a_detector_must_fit_the_task(ray: Any) -> None:
    from morpheus_gae.ray import score

    dataset = ray.data.from_arrow(flows())
    with pytest.raises(UsageError, match="clock"):
        score(dataset, known())
    with pytest.raises(NotFittedError):
        score(dataset, Detector(windows="clock", window_seconds=2))
