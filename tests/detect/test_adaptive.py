from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.detect.adaptive import MOST, OWN, AdaptiveThreshold, Followed
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.memory import host_keys
from tests.support import V4, make_flows

RATE = 0.01
HOSTS = 100


@pytest.fixture(scope="module")
def model(tiny_models: dict[str, Artifact]) -> Artifact:
    """A model that knows hosts 0 to 99, each as busy as the next, and whose own surprises are exponential."""
    one = tiny_models["default"]
    lo = np.arange(HOSTS, dtype=np.uint64) + V4
    key = host_keys(np.zeros(HOSTS, np.uint64), lo, one.memory.salt)
    p = np.linspace(0, 0.9999, 5000)
    tensors = {
        **one.tensors,
        "memory.host_key": np.sort(key),
        "memory.host_out": np.full((HOSTS, 7), 50, np.float32),
        "memory.host_in": np.full((HOSTS, 7), 50, np.float32),
        "quantiles.probability": p,
        "quantiles.surprise": -np.log1p(-p).astype(np.float32),
    }
    return dataclasses.replace(one, tensors=tensors)


def window(seed: int, n: int = 5000, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Surprise, and hosts, int [2, n] from ``first`` on."""
    rng = np.random.default_rng(seed)
    return rng.exponential(size=n), first + rng.integers(0, HOSTS, (2, n))


def between(ends: np.ndarray) -> Flows:
    n = ends.shape[1]
    zero = np.zeros(n, np.uint64)
    src, dst = (end.astype(np.uint64) + V4 for end in ends)
    return dataclasses.replace(make_flows(n), src_hi=zero, dst_hi=zero, src_lo=src, dst_lo=dst)


def attacked(seed: int, end: int | None = 0) -> tuple[np.ndarray, Flows, np.ndarray]:
    """A fifth of the flows is an attack: of one new host, or (None) among hosts that are known."""
    surprise, ends = window(seed)
    hit = np.random.default_rng(seed + 99).random(5000) < 0.2
    surprise[hit] = 9 + surprise[hit] / 10
    if end is not None:
        ends[end][hit] = 7000
    return surprise, between(ends), hit


@pytest.mark.parametrize("end", [0, 1])
def test_a_burst_counts_once(model: Artifact, end: int) -> None:
    rule = AdaptiveThreshold(RATE, artifact=model)
    for seed in range(5):
        surprise, flows, hit = attacked(seed, end)
        flagged = surprise >= rule.of_window(surprise, flows)
        assert flagged[hit].all()
        assert 0.005 < flagged[~hit].mean() < 0.02
    # whose flows they are is not known: what is a fifth of the traffic is not rare
    blind = AdaptiveThreshold(RATE, artifact=model)
    for seed in range(5):
        surprise, _, hit = attacked(seed, end)
        missed = surprise < blind.of_window(surprise)
    assert missed[hit].mean() > 0.9


def test_traffic_that_is_stranger_as_a_whole_moves_the_threshold(model: Artifact) -> None:
    rule = AdaptiveThreshold(RATE, artifact=model)
    for seed in range(8):
        surprise, ends = window(seed)
        flagged = 1.2 * surprise >= rule.of_window(1.2 * surprise, between(ends))
    assert 0.005 < flagged.mean() < 0.015


def test_on_its_own_network_it_rises_to_a_third_of_the_rate(model: Artifact) -> None:
    """What is a fifth of the flows of known hosts, and very strange, stays flagged."""
    rule, free = AdaptiveThreshold(RATE, artifact=model), AdaptiveThreshold(RATE, artifact=model)
    free._most = np.float32(np.inf)
    for seed in range(5):
        surprise, flows, hit = attacked(seed, None)
        threshold = rule.of_window(surprise, flows)
        missed = surprise < free.of_window(surprise, flows)
        assert threshold <= -np.log(RATE / 3) + 0.1
        assert (surprise >= threshold)[hit].all()
    assert missed[hit].mean() > 0.4


def test_a_flood_makes_no_network_unknown(model: Artifact) -> None:
    """Three quarters of the flows are of one new host: bursts still count once."""
    rule = AdaptiveThreshold(RATE, artifact=model)
    for seed in range(5):
        surprise, ends = window(seed)
        hit = np.random.default_rng(seed).random(5000) < 0.75
        surprise[hit] = 9 + surprise[hit] / 10
        ends[0][hit] = 7000
        flagged = surprise >= rule.of_window(surprise, between(ends))
        assert flagged[hit].all()
        assert flagged[~hit].mean() < 0.02
    assert rule.history.home


def test_on_an_unknown_network_each_flow_counts(model: Artifact) -> None:
    rule = AdaptiveThreshold(RATE, artifact=model)
    for seed in range(5):
        surprise, ends = window(seed, first=5000)
        flagged = surprise + 8 >= rule.of_window(surprise + 8, between(ends))
        assert flagged.mean() < 0.03


def test_it_begins_with_the_models_own_flows(model: Artifact) -> None:
    rule = AdaptiveThreshold(RATE, artifact=model)
    assert rule.history.mass.sum() == OWN / RATE
    few = np.zeros(10)
    assert rule.of_window(few, between(np.zeros((2, 10), int))) == pytest.approx(-np.log(RATE), rel=0.1)


def test_a_window_does_not_raise_its_own_threshold(model: Artifact) -> None:
    told = []
    for level in (0.0, 50.0):
        rule = AdaptiveThreshold(RATE, artifact=model)
        surprise, ends = window(1)
        rule.of_window(surprise, between(ends))
        told.append(rule.of_window(np.full(5000, level), between(ends)))
    assert told[0] == told[1]


@given(st.integers(0, 6))
def test_a_history_that_was_saved_goes_on_to_the_last_bit(model: Artifact, cut: int) -> None:
    given_windows = [attacked(seed, (0, 1, None)[seed % 3])[:2] for seed in range(7)]
    whole, first, rest = (AdaptiveThreshold(RATE, half_life=9000, artifact=model) for _ in range(3))
    expected = [whole.of_window(*w) for w in given_windows]
    told = [first.of_window(*w) for w in given_windows[:cut]]
    copy = first.history.copy()
    rest.history.restore(json.loads(json.dumps(first.history.as_dict())))
    told += [rest.of_window(*w) for w in given_windows[cut:]]
    assert told == expected
    assert copy.as_dict() == first.history.as_dict()


def test_what_was_saved_before_hosts_counted_once_is_taken(model: Artifact) -> None:
    old = AdaptiveThreshold(RATE)
    old.of_window(window(1)[0])
    saved = old.history.as_dict()
    del saved["hosts"]
    rule = AdaptiveThreshold(RATE, artifact=model)
    rule.history.restore(saved)
    assert rule.of_window(*attacked(1)[:2]) == old.of_window(attacked(1)[0])


ONE = {"key": [1, 2], "counted": [1.0, 1.0], "seen": [1.0, 2.0]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"hosts": 1},
        {"hosts": [ONE]},
        {"hosts": [ONE, {}]},
        {"hosts": [ONE, {**ONE, "seen": [1.0]}]},
        {"hosts": [ONE, {**ONE, "key": [2, 1]}]},
        {"hosts": [ONE, {**ONE, "key": [1, 1 << 70]}]},
        {"hosts": [ONE, {**ONE, "counted": [1.0, float("nan")]}]},
        {"hosts": [{**ONE, "seen": [1.0, -1.0]}, ONE]},
        {"flows": -1.0},
        {"known": "x"},
    ],
)
def test_what_is_no_history_is_refused(wrong: dict[str, object]) -> None:
    rule = AdaptiveThreshold(RATE)
    rule.of_window(window(1)[0])
    saved = {**rule.history.as_dict(), "hosts": [ONE, ONE]}
    AdaptiveThreshold(RATE).history.restore(saved)
    with pytest.raises(ValueError, match="history"):
        AdaptiveThreshold(RATE).history.restore({**saved, **wrong})


def test_hosts_that_are_followed_are_bounded() -> None:
    followed = Followed()
    for first in range(0, 4 * MOST, MOST):
        key = np.arange(first, first + MOST)
        followed.follow(key)
        followed.count(key)
        followed.fade(0.5)
        assert followed.sound
        assert followed.key.shape[0] <= MOST
    # the latest
    assert followed.key[0] == 3 * MOST
