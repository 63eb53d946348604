from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morpheus_gae.detect.histogram import BINS_PER_OCTAVE, DecayingHistogram
from morpheus_gae.detect.recent import QUANTILES, RecentScores

F32 = np.float32
SURPRISE = hnp.arrays(F32, st.integers(1, 200), elements=st.floats(0, 1000, width=32))
BIN = 2 ** (1 / BINS_PER_OCTAVE)


def model(surprise: np.ndarray) -> Any:
    p = np.linspace(0, 1, 1001)
    return SimpleNamespace(name="m", hash="h", quantiles=(p, np.quantile(surprise, p)))


def exponential(n: int, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(scale, n).astype(F32)


@given(SURPRISE, st.floats(0.001, 1))
@settings(max_examples=50, deadline=None)
def test_a_quantile_is_within_a_bin_of_the_exact_one(surprise: np.ndarray, rate: float) -> None:
    histogram = DecayingHistogram(10**12)
    histogram.add(surprise)
    found = float(histogram.exceeded_by(rate))
    exact = np.sort(surprise)[::-1][min(int(np.ceil(rate * len(surprise))), len(surprise)) - 1]
    assert (1 + exact) / BIN * (1 - 1e-5) <= 1 + found <= (1 + exact) * BIN * (1 + 1e-5)


@given(SURPRISE)
@settings(max_examples=30, deadline=None)
def test_saved_and_restored_is_the_same_to_the_bit(surprise: np.ndarray) -> None:
    one = DecayingHistogram(500)
    one.add(surprise)
    one.add(surprise[:1], flows=100)
    other = DecayingHistogram(500)
    other.add(surprise[::-1])
    other.restore(json.loads(json.dumps(one.as_dict())))
    np.testing.assert_array_equal(one.mass, other.mass)
    shares = one.share_below([0.0, 10.0, 5000.0])
    assert shares[0] == 0.0
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] == pytest.approx(1.0)


def test_older_flows_count_less() -> None:
    histogram = DecayingHistogram(1000)
    histogram.add(np.full(1000, 1.0, F32))
    histogram.add(np.full(1000, 9.0, F32))
    assert histogram.share_below(5.0) == pytest.approx(1 / 3)


def test_a_sample_stands_for_its_window() -> None:
    recent, whole = RecentScores(), RecentScores()
    surprise = exponential(200_000)
    recent.add(surprise)
    whole._histogram.add(surprise)
    assert recent._histogram.mass.sum() == pytest.approx(200_000)
    for q in QUANTILES[:3]:
        assert recent.quantiles()[q] == pytest.approx(whole.quantiles()[q], rel=0.15)


def test_no_drift_on_the_models_own_flows_and_much_on_others() -> None:
    recent = RecentScores()
    recent.follow(model(exponential(50_000)))
    assert recent.drift() is None
    for seed in range(5):
        recent.add(exponential(4000, seed=seed + 1))
    assert recent.drift() == pytest.approx(0, abs=0.02)
    for seed in range(5):
        recent.add(exponential(400_000, scale=3.0, seed=seed))
    drift = recent.drift()
    assert drift is not None
    assert drift > 0.25


def test_another_model_begins_anew() -> None:
    recent = RecentScores()
    recent.follow(model(exponential(1000)))
    recent.add(exponential(1000))
    recent.follow(model(exponential(1000, 2.0)))
    assert recent.quantiles() == {}


def test_a_model_whose_scores_are_all_alike_or_without_quantiles() -> None:
    recent = RecentScores()
    recent.follow(model(np.zeros(10)))
    recent.add(np.zeros(10, F32))
    drift = recent.drift()
    assert drift is not None
    assert np.isfinite(drift)
    recent.follow(SimpleNamespace(name="m", hash="x", quantiles=(np.zeros(0), np.zeros(0))))  # type: ignore[arg-type]
    recent.add(np.zeros(10, F32))
    assert recent.drift() is None
    recent.add(np.zeros(0, F32))
