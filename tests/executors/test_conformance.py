"""One body for every executor and every spec: the torch oracle says what the scores are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morpheus_gae.executors.base import Executor, Scores
from morpheus_gae.executors.open import open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.spec import PRESETS
from morpheus_gae.model.ties import centre_of, ties
from tests.support import make_flows, permuted

pytest.importorskip("torch")
# "device" is the CUDA executor's code on the CPU
KINDS = ("cpu", "device", "torch", pytest.param("cuda", marks=pytest.mark.gpu))
relaxed = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Opened(dict[tuple[str, str], Executor]):
    """Executors by preset and kind, opened when first asked for."""

    def __init__(self, models: dict[str, Artifact]) -> None:
        self.models = models

    def __missing__(self, key: tuple[str, str]) -> Executor:
        preset, kind = key
        artifact = self.models[preset]
        if kind == "device":
            from morpheus_gae.executors.cuda.executor import CudaExecutor

            self[key] = CudaExecutor(artifact, "cpu")
        else:
            self[key] = open_executor(artifact.path, kind)
        return self[key]


@pytest.fixture(scope="module")
def executors(tiny_models: dict[str, Artifact]) -> Opened:
    return Opened(tiny_models)


def window(artifact: Artifact, count: int, hosts: int, pairs: int, seed: int) -> WindowGraph:
    spec = artifact.spec
    flows = make_flows(count, hosts=hosts, pairs=pairs, seed=seed)
    return build_graph(flows, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)


def assert_close(a: Scores, b: Scores, tolerance: float = 1e-4) -> None:
    for name in ("score", "surprise", "pair_part", "flow_part", "graph_part", "activity_part"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None), name
        if y is None:
            continue
        assert x.dtype == y.dtype == (np.float64 if name == "surprise" else np.float32)
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance, err_msg=name)
    assert a.unseen_hosts == b.unseen_hosts


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "torch"])
@pytest.mark.parametrize("preset", PRESETS)
@relaxed
@given(
    count=st.integers(1, 400),
    hosts=st.integers(1, 60),
    pairs=st.integers(1, 300),
    seed=st.integers(0, 10_000),
)
def test_every_executor_agrees_with_the_oracle(executors, preset, kind, count, hosts, pairs, seed):
    oracle = executors[preset, "torch"]
    graph = window(oracle.artifact, count, hosts, pairs, seed)
    assert_close(executors[preset, kind].score(graph), oracle.score(graph))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", KINDS)
@relaxed
@given(seed=st.integers(0, 10_000), count=st.integers(1, 300))
def test_permuting_flows_and_renumbering_hosts_changes_nothing(executors, preset, kind, seed, count):
    executor = executors[preset, kind]
    graph = window(executor.artifact, count, 40, 150, seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    other = permuted(graph, order, rng.permutation(graph.hosts), rng.permutation(graph.pairs))
    a, b = executor.score(graph), executor.score(other)
    np.testing.assert_allclose(b.surprise, a.surprise[order], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", KINDS)
def test_batching_windows_changes_nothing(executors, preset, kind):
    executor = executors[preset, kind]
    graphs = [window(executor.artifact, n, h, p, n) for n, h, p in ((200, 30, 90), (1, 2, 1), (350, 60, 200))]
    for alone, together in zip(
        [executor.score(g) for g in graphs], executor.score_batch(graphs), strict=True
    ):
        assert_close(alone, together, 1e-5)


PARALLEL = {
    "far apart": 100 * 1.09 ** np.arange(64),
    "a byte apart": 1000 + np.arange(64),
    "a byte apart in megabytes": 4_000_000 + np.arange(64),
    "on either side of the usual": 1 + np.arange(64) ** 2,
    "nothing but the usual": np.geomspace(150, 160, 64),
    "wild": np.geomspace(1e9, 1e12, 64),
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_flows_keep_their_own_scores(executors, preset, kind, name, column):
    executor = executors[preset, kind]
    flows = make_flows(64, hosts=2, pairs=1)
    flows.attributes[:] = 150, 160, 5
    flows.attributes[:, column] = PARALLEL[name]
    flows.duration_missing[:] = False
    spec = executor.artifact.spec
    surprise = executor.score(build_graph(flows, octets=spec.octets)).surprise
    assert np.unique(surprise).size == 64
    # by the likelihood, and where that ties in float32, the further from the usual the stranger
    coarse = cut(surprise)
    away = ties(flows.attributes, flows.duration_missing, centre_of(executor.artifact.tensors["scale.mean"]))
    assert np.lexsort((away, coarse)).tolist() == np.argsort(surprise).tolist()


def cut(surprise):
    """The float32 that a surprise refines."""
    return (surprise.view(np.int64) >> 29 << 29).view(np.float64)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_probabilities_and_wild_counters_are_survived(executors, preset, kind):
    executor = executors[preset, kind]
    flows = make_flows(50)
    flows.attributes[::3] = np.float32(1e30)
    flows.attributes[1::3] = 0
    spec = executor.artifact.spec
    scores = executor.score(build_graph(flows, octets=spec.octets))
    assert np.isfinite(scores.surprise).all()
    assert (scores.surprise >= 0).all()
    assert ((scores.score >= 0) & (scores.score <= 1)).all()
    np.testing.assert_allclose(scores.score, -np.expm1(-scores.surprise), atol=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_window_has_no_scores(executors, preset, kind):
    executor = executors[preset, kind]
    graph = build_graph(make_flows(10).slice(0, 0), octets=executor.artifact.spec.octets)
    assert executor.score(graph).score.shape == (0,)


@pytest.mark.parametrize("kind", KINDS)
def test_unseen_hosts_are_counted_and_stranger(executors, kind):
    executor = executors["default", kind]
    known, strangers = make_flows(200), make_flows(200, hosts=31, pairs=121, seed=5)
    a, b = executor.score(build_graph(known)), executor.score(build_graph(strangers))
    assert a.unseen_hosts == 0
    assert b.unseen_hosts == np.unique(np.concatenate([strangers.src_lo, strangers.dst_lo])).size
    assert np.median(b.surprise) > np.quantile(a.surprise, 0.9)
