"""Retraining goes on from a model: what it knew is there, faded; what is new is learnt."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.features import edge_features
from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.model.spec import enriched, preset
from tests.support import make_flows

pytest.importorskip("torch")

from morpheus_gae.train.options import TrainOptions
from morpheus_gae.train.parent import Parent
from morpheus_gae.train.train import train_model

OPTIONS = TrainOptions(epochs=1, learning_rate=1e-3, graph_size=1000)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return train_model(make_flows(3000), tmp_path_factory.mktemp("old") / "m", epochs=2)


def more() -> Flows:
    """Flows of the old network, and of another one."""
    parts = make_flows(1500, seed=5), make_flows(1500, hosts=31, seed=6)
    flows = concat(list(parts))
    return flows.take(np.random.default_rng(0).permutation(len(flows)))


def rows_of(artifact: Artifact, flows: Flows) -> np.ndarray:
    """Row in memory of each flow's pair."""
    g = build_graph(flows)
    key = host_keys(g.host_hi, g.host_lo, artifact.memory.salt)
    return find(artifact.memory.pair_key, pair_keys(key[g.pair_src], key[g.pair_dst]))[g.pair]


def test_memory_is_the_old_one_faded_and_the_new_flows(old: Artifact, tmp_path: Path) -> None:
    flows = more()
    new = train_model(flows, tmp_path / "new", options=OPTIONS, parent=Parent(old, 0.25))
    assert new.hash == load_artifact(tmp_path / "new").hash
    assert (np.diff(new.memory.pair_key.astype(np.float64)) >= 0).all()
    at = find(old.memory.pair_key, new.memory.pair_key)
    expected = np.where(at >= 0, 0.25 * old.memory.pair[np.maximum(at, 0), 0], 0)
    expected += np.bincount(rows_of(new, flows), minlength=at.shape[0])
    assert new.memory.pair[:, 0] == pytest.approx(expected, rel=1e-5)
    # nobody was forgotten
    assert (at >= 0).sum() == old.memory.pair_key.shape[0] < at.shape[0]
    assert new.memory.host_out[:, 0].sum() == pytest.approx(0.25 * 3000 + 3000)
    assert new.memory.pair_types.astype(float).sum(1) == pytest.approx(expected, rel=0.02, abs=0.2)


@pytest.mark.parametrize("keep", [1.0, 0.5])
def test_retraining_is_like_one_count_of_both(old: Artifact, tmp_path: Path, keep: float) -> None:
    """Means and spreads are those of all flows, of which the old ones may count for less than one."""
    once = old.memory.pair.copy()
    once[:, 0] = np.minimum(once[:, 0], 1)
    burst = dataclasses.replace(old, tensors={**old.tensors, "memory.pair": once})
    flows = make_flows(700, seed=5)
    new = train_model(flows, tmp_path / "new", options=OPTIONS, parent=Parent(burst, keep))
    x = edge_features(flows.attributes, flows.duration_missing, *Parent(old).scaling)[:, :3]
    sums = np.zeros((new.memory.pair_key.shape[0], 7))
    at = find(new.memory.pair_key, burst.memory.pair_key)
    squares = once[:, 4:] ** 2 + once[:, 1:4] ** 2
    sums[at] = keep * once[:, :1] * np.concatenate([np.ones_like(once[:, :1]), once[:, 1:4], squares], 1)
    np.add.at(sums, rows_of(new, flows), np.concatenate([np.ones((700, 1)), x, x**2], 1))
    mean = sums[:, 1:4] / sums[:, :1]
    spread = np.sqrt(np.maximum(sums[:, 4:] / sums[:, :1] - mean**2, 0))
    found = new.memory.pair
    assert (spread[(found[:, 0] <= 1)] > 0.1).any()
    np.testing.assert_allclose(found[:, 1:4], mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found[:, 4:], spread, rtol=1e-3, atol=3e-3)


