from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.detect.adaptive import AdaptiveThreshold
from morpheus_gae.detect.histogram import BINS_PER_OCTAVE
from morpheus_gae.detect.threshold import (
    FixedThreshold,
    choose_threshold,
    extrapolated_budget,
    score_of_surprise,
    surprise_of_rate,
    surprise_of_score,
)
from morpheus_gae.errors import UsageError


def artifact() -> Any:
    """Benign surprises that are exactly exponential: the quantile at p is -ln(1 - p)."""
    p = np.array([0.0, 0.5, 0.9, 0.99, 0.999, 1.0])
    s = np.append(-np.log1p(-p[:-1]), 30.0)
    return SimpleNamespace(
        name="toy",
        thresholds={"0.001": 7.25, "0.01": 4.5},
        supported_budgets=("0.01",),
        spec=SimpleNamespace(memory=False),
        quantiles=(p, s),
    )


def test_threshold_zero_flags_every_flow() -> None:
    surprise = np.array([0.0, 1e-30, 5.0], np.float32)
    assert (surprise >= FixedThreshold(surprise_of_score(0.0)).of_window(surprise)).all()


@given(st.floats(0, 1))
def test_score_and_surprise_are_each_others_inverse(score: float) -> None:
    assert score_of_surprise(surprise_of_score(score)) == pytest.approx(score, abs=1e-7)


def test_score_one_flags_what_is_shown_as_one() -> None:
    surprise = np.array([36.0, 37.5, 400.0])
    flagged = surprise >= np.float32(surprise_of_score(1.0))
    assert flagged.tolist() == (score_of_surprise(surprise) == 1.0).tolist() == [False, True, True]


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan])
def test_threshold_that_is_no_score_is_refused(score: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        surprise_of_score(score)


def test_calibrated_budget_comes_from_the_artifact() -> None:
    assert surprise_of_rate(artifact(), 0.001) == 7.25
    assert surprise_of_rate(artifact(), 0.1 / 100) == 7.25


@given(st.floats(0.001, 1.0))
def test_other_rates_come_from_the_quantiles_between_the_budgets(rate: float) -> None:
    limits = {float(budget): limit for budget, limit in artifact().thresholds.items()}
    if not any(math.isclose(rate, budget, rel_tol=1e-9) for budget in limits):
        least = max((limit for budget, limit in limits.items() if budget > rate), default=0.0)
        most = min((limit for budget, limit in limits.items() if budget < rate), default=math.inf)
        expected = min(max(-math.log(rate), least), most)
        assert surprise_of_rate(artifact(), rate) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("rate", [0.0005, 1e-9, 0.0, 1.5])
def test_rates_beyond_the_quantiles_are_refused(rate: float) -> None:
    with pytest.raises(UsageError, match=r"rates 0.001 to 1, calibrated budgets 0.001, 0.01"):
        surprise_of_rate(artifact(), rate)


def test_a_smaller_rate_never_has_a_smaller_threshold() -> None:
    model = artifact()
    rates = [0.5, 0.1, 0.05, 0.02, 0.011, 0.01, 0.009, 0.002, 0.0011, 0.001]
    limits = [surprise_of_rate(model, r) for r in rates]
    assert limits == sorted(limits)


def test_default_is_one_flow_in_a_thousand() -> None:
    assert choose_threshold(artifact()).of_window(np.zeros(1, np.float32)) == np.float32(7.25)


@pytest.mark.parametrize("other", [{"alert_rate": 0.1}, {"adaptive": True}])
def test_fixed_threshold_excludes_the_others(other: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--alert_rate"):
        choose_threshold(artifact(), threshold=0.5, **other)


def test_adaptive_flags_about_the_rate_and_follows_the_stream() -> None:
    rng = np.random.default_rng(5)
    adaptive = choose_threshold(artifact(), alert_rate=0.01, adaptive=True)
    for level in (1.0, 1.0, 1.0):
        surprise = (level * rng.exponential(size=20_000)).astype(np.float32)
        assert (surprise >= adaptive.of_window(surprise)).mean() == pytest.approx(0.01, rel=0.25)


def test_adaptive_forgets() -> None:
    adaptive = AdaptiveThreshold(0.01, half_life=1_000)
    low, high = np.full(1_000, 1.0, np.float32), np.full(1_000, 9.0, np.float32)
    adaptive.of_window(high)
    for _ in range(12):
        last = adaptive.of_window(low)
    assert last < 2


def test_adaptive_threshold_of_a_window_does_not_come_from_itself() -> None:
    rng = np.random.default_rng(6)
    first = rng.exponential(size=1_000).astype(np.float32)
    second = [np.zeros(10, np.float32), np.full(5_000, 50, np.float32)]
    told = []
    for window in second:
        adaptive = AdaptiveThreshold(0.01)
        adaptive.of_window(first)
        told.append(adaptive.of_window(window))
    assert told[0] == told[1]


@given(
    st.lists(st.floats(0, 1e4, width=32), min_size=1, max_size=50),
    st.floats(0.001, 1.0),
)
def test_adaptive_is_deterministic_and_within_the_bins_of_the_quantile(
    values: list[float], rate: float
) -> None:
    surprise = np.array(values, np.float32)
    threshold = AdaptiveThreshold(rate).of_window(surprise)
    assert threshold == AdaptiveThreshold(rate).of_window(surprise)
    width = 2 ** (1 / BINS_PER_OCTAVE) * (1 + 1e-5)
    above = np.sort(surprise)[::-1][: max(math.ceil(rate * len(values)), 1)]
    # between the flow at the wanted rank and one bin beyond the flow before it
    assert 1 + threshold >= (1 + above[-1]) / width
    assert 1 + threshold <= (1 + above[0]) * width


@pytest.mark.parametrize("rate", [0.0, -1.0, 1.1])
def test_adaptive_refuses_what_is_no_rate(rate: float) -> None:
    with pytest.raises(UsageError, match="alert rate"):
        AdaptiveThreshold(rate)


def test_adaptive_bears_empty_and_absurd_windows() -> None:
    adaptive = AdaptiveThreshold(0.01)
    assert np.isfinite(adaptive.of_window(np.zeros(0, np.float32)))
    assert np.isfinite(adaptive.of_window(np.array([1e38], np.float32)))


def test_extrapolated_budgets_are_known() -> None:
    assert extrapolated_budget(artifact(), 0.001)
    assert not extrapolated_budget(artifact(), 0.01)
    assert not extrapolated_budget(artifact(), 0.5)
