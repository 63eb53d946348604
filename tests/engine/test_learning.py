"""A run that learns: cold and warm starts, going on from a snapshot, an attacker who repeats himself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from morpheus_gae.detect import follow, listening
from morpheus_gae.detect.adaptive import RISE
from morpheus_gae.detect.learner import BLOCK_MS
from morpheus_gae.detect.threshold import surprise_of_rate
from morpheus_gae.engine.learning import LearnGae, Learning
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.window import Window
from morpheus_gae.errors import UsageError
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact
from tests.support import make_flows

HOUR = 1000


class Fixed(CpuExecutor):
    """As one whose memory lies on a device."""

    reopens = False


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is enough to listen to, an hour has a thousand flows."""
    monkeypatch.setattr(listening, "FLOWS", 8 * HOUR)
    monkeypatch.setattr(listening, "SUPPORT", 10.0)
    monkeypatch.setattr(follow, "LEAST", 2 * HOUR)


def hour(number: int, hosts: int = 40, count: int = HOUR) -> Flows:
    flows = make_flows(count, hosts=hosts, seed=number)
    at = number * BLOCK_MS + np.arange(count) * (BLOCK_MS // count)
    return dataclasses.replace(flows, time_ms=at.astype(np.int64))


def learning_of(artifact: Artifact, said: list[str] | None = None, **told: Any) -> tuple[Learning, Metrics]:
    metrics = Metrics()
    settings = Settings(learn=True).overridden({"alert_rate": 0.01, **told})
    say = (lambda line: None) if said is None else said.append
    return Learning(CpuExecutor(artifact), settings, metrics, say), metrics


def take(learning: Learning, flows: Flows) -> np.ndarray:
    scores, threshold = learning.take(build_graph(flows), flows.time_ms)
    return scores.surprise >= threshold


def scan(number: int, pairs: int = 30) -> Flows:
    """An attacker's flows: a host that nobody knows to each of thirty others, each hour the same."""
    flows = make_flows(pairs, hosts=40, seed=5)
    victims = np.unique(hour(0).dst_lo)[:pairs]
    return dataclasses.replace(
        flows,
        src_hi=np.zeros(pairs, np.uint64),
        src_lo=np.full(pairs, (0xFFFF << 32) | (198 << 24) | 77, np.uint64),
        dst_hi=np.zeros(pairs, np.uint64),
        dst_lo=np.resize(victims, pairs),
        attributes=np.tile(np.float32([40, 0, 0]), (pairs, 1)),
        duration_missing=np.zeros(pairs, bool),
        time_ms=np.full(pairs, number * BLOCK_MS + BLOCK_MS // 2, np.int64),
    )


def test_an_unknown_network_is_listened_to_first(tiny_models: dict[str, Artifact]) -> None:
    said: list[str] = []
    learning, metrics = learning_of(tiny_models["default"], said)
    flagged = [take(learning, hour(n)) for n in range(16)]
    over = next(i for i, line in enumerate(said) if line.startswith("Alerts begin"))
    assert "does not know" in said[0]
    assert "no alerts for 8,000 flows" in said[0]
    assert all(line.startswith("Listening: ") for line in said[1:over])
    assert len(said) == over + 1
    begun = next(i for i, f in enumerate(flagged) if f.any())
    assert 8 <= begun <= 14
    assert not any(f.any() for f in flagged[:8])
    late = np.concatenate(flagged[begun:])
    assert late.mean() < 0.03
    assert metrics.learning["listening"] == 0
    assert metrics.learning["learnt"] > 100
    assert metrics.learnt_flows > 15 * HOUR


def test_a_network_that_the_model_knows_is_alerted_on_from_the_first_window(
    tiny_models: dict[str, Artifact],
) -> None:
    said: list[str] = []
    artifact = tiny_models["default"]
    learning, metrics = learning_of(artifact, said, alert_rate=0.02)
    known = hour(0, hosts=30)
    flagged = take(learning, concat([known, scan(0)]))
    assert "Learning on from what default@" in said[0]
    assert flagged[-30:].all()
    assert flagged[:-30].mean() < 0.2
    assert metrics.learning["listening"] == 0


def test_at_first_the_threshold_rises_to_a_third_of_the_rate_at_most(
    tiny_models: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fifth of the flows are attacks among hosts that know each other."""
    monkeypatch.setattr(listening, "FLOWS", 100 * HOUR)
    monkeypatch.setattr(follow, "EARLY", 2 * HOUR)
    artifact = tiny_models["default"]
    learning, _ = learning_of(artifact, alert_rate=0.02)
    own = surprise_of_rate(artifact, 0.02)
    thresholds, wanted = [], []
    for n in range(8):
        flows = hour(n, hosts=30)
        flows.attributes[::5] = np.float32([3e9, 7, 3e8])
        thresholds.append(float(learning.take(build_graph(flows), flows.time_ms)[1]))
        wanted.append(float(learning._recent.threshold(0.02)))
    assert thresholds[0] == pytest.approx(own)
    assert max(wanted) > own + RISE + 0.5
    assert max(thresholds) == pytest.approx(own + RISE)


def test_an_attacker_who_repeats_himself_for_a_day_stays_flagged(tiny_models: dict[str, Artifact]) -> None:
    learning, _ = learning_of(tiny_models["default"])
    for n in range(16):
        take(learning, hour(n))
    found = [take(learning, concat([hour(n), scan(n)]))[-30:].mean() for n in range(16, 64)]
    # two days of it, every hour: 3 % of all flows, at a budget of 1 %
    assert min(found) == 1.0
    # whereas one who was not found at first is no stranger tomorrow: that is what learning means
    learner = learning._learner
    assert learner is not None
    assert learner.counts()["barred"] == 30


def test_a_service_that_is_new_is_flagged_and_learnt_once_it_is_no_longer_strange(
    tiny_models: dict[str, Artifact],
) -> None:
    learning, _ = learning_of(tiny_models["default"])
    for n in range(16):
        take(learning, hour(n))
    shares = [take(learning, hour(n, hosts=41)).mean() for n in range(16, 16 + 24 * 9)]
    assert shares[0] > 0.5
    assert np.mean(shares[-24:]) < 0.05


def test_a_snapshot_goes_on_to_the_last_bit(tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    windows = [concat([hour(n), scan(n)]) if n % 3 else hour(n) for n in range(22)]
    whole, _ = learning_of(artifact)
    wanted = []
    for flows in windows:
        scores, threshold = whole.take(build_graph(flows), flows.time_ms)
        wanted.append((scores.surprise, threshold))
    for cut in (1, 5, 9, 13, 20):
        before, _ = learning_of(artifact)
        for flows in windows[:cut]:
            take(before, flows)
        snapshot = before.snapshot()
        assert snapshot is not None
        kept = {name: t.copy() for name, t in snapshot.tensors.items()}
        # what goes on must not change what was taken
        take(before, windows[cut])
        assert all(np.array_equal(kept[name], t) for name, t in snapshot.tensors.items())
        after, _ = learning_of(artifact)
        after.restore(snapshot)
        for flows, (surprise, threshold) in zip(windows[cut:], wanted[cut:], strict=True):
            scores, found = after.take(build_graph(flows), flows.time_ms)
            assert np.array_equal(scores.surprise, surprise)
            assert found == threshold


def test_a_threshold_that_is_told_stays(tiny_models: dict[str, Artifact]) -> None:
    learning, _ = learning_of(tiny_models["default"], alert_rate=None, threshold=0.999)
    found = set()
    for n in range(20):
        flows = hour(n)
        found.add(float(learning.take(build_graph(flows), flows.time_ms)[1]))
    assert found == {np.inf, float(np.float32(-np.log1p(-0.999)))}


def test_models_without_memory_and_executors_that_keep_theirs_are_refused(
    tiny_models: dict[str, Artifact],
) -> None:
    with pytest.raises(UsageError, match="needs a model with a memory"):
        learning_of(tiny_models["published"])
    with pytest.raises(UsageError, match="works with --executor cpu"):
        Learning(Fixed(tiny_models["default"]), Settings(learn=True), Metrics(), lambda line: None)


def test_the_operator_takes_snapshots_when_they_are_due(tiny_models: dict[str, Artifact]) -> None:
    now = [0.0]
    learning, metrics = learning_of(tiny_models["default"])
    stage = LearnGae(learning, metrics, remember=True, seconds=5.0, clock=lambda: now[0])
    kept = []
    for n in range(6):
        flows = hour(n)
        (out,) = stage.process(Window(flows, build_graph(flows)))
        kept.append(out.snapshot is not None)
        assert out.threshold == np.inf
        assert out.graph is None
        now[0] += 2.0
    assert kept == [True, False, False, True, False, False]
    assert (metrics.flows, metrics.windows) == (6 * HOUR, 6)
    said: list[str] = []
    learning._say = said.append
    assert stage.finish() == ()
    assert said[0].startswith("Still listening at the end, after 6,000 flows")
    silent = LearnGae(learning, metrics)
    flows = hour(7)
    (out,) = silent.process(Window(flows, build_graph(flows)))
    assert out.snapshot is None
