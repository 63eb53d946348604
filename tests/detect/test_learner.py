"""The learner: what it learns, what it does not, and that windows do not matter."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.detect import learner as module
from morpheus_gae.detect.learner import (
    BLOCK_MS,
    BLOCKS_A_DAY,
    QUARANTINE_DAYS,
    Learner,
    known_share,
)
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.activity import MOST, past_of, raises
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.features import edge_features
from morpheus_gae.model.memory import find, host_keys, pair_keys
from tests.support import make_flows

DAY_MS = BLOCK_MS * BLOCKS_A_DAY


def spread(flows: Flows, days: float, first_day: float = 0.0) -> Flows:
    """The flows, evenly over so many days."""
    at = first_day * DAY_MS + np.arange(len(flows)) * (days * DAY_MS / len(flows))
    return dataclasses.replace(flows, time_ms=at.astype(np.int64))


def learn(learner: Learner, flows: Flows, flagged: np.ndarray | None = None) -> int:
    graph = build_graph(flows)
    none = np.zeros(len(flows), bool) if flagged is None else flagged
    return learner.learn(graph, none, flows.time_ms).learnt


def pair_rows(learner: Learner, flows: Flows) -> np.ndarray:
    graph = build_graph(flows)
    keys = host_keys(graph.host_hi, graph.host_lo, learner.artifact.memory.salt)
    return learner.pairs.rows(pair_keys(keys[graph.pair_src], keys[graph.pair_dst]))[graph.pair]


@given(st.lists(st.integers(1, 400), max_size=6), st.integers(0, 5))
@settings(max_examples=15)
def test_windows_make_no_difference_to_what_is_counted(
    tiny_models: dict[str, Artifact], cuts: list[int], seed: int
) -> None:
    artifact = tiny_models["default"]
    flows = spread(make_flows(800, seed=seed), 0.8)
    flagged = np.zeros(len(flows), bool)
    parts = Learner(artifact, blank=True)
    for start, stop in pairwise([0, *sorted({c for c in np.cumsum(cuts).tolist() if c < 800}), 800]):
        learn(parts, flows.slice(start, stop))
    # counted whole, with NumPy alone
    graph = build_graph(flows)
    t = artifact.tensors
    x = edge_features(graph.attributes, graph.duration_missing, t["scale.mean"], t["scale.std"])[:, :3]
    per_flow = np.concatenate([np.ones((800, 1)), x, x.astype(np.float64) ** 2], 1)
    keys = host_keys(graph.host_hi, graph.host_lo, artifact.memory.salt)
    for table, column, key, at in (
        (parts.hosts, "out", keys, graph.src),
        (parts.hosts, "in", keys, graph.dst),
        (parts.pairs, "sums", pair_keys(keys[graph.pair_src], keys[graph.pair_dst]), graph.pair),
    ):
        wanted = np.zeros((key.shape[0], 7))
        np.add.at(wanted, at, per_flow)
        np.testing.assert_allclose(table[column][table.rows(key)], wanted, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(parts.pairs["types"].sum(1), parts.pairs["sums"][:, 0], rtol=1e-4)
    assert parts.pairs["clean"].sum() == 800
    assert not flagged.any()


def test_the_memory_of_a_model_is_where_learning_begins(tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    learner = Learner(artifact)
    learn(learner, spread(make_flows(1), 0.01))
    before, after = artifact.memory, learner.merge()
    row = np.searchsorted(after["memory.pair_key"], before.pair_key)
    assert np.array_equal(after["memory.pair_key"][row], before.pair_key)
    moved = np.abs(after["memory.pair"][row] - before.pair).max(1) > 1e-3
    assert moved.sum() <= 1
    assert known_share(artifact, build_graph(make_flows(500))) > 0.9
    assert known_share(artifact, build_graph(make_flows(500, hosts=31))) < 0.1


def test_neither_a_flood_nor_a_scan_makes_a_network_unknown(tiny_models: dict[str, Artifact]) -> None:
    artifact, own = tiny_models["default"], make_flows(500)
    strangers = make_flows(4000, seed=3)
    places = np.random.default_rng(0).integers(1 << 20, 1 << 30, (2, 4000)).astype(np.uint64)
    strangers = dataclasses.replace(strangers, src_lo=places[0], dst_lo=places[1])
    flood, scan, distributed = (
        dataclasses.replace(strangers, **{c: np.full_like(getattr(strangers, c), 7) for c in same})
        for same in (("src_hi", "src_lo", "dst_hi", "dst_lo"), ("src_hi", "src_lo"), ("dst_hi", "dst_lo"))
    )
    for attack in (flood, scan, distributed):
        both = build_graph(concat([own, attack]))
        assert both.flows == 4500
        assert known_share(artifact, both) > 0.8
    assert known_share(artifact, build_graph(concat([make_flows(500, hosts=31), flood]))) < 0.2


@pytest.mark.parametrize("days", [0.0, 20.0])
def test_what_counts_in_parts_keeps_its_spread(tiny_models: dict[str, Artifact], days: float) -> None:
    """A burst that counts once, and what has faded to less than a flow, is remembered as it was."""
    artifact = tiny_models["default"]
    once = {name: artifact.tensors[f"memory.{name}"].copy() for name in ("pair", "host_out", "host_in")}
    for table in once.values():
        table[:, 0] = np.minimum(table[:, 0], 1)
    artifact = dataclasses.replace(
        artifact, tensors={**artifact.tensors, **{f"memory.{n}": t for n, t in once.items()}}
    )
    learner = Learner(artifact, half_life_days=100.0)
    for day in (0.0, days):
        learn(learner, spread(make_flows(1, hosts=31), 0.01, first_day=day))
        memory = learner.merge()
    row = np.searchsorted(memory["memory.pair_key"], artifact.memory.pair_key)
    found, spreads = memory["memory.pair"][row], once["pair"][:, 4:]
    assert (spreads > 0.1).any()
    np.testing.assert_allclose(found[:, 0], once["pair"][:, 0] * 0.5 ** (days / 100), rtol=1e-4)
    np.testing.assert_allclose(found[:, 4:], spreads, rtol=1e-3, atol=2e-3)


def test_what_is_new_waits_and_then_is_known(tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    flows = make_flows(2000, hosts=40)
    learner = Learner(artifact, blank=True)
    learn(learner, spread(flows, 0.02))
    assert not learner.merge()["memory.pair_key"].size, "within the hour nothing is remembered"
    assert learn(learner, spread(flows, 0.02, first_day=0.5)) == len(flows)
    memory = learner.merge()
    assert memory["memory.pair_key"].size == learner.pairs.size == learner.counts()["learnt"]
    assert (np.diff(memory["memory.host_key"].astype(object)) > 0).all(), "sorted, as look-ups need it"
    learnt = dataclasses.replace(artifact, tensors={**artifact.tensors, **memory})
    assert memory.keys() >= {n for n in artifact.tensors if n.startswith("memory.") and n != "memory.salt"}
    nothing = {n: t[:0] if n in memory else t for n, t in artifact.tensors.items()}
    graph = build_graph(flows)
    cold, warm = (
        CpuExecutor(a).score(graph) for a in (dataclasses.replace(artifact, tensors=nothing), learnt)
    )
    assert cold.unseen_hosts == graph.hosts
    assert warm.unseen_hosts == 0
    assert np.median(warm.surprise) < np.median(cold.surprise) - 1


def test_executors_agree_on_a_memory_that_has_learnt(tiny_models: dict[str, Artifact]) -> None:
    pytest.importorskip("torch")
    from morpheus_gae.executors.torch.executor import TorchExecutor

    artifact = tiny_models["default"]
    learner = Learner(artifact, half_life_days=0.5)
    for day in range(4):
        learn(learner, spread(make_flows(900, hosts=33, seed=day), 0.9, first_day=day))
        memory = learner.merge()
    learnt = dataclasses.replace(artifact, tensors={**artifact.tensors, **memory})
    graph = build_graph(make_flows(900, hosts=33, seed=9))
    for a, b in ((learnt, learnt), (empty := dataclasses.replace(
        artifact, tensors={n: t[:0] if n in memory else t for n, t in artifact.tensors.items()}
    ), empty)):  # fmt: skip
        np.testing.assert_allclose(
            CpuExecutor(a).score(graph).surprise, TorchExecutor(b).score(graph).surprise, rtol=1e-4, atol=1e-4
        )


def test_evidence_of_pairs_and_sources_is_learnt(tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    if not artifact.spec.evidence:
        pytest.skip("this model has no such part")
    flows = make_flows(2000, hosts=40)
    graph = build_graph(flows)
    learner = Learner(artifact, blank=True)
    nats = np.random.default_rng(0).uniform(0, 4, len(flows)).astype(np.float32)
    for n in range(3):
        at = spread(flows, 0.02, first_day=n / 4).time_ms
        learner.learn(graph, np.zeros(len(flows), bool), at, nats)
    memory = learner.merge()
    keys = host_keys(graph.host_hi, graph.host_lo, artifact.memory.salt)
    mean = np.bincount(graph.pair, nats) / np.bincount(graph.pair)
    row = np.searchsorted(memory["memory.pair_key"], pair_keys(keys[graph.pair_src], keys[graph.pair_dst]))
    np.testing.assert_allclose(memory["evidence.pair"][row], mean, rtol=1e-5)
    pairs = np.bincount(graph.pair_src, minlength=graph.hosts)
    source = np.bincount(graph.pair_src, mean, graph.hosts) / np.maximum(pairs, 1)
    row = np.searchsorted(memory["memory.host_key"], keys)
    wanted = np.where(pairs > 0, source, artifact.evidence.unknown)
    np.testing.assert_allclose(memory["evidence.source"][row], wanted, rtol=1e-5)
    # the model's own is where it begins
    own = Learner(artifact)
    own.now = own._began = 0
    back = own.merge()
    at = np.searchsorted(back["memory.pair_key"], artifact.memory.pair_key)
    np.testing.assert_allclose(back["evidence.pair"][at], artifact.evidence.pair, rtol=1e-5, atol=1e-6)


def test_what_was_learnt_halves_in_a_half_life(tiny_models: dict[str, Artifact]) -> None:
    flows = make_flows(2000, hosts=40)
    learner = Learner(tiny_models["default"], half_life_days=2.0, blank=True)
    learn(learner, spread(flows, 0.01))
    learner.merge()
    learn(learner, spread(flows.slice(0, 1), 0.01, first_day=2.0))
    before = learner.pairs["sums"].copy()
    learner.merge()
    np.testing.assert_allclose(learner.pairs["sums"], before / 2, rtol=1e-12)
    # a clock that jumps by years takes no more than half at once
    learn(learner, spread(flows.slice(0, 1), 0.01, first_day=20_000.0))
    before = learner.pairs["sums"].copy()
    learner.merge()
    np.testing.assert_allclose(learner.pairs["sums"], before / 2, rtol=1e-12)


def test_one_wrong_clock_ages_nothing(tiny_models: dict[str, Artifact]) -> None:
    flows = spread(make_flows(500, hosts=40), 0.01, first_day=100)
    assert flows.time_ms is not None
    flows.time_ms[7] = 10**15
    learner = Learner(tiny_models["default"], blank=True)
    learn(learner, flows)
    assert learner.now == 100 * BLOCKS_A_DAY
    assert learner.pairs["last"].max() <= 101 * BLOCKS_A_DAY


def test_flows_without_times_have_blocks_all_the_same(tiny_models: dict[str, Artifact]) -> None:
    flows = dataclasses.replace(make_flows(1000, hosts=40), time_ms=None)
    learner = Learner(tiny_models["default"], blank=True)
    for _ in range(3 * module.BLOCK_FLOWS // 1000):
        learn(learner, flows)
    assert learner.now == 2
    assert learner.merge()["memory.pair_key"].size


def test_the_clock_stands_still_where_an_input_has_no_times(tiny_models: dict[str, Artifact]) -> None:
    timed = spread(make_flows(500, hosts=40), 0.01, first_day=20_000)
    learner = Learner(tiny_models["default"], blank=True)
    for flows in (timed, dataclasses.replace(timed, time_ms=None)):
        learn(learner, flows)
        assert learner.now == 20_000 * BLOCKS_A_DAY
        learner.merge()
    assert learner.pairs["sums"][:, 0].sum() == 1000
    assert set(learner.pairs["last"].tolist()) == {20_000 * BLOCKS_A_DAY}


def test_whose_flows_are_flagged_is_barred_as_long_as_they_are(tiny_models: dict[str, Artifact]) -> None:
    learner = Learner(tiny_models["default"], blank=True)
    flows = make_flows(2000, hosts=40)
    victim = pair_rows(learner, flows) == pair_rows(learner, flows)[0]
    every_third = victim & (np.cumsum(victim) % 3 == 1)
    for hour in range(30):
        learn(learner, spread(flows, 0.03, first_day=hour / 24), every_third)
        memory = learner.merge()
    row = pair_rows(learner, flows)[0]
    assert learner.counts()["barred"] == 1
    assert learner.pairs["sums"][row, 0] == 0, "neither the flagged flows nor those between them"
    assert learner.pairs.keys[row] not in memory["memory.pair_key"]
    # no longer strange: it is learnt when the days of that have faded
    for hour in range(30, 300):
        learn(learner, spread(flows, 0.03, first_day=hour / 24))
        memory = learner.merge()
    assert learner.pairs.keys[row] in memory["memory.pair_key"]


def test_a_source_of_which_much_is_flagged_teaches_nothing(tiny_models: dict[str, Artifact]) -> None:
    learner = Learner(tiny_models["default"], blank=True)
    flows = make_flows(3000, hosts=40)
    graph = build_graph(flows)
    bad = graph.src == graph.src[0]
    half = bad & (np.arange(len(flows)) % 2 == 0)
    learnt = learn(learner, spread(flows, 0.5), half)
    assert learnt == (~bad).sum()
    key = host_keys(graph.host_hi, graph.host_lo, learner.artifact.memory.salt)[graph.src[0]]
    assert learner.hosts["out"][learner.hosts.rows(key.reshape(1))[0], 0] == 0


def test_a_habit_of_many_days_is_learnt_in_the_end(tiny_models: dict[str, Artifact]) -> None:
    learner = Learner(tiny_models["default"], blank=True)
    flows = make_flows(2000, hosts=40)
    victim = pair_rows(learner, flows) == pair_rows(learner, flows)[0]
    row = pair_rows(learner, flows)[0]
    known = []
    for day in range(QUARANTINE_DAYS + 3):
        for hour in (8, 12, 16):
            learn(learner, spread(flows, 0.03, first_day=day + hour / 24), victim)
            learner.merge()
        known.append(bool(learner.pairs["known"][row]))
    # flagged on seven different days before the first flow is learnt
    assert known == [False] * (QUARANTINE_DAYS - 1) + [True] * 4


def test_the_least_recently_seen_go_first(
    tiny_models: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 150)
    monkeypatch.setattr(module, "MOST_HOSTS", 60)
    learner = Learner(tiny_models["default"], blank=True)
    regular = make_flows(1000, hosts=40)
    for day in range(3):
        learn(learner, spread(regular, 0.1, first_day=day))
        learner.merge()
    mine = learner.pairs.size
    for number in range(5):
        # strangers, many more than there is room for, that never come back
        learn(learner, spread(make_flows(1000, hosts=50 + number), 0.02, first_day=3 + number / 50))
        learner.merge()
    assert learner.pairs.size <= 150
    assert learner.hosts.size <= 60
    assert learner.counts()["learnt"] == mine, "candidates go before what is known"


def test_a_flood_of_strangers_within_an_hour_is_bounded(
    tiny_models: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 400)
    monkeypatch.setattr(module, "MOST_HOSTS", 200)
    learner = Learner(tiny_models["default"], blank=True)
    regular = spread(make_flows(1000, hosts=40), 0.1)
    learn(learner, regular)
    learner.now = learner.now + module.WAIT  # type: ignore[operator]
    learner.merge()
    known = learner.counts()["learnt"]
    assert known > 100
    most = 0
    for number in range(8):
        flood = make_flows(300, hosts=150, seed=900 + number)
        learn(learner, spread(flood, 1e-6, first_day=learner.now / BLOCKS_A_DAY))
        if learner.due:
            learner.merge()
        most = max(most, learner.pairs.size)
    assert most <= 2 * 400 + 300
    assert learner.hosts.size <= 2 * 200 + 150
    assert learner.counts()["learnt"] == known


def test_a_merge_waits_for_a_block_and_for_flows_enough(tiny_models: dict[str, Artifact]) -> None:
    learner = Learner(tiny_models["default"], blank=True)
    assert not learner.due
    flows = make_flows(2000, hosts=40)
    learn(learner, spread(flows, 0.01))
    assert learner.due
    learner.merge()
    learn(learner, spread(flows, 0.01))
    assert not learner.due, "within the hour"
    learn(learner, spread(flows.slice(0, 2), 0.01, first_day=1))
    assert learner.due


def test_a_window_without_flows_teaches_nothing(tiny_models: dict[str, Artifact]) -> None:
    learner = Learner(tiny_models["default"])
    assert learn(learner, make_flows(5).slice(0, 0)) == 0
    assert learner.now is None


def test_counts_go_on_from_what_is_learnt(tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    prior = np.array([[1.0, 0.0, 3.0, 0.5]] * 3, np.float32)
    counting = dataclasses.replace(
        artifact,
        spec=dataclasses.replace(artifact.spec, evidence=True, activity=True),
        tensors={**artifact.tensors, "activity.prior": prior},
    )
    learner = Learner(counting, blank=True)
    flows = make_flows(2000, hosts=40)
    for hour in (0, 3):
        learn(learner, spread(flows, 0.02, first_day=hour / 24))
    memory = learner.merge()
    graph = build_graph(flows)
    # half of the window's flows are of one pair that never had so many
    busy = np.concatenate([np.arange(1000), np.full(1000, 3)])
    burst = build_graph(flows.take(busy))
    told = []
    for window in (graph, burst):
        keys = host_keys(window.host_hi, window.host_lo, counting.memory.salt)
        pair = find(memory["memory.pair_key"], pair_keys(keys[window.pair_src], keys[window.pair_dst]))
        learnt = dataclasses.replace(counting, tensors={**counting.tensors, **memory})
        past = past_of(learnt.memory, pair, find(memory["memory.host_key"], keys))
        count = np.bincount(window.pair, minlength=window.pairs)
        added = raises(learnt.activity, count, window.pair_src, window.pair_dst, past)
        told.append((added.max(), added[np.argmax(count)]))
    assert told[0][0] == 0
    assert told[1][1] == MOST
