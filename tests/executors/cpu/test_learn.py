from __future__ import annotations

import numpy as np

from morpheus_gae.executors.cpu import learn
from morpheus_gae.executors.cpu.executor import TABLE_FLOOR, flow_model
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.bins import MISSING, bin_of
from tests.support import make_flows


def probabilities(logits: np.ndarray, axis: int) -> np.ndarray:
    p = np.exp(logits - logits.max(axis, keepdims=True))
    return p / p.sum(axis, keepdims=True) * (1 - TABLE_FLOOR) + TABLE_FLOOR / logits.shape[axis]


def test_responsibilities_are_those_of_the_mixture(tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    graph = build_graph(make_flows(400, seed=3))
    k = artifact.spec.flow_types
    rng = np.random.default_rng(0)
    own = rng.exponential(1.0, (graph.pairs, k)).astype(np.float32)
    chosen = rng.random(graph.flows) < 0.8
    row = rng.permutation(graph.pairs).astype(np.int32)
    types = np.zeros((graph.pairs, k), np.float32)
    weights, t = artifact.weights(), artifact.tensors
    learn.add_types(
        chosen, graph.pair, row, own, graph.attributes, graph.duration_missing,
        flow_model(artifact, weights), types,
    )  # fmt: skip
    columns = [*graph.attributes.T[:2], np.where(graph.duration_missing, MISSING, graph.attributes[:, 2])]
    b = [bin_of(t[f"bins.edges{i}"], np.ascontiguousarray(c)) for i, c in enumerate(columns)]
    p = probabilities(weights["table1"], 0)[b[0]]
    p = p * probabilities(weights["table2"], 1)[t["bins.group0"][b[0]], b[1]]
    p = p * probabilities(weights["table3"], 1)[t["bins.group1"][b[1]], b[2]]
    p = p * (own[graph.pair] + learn.PAIR_PRIOR / k)
    p /= p.sum(1, keepdims=True)
    wanted = np.zeros_like(types)
    np.add.at(wanted, row[graph.pair[chosen]], p[chosen])
    np.testing.assert_allclose(types, wanted, rtol=1e-3, atol=1e-5)
    # each flow is shared out whole
    np.testing.assert_allclose(types.sum(), chosen.sum(), rtol=1e-5)


def test_blocks_are_counted_once_and_late_flows_change_nothing() -> None:
    first, last, blocks = (np.zeros(2, np.int32) for _ in range(3))
    at = np.array([5, 5, 7, 6, 7, 9, 3], np.int32)
    row = np.array([0, 0, 0, 0, 0, 0, 1], np.int32)
    learn.note_blocks(np.array([1, 1, 1, 1, 1, 0, 1], bool), row, at, first, last, blocks)
    assert (first.tolist(), last.tolist(), blocks.tolist()) == ([5, 3], [7, 3], [2, 1])


def test_halves_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    counts = np.exp(rng.uniform(-12, 13, (500, 8))).astype(np.float32)
    counts[0, :4] = [0, 1, 2.0**-14, 65_000]
    row = rng.permutation(500)[:300]
    out = np.empty((300, 8), np.uint16)
    learn.halves(counts, row, out)
    wanted = np.minimum(counts[row], 6e4)
    wanted[wanted < 2.0**-14] = 0
    assert np.array_equal(out.view(np.float16), wanted.astype(np.float16))
