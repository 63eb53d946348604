"""Evidence is learnt from windows whose fold is in nobody's past."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact_checks import value_flaw
from morpheus_gae.model.artifact_schema import misfit, schema
from morpheus_gae.model.memory import host_keys, pair_keys
from morpheus_gae.model.spec import PRESETS
from morpheus_gae.train.evidence import learn, settle
from tests.model.make import sound_tensors
from tests.model.test_artifact_checks import described
from tests.support import make_flows

FOLDS = 5


def memory_of(flows: Flows) -> dict[str, Any]:
    """Keys of a memory of these flows."""
    g = build_graph(flows)
    key = host_keys(g.host_hi, g.host_lo, 7)
    pair = pair_keys(key[g.pair_src], key[g.pair_dst])
    keys = {"memory.host_key": np.sort(key), "memory.pair_key": np.sort(pair)}
    return {"memory.salt": np.array([7], np.uint64), **keys}


def learnt(
    count: int = 4000, seed: int = 0, **changes: Any
) -> tuple[Flows, np.ndarray, dict[str, Any], np.ndarray]:
    """Flows, their surprises, and what is learnt of them."""
    flows = make_flows(count, hosts=40, pairs=80, seed=seed)
    surprise = np.random.default_rng(seed).exponential(1, count).astype(np.float32)
    every = np.ones(count, np.bool_)
    given = {"chosen": every, "remembered": every, "surprise": surprise, **changes}
    out = learn(flows, fold=np.arange(count) * FOLDS // count, memory=memory_of(flows), size=300, **given)
    return flows, given["surprise"], *out


def test_tensors_are_those_of_the_schema() -> None:
    flows, surprise, *_ = learnt()
    spec = PRESETS["default"]
    memory, count = memory_of(flows), len(flows)
    every = np.ones(count, np.bool_)
    tensors, told = settle(flows, surprise, np.arange(count) * FOLDS // count, every, every, memory, 300)
    assert {name for name in schema(spec) if "evidence" in name} == set(tensors)
    whole = {**sound_tensors(spec), **tensors}
    # of as many hosts and pairs as this memory has
    rows = {"hosts": memory["memory.host_key"].shape[0], "pairs": memory["memory.pair_key"].shape[0]}
    for name, kind in schema(spec).items():
        if kind.shape[0] in rows and name not in tensors:
            size = rows[kind.shape[0]]
            whole[name] = memory.get(name, np.resize(whole[name], (size, *whole[name].shape[1:])))
    assert misfit(described(whole), spec) is None
    assert value_flaw(spec, whole) is None
    assert told.shape == surprise.shape
    # calibrated again: one flow in a hundred is stranger than ln 100
    assert np.quantile(told, 0.99) == pytest.approx(np.log(100), abs=0.15)


def test_independent_surprises_are_hardly_raised() -> None:
    _, surprise, _, told = learnt()
    added = told - surprise
    assert (added >= 0).all()
    assert added.mean() < 0.05


def test_a_pair_that_is_always_strange_is_expected_to_be() -> None:
    flows, surprise, plain, _ = learnt()
    odd = build_graph(flows).pair == 0
    _, raised, tensors, told = learnt(surprise=np.where(odd, np.float32(5), surprise))
    more = tensors["evidence.pair"] - plain["evidence.pair"]
    assert more.argmax() == more.shape[0] - 1 - more[::-1].argmax()
    assert tensors["evidence.pair"].max() > 1
    assert (told - raised)[odd].mean() < 0.2


def test_a_burst_of_a_fold_is_not_in_its_own_past() -> None:
    flows, surprise, *_ = learnt()
    g = build_graph(flows)
    burst = (g.pair == 0) & (np.arange(len(flows)) * FOLDS // len(flows) == 2)
    _, raised, _, told = learnt(surprise=np.where(burst, np.float32(6), surprise))
    added = told - raised
    assert added[burst].mean() > 5 * max(added[~burst].mean(), 1e-3)


def test_what_is_set_aside_is_in_nobodys_past() -> None:
    flows, surprise, *_ = learnt()
    aside = np.arange(len(flows)) % 7 == 0
    noisy = np.where(aside, np.float32(9), surprise)
    kept = learnt(chosen=~aside, remembered=~aside, surprise=surprise)[2]
    noise = learnt(chosen=~aside, remembered=~aside, surprise=noisy)[2]
    for name, tensor in kept.items():
        np.testing.assert_array_equal(tensor, noise[name], err_msg=name)


def test_flows_that_are_not_chosen_keep_their_surprise() -> None:
    chosen = np.arange(4000) % 3 > 0
    _, surprise, _, told = learnt(chosen=chosen)
    np.testing.assert_array_equal(told[~chosen], surprise[~chosen])


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_handful_of_flows_is_enough_to_run(count: int) -> None:
    _, surprise, tensors, told = learnt(count)
    assert np.isfinite(told).all()
    assert (told >= surprise).all()
    assert all(np.isfinite(t).all() for t in tensors.values())
