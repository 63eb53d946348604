"""What is drawn is what every variant reads; the model knows the traffic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.benchmark.known import BEFOREHAND, memory_of, moments
from morpheus_gae.benchmark.store import MODEL, distinct_batches, load_columns, load_flows
from morpheus_gae.benchmark.traffic import Workload
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.recall import recall
from tests.benchmark.make import MODEL as SHIPPED
from tests.benchmark.make import SMALL, small


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    assert small(path) == {"hosts": 100, "pairs": 450, "distinct_batches": 2}
    return path


def test_columns_are_as_drawn(folder: Path) -> None:
    batches = load_columns(folder)
    assert len(batches) == 2
    for i, batch in enumerate(batches):
        drawn = SMALL.draw(i)
        for name in ("src", "dst", "attributes", "missing"):
            np.testing.assert_array_equal(batch[name], getattr(drawn, name))


def test_parquet_holds_the_same_flows(folder: Path) -> None:
    for i, flows in enumerate(load_flows(folder)):
        (batch,) = read_flows(str(folder / f"{i}.parquet"))
        assert batch.bad == []
        for name in ("src_hi", "src_lo", "dst_hi", "dst_lo", "attributes", "duration_missing"):
            np.testing.assert_array_equal(getattr(batch.flows, name), getattr(flows, name))


def test_the_model_knows_the_share_of_pairs_that_was_asked_for(folder: Path) -> None:
    artifact = load_artifact(folder / MODEL)
    graph = build_graph(load_flows(folder)[0])
    found = recall(artifact.memory, graph.host_hi, graph.host_lo, graph.pair_src, graph.pair_dst)
    assert 0.8 < (found.profile[:, 1] > 0).mean() < 0.97
    assert (found.types.sum(1) > 0).mean() > 0.8
    # thresholds of this traffic: about one flow in a hundred is flagged at that budget
    surprise = open_executor(folder / MODEL).score(graph).surprise
    assert 0.001 < (surprise >= artifact.thresholds["0.01"]).mean() < 0.05


def test_memory_holds_counts_and_means() -> None:
    artifact = load_artifact(SHIPPED)
    drawn = SMALL.draw(BEFOREHAND)
    tensors = memory_of(artifact, SMALL, drawn, known_share=1.0)
    assert tensors["memory.pair"][:, 0].sum() == SMALL.flows
    assert tensors["memory.host_out"][:, 0].sum() == SMALL.flows
    assert tensors["memory.host_in"][:, 0].sum() == SMALL.flows
    for name in ("memory.host_key", "memory.pair_key"):
        assert (np.diff(tensors[name].astype(object)) > 0).all()
    x = np.array([[1, 2, 3], [3, 2, 1], [9, 9, 9]], np.float32)
    found = moments(np.array([1, 1, 0]), x, 3)
    np.testing.assert_allclose(found[1], [2, 2, 2, 2, 1, 0, 1])
    np.testing.assert_allclose(found[2], np.zeros(7))


def test_evidence_has_a_row_for_whom_the_memory_knows(tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    memory = memory_of(artifact, SMALL, SMALL.draw(BEFOREHAND), known_share=0.9)
    knowing = replace(artifact, tensors={**artifact.tensors, **memory})
    assert knowing.evidence.pair.shape == knowing.memory.pair_key.shape
    assert knowing.evidence.source.shape == knowing.memory.host_key.shape


def test_no_share_leaves_the_memory_alone(tmp_path: Path) -> None:
    small(tmp_path, known_share=0)
    a, b = load_artifact(SHIPPED), load_artifact(tmp_path / MODEL)
    np.testing.assert_array_equal(a.tensors["memory.pair_key"], b.tensors["memory.pair_key"])


def test_few_distinct_batches_of_many_flows() -> None:
    counts = [
        distinct_batches(Workload("client", flows, 1000), 32) for flows in (10_000, 2_500_000, 9_000_000)
    ]
    assert counts == [4, 2, 1]
