"""Kin in the executors: the oracle says what the scores of newcomers are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from morpheus_gae.executors.cuda.executor import CudaExecutor
from morpheus_gae.executors.open import open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.spec import ModelSpec
from tests.model import prefix_model

SPECS = {
    "default": ModelSpec(evidence=True, prefixes=True),
    "graph": ModelSpec(preset="graph", attention=True, prefixes=True, flow_types=5),
    "no flow types": ModelSpec(preset="memory", flow_types=0, prefixes=True),
}


@pytest.mark.parametrize("kind", ["cpu", "device", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", SPECS)
def test_executors_agree_about_newcomers_and_strangers(tmp_path, name, kind):
    artifact = prefix_model.model(tmp_path / "model", SPECS[name])
    graph = build_graph(prefix_model.network(700, 3, first=8, strangers=0.1))
    oracle = open_executor(artifact.path, "torch").score(graph)
    device = kind == "device"
    executor = CudaExecutor(artifact, "cpu") if device else open_executor(artifact.path, kind)
    got = executor.score(graph)
    for part in ("score", "surprise", "pair_part", "flow_part"):
        np.testing.assert_allclose(
            getattr(got, part), getattr(oracle, part), rtol=1e-4, atol=1e-4, err_msg=part
        )
    assert got.unseen_hosts == oracle.unseen_hosts > 0


def test_kin_changes_the_scores_of_what_memory_does_not_know_alone(tmp_path):
    spec = ModelSpec(prefixes=True)
    artifact = prefix_model.model(tmp_path / "with", spec)
    tensors = {n: t for n, t in artifact.tensors.items() if not n.startswith("prefix.")}
    plain = prefix_model.sound(tmp_path / "without", ModelSpec(), tensors=tensors)
    known = build_graph(prefix_model.network(600, 0))
    mixed = build_graph(prefix_model.network(600, 3, first=8))
    for graph, same in ((known, True), (mixed, False)):
        a, b = (open_executor(m.path, "cpu").score(graph) for m in (artifact, plain))
        assert bool((a.surprise == b.surprise).all()) == same
