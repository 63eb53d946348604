"""Evidence over the graph: every executor tells what the reference says, in strange windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import ArtifactError
from morpheus_gae.executors.base import Executor
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.executors.open import open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.activity import MOST as MOST_COUNTED
from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.evidence import MOST
from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.model.spec import ModelSpec
from tests.executors.test_conformance import KINDS, assert_close
from tests.model.make import SPECS, sound, sound_tensors
from tests.support import make_flows, permuted

pytest.importorskip("torch")
NAMES = ("default", "graph", "evidence", "activity", "counting", "meeting")
relaxed = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def window(seed: int, count: int = 900) -> WindowGraph:
    return build_graph(make_flows(count, hosts=40, pairs=150, seed=seed))


def half_known(folder: Path, spec: ModelSpec) -> Artifact:
    """A model that knows half of the pairs, to which many flows are strange."""
    tensors, graph = sound_tensors(spec, 1), window(0)
    key = host_keys(graph.host_hi, graph.host_lo, int(tensors["memory.salt"][0]))
    pair = pair_keys(key[graph.pair_src], key[graph.pair_dst])
    keys = {"memory.host_key": np.sort(key[::3]), "memory.pair_key": np.sort(pair[::2])}
    rows = {"host": keys["memory.host_key"].shape[0], "pair": keys["memory.pair_key"].shape[0]}
    rows["source"] = rows["host"]
    for name, tensor in tensors.items():
        part, _, of = name.partition(".")
        if name == "partners.past" or (part in ("memory", "evidence") and of.split("_")[0] in rows):
            size = rows["host" if part == "partners" else of.split("_")[0]]
            tensors[name] = keys.get(name, np.resize(tensor, (size, *tensor.shape[1:])))
    for part in ("pair", "host_out", "host_in"):
        # counts, beside which some of a window's are unusual
        tensors[f"memory.{part}"][:, 0] *= {"pair": 3, "host_out": 400, "host_in": 400}[part]
        tensors[f"memory.{part}"][::2, 0] *= 0.1
    for part in ("pair", "flow", "fused", *(("lift",) if spec.lift else ())):
        tensors[f"calibration.{part}.x"] = np.linspace(-20, 20, 7, dtype=np.float32)
        tensors[f"calibration.{part}.y"] = np.linspace(0.1, 9, 7, dtype=np.float32)
    for name in tensors:
        if name.startswith("net.") and not spec.attention:
            tensors[name] = (10 * tensors[name]).astype(np.float32)
    return sound(folder, spec, tensors=tensors)


class Opened(dict[tuple[str, str], Executor]):
    """Executors by model and kind, opened when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.models = {name: half_known(folder / name, SPECS[name]).path for name in NAMES}

    def __missing__(self, key: tuple[str, str]) -> Executor:
        name, kind = key
        if kind == "device":
            from morpheus_gae.executors.cuda.executor import CudaExecutor

            self[key] = CudaExecutor(load_artifact(self.models[name]), "cpu")
        else:
            self[key] = open_executor(self.models[name], kind)
        return self[key]