def test_a_memory_that_is_not_kept_is_forgotten(old: Artifact, tmp_path: Path) -> None:
    flows = make_flows(1500, hosts=31, seed=6)
    new = train_model(flows, tmp_path / "new", options=OPTIONS, parent=Parent(old, 0.0))
    assert (rows_of(new, flows) >= 0).all()
    assert (rows_of(new, make_flows(300)) < 0).mean() > 0.9
    # what was busy in one fifth of the time alone counts less
    assert 1480 < new.memory.pair[:, 0].sum() <= 1500


def test_who_does_not_come_back_fades_away(old: Artifact) -> None:
    pairs = [Parent(old, keep).faded["memory.pair_key"].shape[0] for keep in (1.0, 0.01, 0.006)]
    assert pairs[0] == old.memory.pair_key.shape[0] > pairs[1] > pairs[2] > 0


def test_old_and_new_traffic_are_ordinary_then(old: Artifact, tmp_path: Path) -> None:
    new = train_model(more(), tmp_path / "new", options=OPTIONS, parent=Parent(old))
    for flows in (make_flows(3000, seed=8), make_flows(3000, hosts=31, seed=9)):
        found = open_executor(new.path).score(build_graph(flows)).surprise
        assert (found >= new.thresholds["0.01"]).mean() < 0.04
    stranger = open_executor(new.path).score(build_graph(make_flows(3000, hosts=29))).surprise
    assert (stranger >= new.thresholds["0.01"]).mean() > 0.5


def test_the_same_flows_and_parent_give_the_same_model(old: Artifact, tmp_path: Path) -> None:
    a, b, c = (
        train_model(more(), tmp_path / name, options=dataclasses.replace(OPTIONS), parent=Parent(old, keep))
        for name, keep in (("a", 0.5), ("b", 0.5), ("c", 0.6))
    )
    assert a.hash == b.hash != c.hash


def test_weights_that_fit_stay(old: Artifact, tmp_path: Path) -> None:
    wild = dataclasses.replace(OPTIONS, learning_rate=3.0)
    new = train_model(make_flows(3000), tmp_path / "new", options=wild, parent=Parent(old))
    for name, weights in old.weights().items():
        np.testing.assert_array_equal(weights, new.weights()[name], err_msg=name)


def test_the_card_names_the_parent(old: Artifact, tmp_path: Path) -> None:
    new = train_model(more(), tmp_path / "new", options=OPTIONS, parent=Parent(old))
    told = f"{old.name}@{old.hash}"
    assert new.config["training"]["parent"] == told
    assert f"Retrained from `{told}`" in (tmp_path / "new" / "README.md").read_text()


def test_a_model_without_memory_goes_on_from_its_weights(tmp_path: Path) -> None:
    flows = make_flows(800)
    first = train_model(flows, tmp_path / "a", preset="published", epochs=1)
    second = train_model(flows, tmp_path / "b", options=OPTIONS, parent=Parent(first))
    assert second.spec == first.spec
    assert (second.tensors["scale.mean"] == first.tensors["scale.mean"]).all()


@pytest.mark.parametrize("keep", [-0.1, 1.1, float("nan")])
def test_what_is_kept_is_a_share(old: Artifact, keep: float) -> None:
    with pytest.raises(UsageError, match="share from 0 to 1"):
        Parent(old, keep)


def test_a_model_of_enriched_columns_keeps_their_codes(tmp_path: Path) -> None:
    def with_ports(count: int, seed: int) -> Flows:
        port = np.random.default_rng(seed).choice([53, 443, 8080], count)
        return dataclasses.replace(make_flows(count, seed=seed), table=pa.table({"L4_DST_PORT": port}))

    spec = enriched(preset("default"))
    first = train_model(with_ports(800, 1), tmp_path / "a", spec=spec, epochs=1)
    second = train_model(with_ports(800, 2), tmp_path / "b", options=OPTIONS, parent=Parent(first))
    assert second.spec == spec
    for name in (name for name in first.tensors if name.startswith(("extra.", "bins."))):
        np.testing.assert_array_equal(first.tensors[name], second.tensors[name], err_msg=name)
