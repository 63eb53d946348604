"""What is learnt of hosts and pairs alike: hosts and pairs count, not flows, and nobody who is flagged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from morpheus_gae.detect import kin as module
from morpheus_gae.detect.kin import beside
from morpheus_gae.detect.learner import BLOCK_MS, BLOCKS_A_DAY, Learner
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.memory import host_keys, pair_keys
from morpheus_gae.model.prefixes import FEWEST, MOST_TYPES, Prefixes, prefix_keys
from morpheus_gae.model.spec import ModelSpec
from tests.support import make_flows

V4 = 0xFFFF << 32
HOSTS = 60


def network(seed: int, count: int = 1500) -> Flows:
    """Flows of hosts in five networks of twelve, two of which are of one wide network."""
    flows = make_flows(count, hosts=HOSTS, seed=seed)
    ends = {}
    for name in ("src", "dst"):
        number = getattr(flows, f"{name}_lo") & np.uint64(0xFF)
        net = number % np.uint64(5)
        address = V4 | (10 << 24) | (net // np.uint64(2) << np.uint64(16)) | (net << np.uint64(8)) | number
        ends |= {f"{name}_hi": np.zeros(count, np.uint64), f"{name}_lo": address.astype(np.uint64)}
    return dataclasses.replace(flows, **ends)


def at(flows: Flows, hour: float) -> Flows:
    return dataclasses.replace(flows, time_ms=(hour * BLOCK_MS + np.arange(len(flows))).astype(np.int64))


def learnt(artifact: Artifact, flows: Flows, flagged: np.ndarray | None = None, hours: int = 4):
    learner = Learner(artifact, blank=True)
    none = np.zeros(len(flows), bool) if flagged is None else flagged
    for hour in range(hours):
        graph = build_graph(flows)
        learner.learn(graph, none, at(flows, hour).time_ms)
    return learner, learner.merge()


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    pytest.importorskip("torch")
    from tests.model.prefix_model import model

    return model(tmp_path_factory.mktemp("kin"), ModelSpec(prefixes=True, flow_types=3))


def test_tables_count_hosts_and_pairs_and_not_flows(artifact: Artifact) -> None:
    flows = network(3)
    _, memory = learnt(artifact, flows)
    g, salt = build_graph(flows), artifact.memory.salt
    key = host_keys(g.host_hi, g.host_lo, salt).tolist()
    near, wide = (k.tolist() for k in prefix_keys(g.host_hi, g.host_lo, salt))
    pairs = {(int(s), int(d)) for s, d in zip(g.src, g.dst, strict=True)}
    senders: dict[int, set[int]] = {}
    members: dict[int, set[int]] = {}
    of: dict[tuple[int, int], set[int]] = {}
    for s, d in pairs:
        for table in (near, wide):
            senders.setdefault(table[s], set()).add(s)
            members.setdefault(table[s], set()).add(s)
            members.setdefault(table[d], set()).add(d)
            of.setdefault((table[s], key[d]), set()).add(s)
        of.setdefault((key[s], near[d]), set()).add(d)
    wanted = {k: len(senders.get(k, ())) for k, m in members.items() if len(m) >= FEWEST}
    found = dict(zip(memory["prefix.key"].tolist(), memory["prefix.out"][:, 0].tolist(), strict=True))
    assert found == wanted
    codes = [pair_keys(np.uint64([a]), np.uint64([b]))[0] for a, b in of]
    wanted = {int(c): len(m) for c, m in zip(codes, of.values(), strict=True) if len(m) >= FEWEST}
    found = dict(zip(memory["prefix.pair_key"].tolist(), memory["prefix.pair"][:, 0].tolist(), strict=True))
    assert found == wanted
    for name in ("prefix.key", "prefix.pair_key"):
        assert (np.diff(memory[name].astype(object)) > 0).all(), "sorted, as look-ups need it"
    # moments are of all flows of those alike
    x = memory["prefix.out"][memory["prefix.key"].tolist().index(near[g.src[0]])]
    mine = np.isin(g.src, list(senders[near[g.src[0]]]))
    raw = np.log1p(g.attributes[mine, 0].astype(np.float64))
    scaled = (raw - artifact.tensors["scale.mean"][0]) / artifact.tensors["scale.std"][0]
    np.testing.assert_allclose(x[1], np.clip(scaled, -8, 8).mean(), rtol=1e-4, atol=1e-4)
    assert ((memory["prefix.seen"] >= -2) & (memory["prefix.seen"] <= 0)).all()
    assert ((memory["prefix.pair_seen"] >= -2) & (memory["prefix.pair_seen"] < 0)).all()
    total = memory["prefix.pair_types"].astype(np.float64).sum(1)
    assert (total <= MOST_TYPES + 0.01).all()
    assert (total >= FEWEST - 0.01).all()


def test_who_is_flagged_makes_nobody_familiar(artifact: Artifact) -> None:
    flows = network(4)
    bad = prefix_keys(flows.src_hi, flows.src_lo, 0)[0] == prefix_keys(flows.src_hi, flows.src_lo, 0)[0][0]
    _, memory = learnt(artifact, flows, bad)
    g, salt = build_graph(flows), artifact.memory.salt
    mine = prefix_keys(flows.src_hi, flows.src_lo, salt)[0][0]
    here = memory["prefix.key"] == mine
    assert not memory["prefix.out"][here, 0].any()
    forbidden = pair_keys(np.full(g.hosts, mine), host_keys(g.host_hi, g.host_lo, salt))
    assert not np.isin(forbidden, memory["prefix.pair_key"]).any()


def test_within_the_hour_there_is_no_history(artifact: Artifact) -> None:
    _, memory = learnt(artifact, network(5), hours=1)
    assert not memory["prefix.key"].size
    assert not memory["prefix.pair_key"].size


def test_a_newcomer_of_a_learnt_network_is_less_of_a_stranger(artifact: Artifact) -> None:
    flows = network(6, 4000)
    gone = flows.src_lo[0]
    others = flows.take(np.flatnonzero((flows.src_lo != gone) & (flows.dst_lo != gone)))
    _, memory = learnt(artifact, others)
    window = flows.take(np.flatnonzero(flows.src_lo == gone))
    graph = build_graph(window)
    with_kin = CpuExecutor(dataclasses.replace(artifact, tensors={**artifact.tensors, **memory}))
    none = {n: t[:0] for n, t in memory.items() if n.startswith("prefix.")}
    without = CpuExecutor(dataclasses.replace(artifact, tensors={**artifact.tensors, **memory, **none}))
    assert with_kin.score(graph).unseen_hosts >= 1
    assert not np.array_equal(with_kin.score(graph).surprise, without.score(graph).surprise)


def test_what_the_training_knew_stands_where_less_was_learnt_for_a_half_life(artifact: Artifact) -> None:
    trained = artifact.prefixes
    assert trained is not None
    learner = Learner(artifact, half_life_days=2.0)
    few = make_flows(3)
    for day in (0.0, 1.0, 3.5, 6.0):
        learner.learn(build_graph(few), np.zeros(3, bool), at(few, day * BLOCKS_A_DAY).time_ms)
        memory = learner.merge()
        there = np.isin(trained.pair_key, memory["prefix.pair_key"]).all()
        assert there == (day < 2)


def test_of_two_rows_that_of_more_is_taken() -> None:
    def table(keys: list[int], counts: list[float]) -> dict[str, np.ndarray]:
        n = len(keys)
        numbers = np.zeros((n, 7), np.float32)
        numbers[:, 0] = counts
        names = (*module._OF_HOSTS, *module._OF_PAIRS)
        parts = (
            np.uint64(keys), numbers, numbers / 2, np.float32(counts) * 0,
            np.uint64(keys), numbers, np.float32(counts) * 0, np.zeros((n, 4), np.float16),
        )  # fmt: skip
        return dict(zip(names, parts, strict=True))

    old = table([2, 5, 9], [4, 4, 4])
    found = beside(table([1, 5, 9], [3, 4, 7]), Prefixes(*old.values()))
    assert found["prefix.key"].tolist() == found["prefix.pair_key"].tolist() == [1, 2, 5, 9]
    assert found["prefix.pair"][:, 0].tolist() == [3, 4, 4, 7]
    assert found["prefix.out"][:, 0].tolist() == [3, 4, 4, 7]


def test_a_learner_that_goes_on_counts_the_same_to_the_last_bit(artifact: Artifact) -> None:
    for blank in (True, False):
        learner = Learner(artifact, blank=blank)
        flows = network(7)
        for hour in range(9):
            if hour == 4:
                other = Learner(artifact, blank=True)
                other.restore(
                    {"hosts": learner.hosts.tensors(), "pairs": learner.pairs.tensors()}, learner.facts()
                )
            for one in (learner, other) if hour >= 4 else (learner,):
                one.learn(build_graph(flows), np.zeros(len(flows), bool), at(flows, hour).time_ms)
                one.merge()
        mine = learner.merge()
        memory = other.merge()
        assert mine.keys() == memory.keys()
        assert all(np.array_equal(mine[name], memory[name]) for name in mine if name.startswith("prefix."))
        assert mine["prefix.pair_key"].size
