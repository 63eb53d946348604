"""First meetings are learnt as they are scored, fade as flows do, and begin with those of training."""

from __future__ import annotations

import dataclasses

import numpy as np

from morpheus_gae.detect.learner import Learner
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.memory import find, host_keys, pair_keys
from tests.detect.test_learner import learn, spread
from tests.support import make_flows


def meeting(artifact: Artifact) -> Artifact:
    """The model, with new partners that its hosts never had."""
    past = np.zeros((artifact.memory.host_key.shape[0], 2), np.float32)
    prior = np.array([[1.0, 0.0, 1.0, 0.5]] * 3, np.float32)
    return dataclasses.replace(
        artifact,
        spec=dataclasses.replace(artifact.spec, evidence=True, activity=True, partners=True),
        tensors={
            **artifact.tensors, "activity.prior": prior, "partners.prior": prior[:2], "partners.past": past,
        },
    )  # fmt: skip


def test_new_partners_are_learnt_as_they_are_scored_and_fade(tiny_models: dict[str, Artifact]) -> None:
    artifact = meeting(tiny_models["default"])
    learner = Learner(artifact, half_life_days=2.0, blank=True)
    first, later = make_flows(2000, hosts=40), make_flows(500, hosts=40, seed=1)
    # half of the flows go from the same hosts to others of them
    order = np.append(np.arange(250), 250 + np.random.default_rng(0).permutation(250))
    later = dataclasses.replace(later, dst_lo=later.dst_lo[order], dst_hi=later.dst_hi[order])
    learn(learner, spread(first, 0.02))
    # nobody was known, and to a new host everybody is new
    assert not learner.hosts["met_out"].any()
    # time goes on; nothing is learnt of what was flagged
    learn(learner, spread(first.slice(0, 1), 0.02, first_day=0.2), np.ones(1, bool))
    learner.merge()
    known = {*learner.pairs.keys[learner.pairs["known"] > 0].tolist()}
    assert not learner.hosts["met_out"].any()
    learn(learner, spread(later, 0.02, first_day=0.25))
    graph = build_graph(later)
    keys = host_keys(graph.host_hi, graph.host_lo, artifact.memory.salt)
    new = [k not in known for k in pair_keys(keys[graph.pair_src], keys[graph.pair_dst]).tolist()]
    assert any(new)
    assert not all(new)
    merged = learner.merge()
    row = find(merged["memory.host_key"], keys)
    for role, end in enumerate((graph.pair_src, graph.pair_dst)):
        wanted = np.bincount(end, new, graph.hosts)
        got = np.where(row >= 0, merged["partners.past"][row, role], 0)
        assert got.any()
        # all that had waited are told of, others not yet
        waited = np.isclose(got, wanted, rtol=0.1)
        assert (waited | (got == 0)).all()
        assert waited.mean() > 0.5
    learnt = dataclasses.replace(artifact, tensors={**artifact.tensors, **merged})
    assert CpuExecutor(learnt).score(graph).activity_part is not None
    before = learner.hosts["met_out"].sum()
    learn(learner, spread(later.slice(0, 1), 0.02, first_day=2.25))
    learner.merge()
    assert 0.4 * before < learner.hosts["met_out"].sum() < 0.6 * before


def test_learning_begins_with_the_partners_of_training(tiny_models: dict[str, Artifact]) -> None:
    artifact = meeting(tiny_models["default"])
    past = artifact.tensors["partners.past"]
    past[:] = np.arange(past.size).reshape(past.shape)
    learner = Learner(artifact)
    learner.now = learner._began = 0
    merged = learner.merge()
    row = find(merged["memory.host_key"], artifact.memory.host_key)
    roles = np.stack([artifact.memory.host_out[:, 0], artifact.memory.host_in[:, 0]], 1) > 0
    np.testing.assert_allclose(merged["partners.past"][row], past * roles)
