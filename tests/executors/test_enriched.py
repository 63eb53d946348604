"""Enriched models: every executor agrees with the oracle, whatever columns the flows have."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.detect.learner import Learner
from morpheus_gae.executors.base import Executor
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.exporters.enriched import ABSENT
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.spec import PRESETS, ModelSpec
from tests.executors.test_conformance import assert_close, relaxed
from tests.support import make_flows, permuted, with_columns

pytest.importorskip("torch")
KINDS = ("cpu", "device", "torch", pytest.param("cuda", marks=pytest.mark.gpu))
OTHERS = tuple(kind for kind in KINDS if kind != "torch")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    from morpheus_gae.train.train import train_model

    flows = with_columns(make_flows(2000))
    spec = ModelSpec(preset="default", evidence=True, enriched=True)
    folder = tmp_path_factory.mktemp("enriched")
    train_model(flows, folder, spec=spec, seed=1, epochs=2)
    return load_artifact(folder)


@pytest.fixture(scope="module")
def executors(artifact: Artifact) -> dict[str, Executor]:
    from morpheus_gae.executors.cuda.executor import CudaExecutor

    cpu = {kind: open_executor(artifact.path, kind) for kind in ("cpu", "torch")}
    return {**cpu, "device": CudaExecutor(artifact, "cpu")}


def executor_of(executors: dict[str, Executor], kind: str) -> Executor:
    return executors.get(kind) or open_executor(executors["torch"].artifact.path, kind)


@pytest.mark.parametrize("kind", OTHERS)
@relaxed
@given(
    count=st.integers(1, 400),
    seed=st.integers(0, 10_000),
    dropped=st.sets(
        st.sampled_from(["L4_SRC_PORT", "L4_DST_PORT", "PROTOCOL", "IN_PKTS", "TCP_FLAGS", "L7_PROTO"])
    ),
)
def test_every_executor_agrees_with_the_oracle(executors, kind, count, seed, dropped):
    flows = with_columns(make_flows(count, seed=seed), seed)
    flows = dataclasses.replace(flows, table=flows.table.drop_columns(sorted(dropped)))
    graph = build_graph(flows, enriched=True)
    assert_close(executor_of(executors, kind).score(graph), executors["torch"].score(graph))


@pytest.mark.parametrize("kind", KINDS)
def test_wild_values_are_survived_and_order_changes_nothing(executors, kind):
    executor = executor_of(executors, kind)
    graph = build_graph(with_columns(make_flows(300, seed=2), 2), enriched=True)
    rng = np.random.default_rng(0)
    wild = rng.integers(-2, 2**31 - 1, graph.extra.shape).astype(np.int32)
    graph = dataclasses.replace(graph, extra=wild)
    scores = executor.score(graph)
    assert np.isfinite(scores.surprise).all()
    assert_close(scores, executors["torch"].score(graph))
    order = rng.permutation(300)
    other = permuted(graph, order, rng.permutation(graph.hosts), rng.permutation(graph.pairs))
    np.testing.assert_allclose(executor.score(other).surprise, scores.surprise[order], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_flows_without_columns_are_scored_by_the_rest(executors, kind):
    executor = executor_of(executors, kind)
    bare = build_graph(make_flows(300))
    absent = build_graph(make_flows(300), enriched=True)
    assert (absent.extra == ABSENT).all()
    assert_close(executor.score(bare), executor.score(absent))
    a, b = executor.score_batch([bare, build_graph(with_columns(make_flows(200)), enriched=True)])
    assert_close(a, executor.score(bare))
    assert b.score.shape == (200,)


def test_a_port_that_does_not_fit_is_stranger(executors):
    flows = with_columns(make_flows(400, seed=3), 3)
    table = flows.table.set_column(1, "L4_DST_PORT", pa.array(np.full(400, 31337)))
    odd = dataclasses.replace(flows, table=table)
    usual, strange = (executors["cpu"].score(build_graph(f, enriched=True)).flow_part for f in (flows, odd))
    assert (strange > usual).mean() > 0.9
    assert np.median(strange) > 1.2 * np.median(usual)


def test_windows_on_a_device_bring_their_columns(executors):
    flows = with_columns(make_flows(300, seed=4), 4)
    device = executors["device"]
    wanted = executors["torch"].score(build_graph(flows, enriched=True))
    assert_close(device.score_flows(flows), wanted)
    assert_close(device.score(device.build(flows)), wanted)


def test_learning_takes_the_columns_into_account(artifact):
    flows = with_columns(make_flows(500, seed=5), 5)
    none = np.zeros(500, np.bool_)
    told = {}
    for enriched in (False, True):
        learner = Learner(artifact, blank=True)
        learner.learn(build_graph(flows, enriched=enriched), none, flows.time_ms)
        told[enriched] = learner.pairs["types"].copy()
    np.testing.assert_allclose(told[True].sum(1), told[False].sum(1), rtol=1e-4)
    assert np.abs(told[True] - told[False]).max() > 0.5


def test_the_plain_mode_is_what_it_was(tiny_models):
    graph = build_graph(make_flows(200))
    assert graph.extra is None
    assert PRESETS["default"].enriched is False
    assert tiny_models["default"].spec.enriched is False