@pytest.fixture(scope="module")
def executors(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(tmp_path_factory.mktemp("evidence"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "torch"])
@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(seed=st.integers(0, 10_000), count=st.integers(1, 900))
def test_what_is_added_is_what_the_oracle_adds(executors, name, kind, seed, count):
    graph = window(seed, count)
    got, want = executors[name, kind].score(graph), executors[name, "torch"].score(graph)
    assert_close(got, want)
    assert got.graph_part.dtype == np.float32
    np.testing.assert_allclose(got.graph_part, want.graph_part, rtol=1e-4, atol=1e-4)
    if want.activity_part is None:
        assert got.activity_part is None
    else:
        assert got.activity_part.dtype == np.float32
        np.testing.assert_allclose(got.activity_part, want.activity_part, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_windows_of_the_test_are_strange_enough(executors, name, kind):
    added = executors[name, kind].score(window(0)).graph_part
    assert (added >= 0).all()
    assert added.max() <= MOST + MOST_COUNTED
    assert np.unique(added).size > 100


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["activity", "counting", "meeting"])
def test_counts_add_to_known_pairs_and_to_new_ones(executors, name, kind):
    executor, graph = executors[name, kind], window(0)
    scores, memory = executor.score(graph), executor.artifact.memory
    key = host_keys(graph.host_hi, graph.host_lo, memory.salt)
    known = find(memory.pair_key, pair_keys(key[graph.pair_src], key[graph.pair_dst]))[graph.pair] >= 0
    for which in (known, ~known):
        of = scores.activity_part[which]
        assert (of == 0).any()
        assert np.unique(of).size > 5
    assert (scores.activity_part <= scores.graph_part).all()
    assert executors["evidence", kind].score(graph).activity_part is None


@pytest.mark.parametrize("kind", KINDS)
def test_new_partners_add_to_new_pairs_alone(executors, kind):
    executor, graph = executors["meeting", kind], window(0)
    artifact = executor.artifact
    silent = artifact.tensors["partners.prior"] * np.float32([1, 1, 1, 0])
    without = CpuExecutor(replace(artifact, tensors={**artifact.tensors, "partners.prior": silent}))
    more = executor.score(graph).activity_part - without.score(graph).activity_part
    key = host_keys(graph.host_hi, graph.host_lo, artifact.memory.salt)
    known = (
        find(artifact.memory.pair_key, pair_keys(key[graph.pair_src], key[graph.pair_dst]))[graph.pair] >= 0
    )
    assert np.abs(more[known]).max() < 1e-5
    assert more.min() > -1e-5
    assert np.unique(np.round(more[~known], 3)).size > 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(seed=st.integers(0, 10_000))
def test_order_and_numbers_change_nothing(executors, name, kind, seed):
    graph, rng = window(seed, 300), np.random.default_rng(seed)
    order = rng.permutation(300)
    other = permuted(graph, order, rng.permutation(graph.hosts), rng.permutation(graph.pairs))
    a, b = (executors[name, kind].score(g) for g in (graph, other))
    np.testing.assert_allclose(b.graph_part, a.graph_part[order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_of_a_batch_is_told_by_its_own_flows_alone(executors, kind):
    executor = executors["default", kind]
    graphs = [window(1, 400), window(1, 400), window(2, 1), window(3, 500)]
    for alone, together in zip(map(executor.score, graphs), executor.score_batch(graphs), strict=True):
        np.testing.assert_allclose(together.graph_part, alone.graph_part, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_without_evidence_adds_none(executors, kind, tmp_path):
    spec = replace(SPECS["default"], evidence=False, activity=False, partners=False)
    path = sound(tmp_path, spec).path
    assert not {"evidence", "activity"} & load_artifact(path).config["spec"].keys()
    from morpheus_gae.executors.cuda.executor import CudaExecutor

    executor = CudaExecutor(load_artifact(path), "cpu") if kind == "device" else open_executor(path, kind)
    assert executor.score(window(0)).graph_part is None


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_window_has_the_part_too(executors, kind):
    scores = executors["counting", kind].score(build_graph(make_flows(10).slice(0, 0)))
    assert scores.graph_part.shape == scores.activity_part.shape == (0,)


@pytest.mark.parametrize("name", ["evidence.pair", "evidence.source", "partners.past"])
def test_what_another_memory_has_shown_is_refused(executors, name):
    artifact = executors["meeting", "cpu"].artifact
    other = replace(artifact, tensors={**artifact.tensors, name: artifact.tensors[name][:-1]})
    with pytest.raises(ArtifactError, match=f"{name} of .* is another memory's"):
        CpuExecutor(other)


def test_any_number_of_threads_gives_the_same_bits(executors):
    from morpheus_gae.executors.cpu import evidence as cpu_evidence
    from morpheus_gae.graph.parallel import HELPERS

    graph, before = window(5, 900), HELPERS.threads
    grains = cpu_evidence.PAIR_GRAIN, cpu_evidence.FLOW_GRAIN
    got = []
    try:
        for threads, grain in ((1, 1 << 20), (3, 50)):
            HELPERS.resize(threads)
            cpu_evidence.PAIR_GRAIN = cpu_evidence.FLOW_GRAIN = grain
            got.append(executors["meeting", "cpu"].score(graph))
    finally:
        HELPERS.resize(before)
        cpu_evidence.PAIR_GRAIN, cpu_evidence.FLOW_GRAIN = grains
    for name in ("score", "surprise", "graph_part", "activity_part"):
        np.testing.assert_array_equal(getattr(got[0], name), getattr(got[1], name))
