from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.executors.cpu.flow import LANES, PROBE
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.parallel import HELPERS
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.spec import PRESETS
from tests.support import make_flows


def some_flows(count: int) -> Flows:
    """Known hosts and pairs, unknown ones, and both families."""
    return concat([make_flows(count), make_flows(count, hosts=400, pairs=6000, seed=3)])


def graph_of(flows: Flows, executor) -> WindowGraph:
    return build_graph(flows, octets=executor.artifact.spec.octets)


def same_bits(a: Scores, b: Scores) -> None:
    for name in ("score", "surprise", "pair_part", "flow_part"):
        np.testing.assert_array_equal(
            getattr(a, name).view(np.uint32), getattr(b, name).view(np.uint32), err_msg=name
        )


@pytest.mark.parametrize("preset", PRESETS)
def test_threads_change_no_bit(tiny_models, preset, monkeypatch):
    executor = open_executor(tiny_models[preset].path)
    graph = graph_of(some_flows(25_000), executor)
    results = []
    for threads in (1, 4, 4):
        monkeypatch.setattr(HELPERS, "threads", threads)
        results.append(executor.score(graph))
    same_bits(results[0], results[1])
    same_bits(results[1], results[2])


def test_a_flow_has_the_same_bits_wherever_it_stands(tiny_models):
    executor = open_executor(tiny_models["default"].path)
    graph = graph_of(some_flows(1000), executor)
    order = np.random.default_rng(0).permutation(graph.flows)
    moved = dataclasses.replace(
        graph,
        pair=graph.pair[order],
        attributes=np.ascontiguousarray(graph.attributes[order]),
        duration_missing=graph.duration_missing[order],
    )
    scores = executor.score(graph)
    turned = Scores(
        scores.score[order], scores.surprise[order], scores.pair_part[order], scores.flow_part[order]
    )
    same_bits(executor.score(moved), turned)


@pytest.mark.parametrize("distinct", [300, 40_000])
def test_remembered_flows_have_the_scores_they_had(tiny_models, distinct):
    # so many flows that the memo is tried, and kept where rows repeat; of themselves, not of their windows
    artifact = tiny_models["default"]
    executor = CpuExecutor(
        dataclasses.replace(
            artifact, spec=dataclasses.replace(artifact.spec, evidence=False, activity=False, partners=False)
        )
    )
    flows = some_flows(distinct // 2)
    count = 8 * PROBE * LANES
    at = np.random.default_rng(1).integers(0, len(flows), count)
    whole = executor.score(graph_of(flows.take(at), executor))
    first, where = np.unique(at, return_index=True)
    # a window too short for the memo
    small = graph_of(flows.take(first[:1000]), executor)
    alone = executor.score(small)
    np.testing.assert_array_equal(whole.surprise[where[:1000]], alone.surprise)


def test_missing_durations_are_not_taken_for_zero(tiny_models):
    executor = open_executor(tiny_models["default"].path)
    flows = make_flows(8 * PROBE * LANES, pairs=3)
    flows.attributes[:] = 60, 0, 0
    flows.duration_missing[:] = np.arange(len(flows)) % 2 == 0
    part = executor.score(graph_of(flows, executor)).flow_part
    for pair in np.unique(graph_of(flows, executor).pair):
        own = graph_of(flows, executor).pair == pair
        assert np.unique(part[own & flows.duration_missing]).size == 1
        assert np.unique(part[own & ~flows.duration_missing]).size == 1
    assert (np.unique(part[flows.duration_missing]) != np.unique(part[~flows.duration_missing])).all()
