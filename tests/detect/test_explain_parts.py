"""Explanations where a model has every part: contributions of all four, and networks of unknown hosts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.detect.contributions import contributions
from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.open import executor_of
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.calibration import fuse
from morpheus_gae.model.prefixes import prefix_keys
from tests.detect.test_explain import TRAINING, told
from tests.fixtures.make import MODELS
from tests.support import make_flows

SHIPPED = Path(__file__).parents[2] / "models" / "default"
V4 = np.uint64(0xFFFF_0000_0000)


@pytest.fixture(scope="module")
def shipped() -> Artifact:
    if not (SHIPPED / "config.json").is_file():
        pytest.skip("models/default is not there")
    artifact = load_artifact(SHIPPED)
    spec = artifact.spec
    assert spec.evidence
    assert spec.prefixes
    assert spec.activity
    return artifact


@settings(max_examples=30)
@given(seed=st.integers(0, 1 << 20), count=st.integers(1, 60), zeros=st.floats(0, 1))
def test_contributions_of_all_parts_sum_to_the_surprise(
    shipped: Artifact, seed: int, count: int, zeros: float
) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.exponential(3, (count, 4)) * (rng.random((count, 4)) >= zeros)
    pair, flow, activity, others = parts.astype(np.float32).T
    surprise = rng.exponential(8, count)
    scores = Scores(np.zeros(count, np.float32), surprise, pair, flow, 0, {}, activity + others, activity)
    found = contributions(shipped, scores, np.arange(count))
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(1), surprise, rtol=1e-14, atol=0.5e-6)
    # a part that adds nothing has nothing, one that adds something has some, where it is a millionth or more
    assert (found[activity == 0, 2] == 0).all()
    own = shipped.tail("fused")(fuse(pair, flow))
    share = activity / np.maximum(own + activity + others, np.finfo(np.float32).tiny)
    assert ((found[:, 2] > 0) | (share * surprise < 1.01e-6)).all()
    assert (found[others == 0, 3] <= 1e-5 * surprise[others == 0]).all()
    # what counts and the other flows add keep their proportion
    both = (found[:, 2:] >= 0.01).all(1)
    ratio = found[both, 2] / found[both, 3]
    np.testing.assert_allclose(ratio, activity[both] / others[both], rtol=1e-3)


def test_contributions_of_scored_flows_sum_to_the_surprise(shipped: Artifact) -> None:
    flows = make_flows(500, seed=8)
    scores = executor_of(shipped).score(build_graph(flows))
    assert scores.graph_part is not None
    assert scores.activity_part is not None
    found = contributions(shipped, scores, np.arange(500))
    np.testing.assert_allclose(found.sum(1), scores.surprise.astype(np.float64), rtol=1e-14, atol=0.5e-6)
    assert (found[scores.activity_part == 0, 2] == 0).all()


def with_networks(artifact: Artifact) -> Artifact:
    """With the networks of the training flows, of which only keys and hosts are asked here."""
    t = TRAINING
    assert artifact.memory is not None
    four = t.dst_lo >> np.uint64(32) == np.uint64(0xFFFF)
    hosts = np.unique(t.dst_lo[four])
    keys = np.concatenate(prefix_keys(np.zeros_like(hosts), hosts, artifact.memory.salt))
    key, counts = np.unique(keys, return_counts=True)
    into = np.zeros((key.shape[0], 7), np.float32)
    into[:, 0] = counts
    none = np.zeros((0, 7), np.float32)
    tables = {
        "key": key, "out": into, "in": into, "seen": np.zeros(key.shape[0], np.float32),
        "pair_key": np.zeros(0, np.uint64), "pair": none, "pair_seen": np.zeros(0, np.float32),
        "pair_types": np.zeros((0, artifact.spec.flow_types), np.float16),
    }  # fmt: skip
    tensors = {**artifact.tensors, **{f"prefix.{name}": table for name, table in tables.items()}}
    return replace(artifact, spec=replace(artifact.spec, prefixes=True), tensors=tensors)


NETWORK = re.compile(r"destination not in memory; ([\d,]+) hosts? of its (/\d+) received flows")


def strangers(count: int) -> Flows:
    """Flows to hosts that training has not seen: of its narrow networks, of its wide ones, and of neither."""
    t, flows = TRAINING, make_flows(count, seed=11)
    four = np.unique(t.dst_lo[t.dst_lo >> np.uint64(32) == np.uint64(0xFFFF)])
    to, kind = four[np.arange(count) % four.shape[0]], np.arange(count) % 3
    last = np.uint64(0xFF)
    narrow = (to & ~last) | np.setdiff1d(np.arange(256, dtype=np.uint64), four & last)[0]
    wide = (to & ~np.uint64(0xFFFF)) | np.uint64(0xFB07)
    far = V4 | np.uint64(0xC6336401)
    none = np.zeros(count, np.uint64)
    return replace(flows, dst_lo=np.choose(kind, [narrow, wide, far]), dst_hi=none)


def test_networks_are_told_as_training_saw_them() -> None:
    artifact = load_artifact(MODELS / "default")
    t, flows = TRAINING, strangers(90)
    graph = build_graph(flows)
    scores = executor_of(artifact).score(graph)
    from morpheus_gae.detect.explain import Explainer

    every = np.arange(len(flows))
    columns = Explainer(with_networks(artifact)).columns(flows, scores, every, flows.table)
    seen: dict[str | None, int] = {}
    for dst, facts in zip(flows.dst_lo, columns["facts"].to_pylist(), strict=True):
        (fact,) = [fact for fact in facts if fact.startswith("destination not in memory")]
        found = NETWORK.fullmatch(fact)
        hosts = np.unique(t.dst_lo[t.dst_lo >> np.uint64(32) == np.uint64(0xFFFF)])
        counts = {name: int((hosts >> bits == dst >> bits).sum()) for name, bits in
                  (("/24", np.uint64(8)), ("/16", np.uint64(16)))}  # fmt: skip
        if found is None:
            assert fact == "destination not in memory"
            assert counts == {"/24": 0, "/16": 0}
            seen[None] = seen.get(None, 0) + 1
            continue
        number, name = found.groups()
        assert int(number.replace(",", "")) == counts[name] > 0
        # the narrow one first
        assert name == "/24" or counts["/24"] == 0
        seen[name] = seen.get(name, 0) + 1
    assert seen.keys() == {None, "/24", "/16"}
    # without them nothing is said of networks
    without = replace(artifact, spec=replace(artifact.spec, prefixes=False))
    plain = told(without, flows)["facts"].to_pylist()
    assert not any(NETWORK.match(fact) for facts in plain for fact in facts)
