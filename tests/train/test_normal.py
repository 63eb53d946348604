"""What is normal: curves and weights from benign windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.model.evidence import MOST_NEW, STEEPEST, UPTO
from morpheus_gae.train.normal import RARE, WEIGHTS, Shown, Spread, curve


@given(n=st.integers(0, 3000), scale=st.floats(0, 1e4), ties=st.booleans(), seed=st.integers(0, 99))
def test_a_curve_rises_from_nothing_and_never_too_fast(n: int, scale: float, ties: bool, seed: int) -> None:
    sums = np.random.default_rng(seed).exponential(scale, n) if scale else np.zeros(n)
    x, y = curve(np.floor(sums) if ties else sums)
    assert x.dtype == y.dtype == np.float32
    assert x.shape == y.shape
    assert x.shape[0] >= 2
    assert x[0] >= 0
    assert y[0] == 0
    assert y[-1] <= MOST_NEW
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert (np.diff(y.astype(float)) <= STEEPEST * np.diff(x.astype(float))).all()


def test_few_new_pairs_cannot_say_what_is_rare() -> None:
    assert not curve(np.array([1.0, 50.0, 400.0]))[1].any()
    assert curve(np.linspace(0, 50, 100))[1].max() == pytest.approx(np.log(101) - RARE, abs=0.1)
    assert curve(np.linspace(0, 50, 5000))[1].max() == pytest.approx(MOST_NEW)


def test_a_curve_says_how_few_had_as_much() -> None:
    sums = np.random.default_rng(0).exponential(10, 20_000)
    x, y = curve(sums)
    for level in (0.5, 1.0, 2.0):
        at = np.interp(level, y, x)
        assert (sums >= at).mean() == pytest.approx(np.exp(-level - RARE), rel=0.1)


@given(seed=st.integers(0, 99), between=st.sampled_from([0.2, 1.0]))
def test_the_more_entities_differ_the_lighter_is_the_past(seed: int, between: float) -> None:
    rng = np.random.default_rng(seed)
    number = rng.integers(2, 40, 4000).astype(float)
    excess = rng.normal(0, between, 4000) + rng.normal(0, 1 / np.sqrt(number))
    # of a sample of that number
    within = (number - 1) / number * rng.chisquare(number - 1) / (number - 1)
    found = Spread()
    # in two windows, of one entity and of the others
    found.add(number[:1], excess[:1], within[:1])
    found.add(number[1:], excess[1:], within[1:])
    assert found.weight() == pytest.approx(np.clip(3 / between**2, *WEIGHTS), rel=0.6)


def test_where_nothing_repeats_the_past_is_all() -> None:
    one = np.ones(5)
    found = Spread()
    assert found.weight() == WEIGHTS[1]
    found.add(one, one, np.zeros(5))
    assert found.weight() == WEIGHTS[1]


def test_what_is_expected_leaves_a_fold_out() -> None:
    shown = Shown(np.zeros((2, 3)), np.zeros((2, 3)))
    unit = 1 << 20
    shown.add(0, np.array([0, -1, 1]), np.array([10, 99, 4]), np.array([20, 99, 4]) * unit)
    shown.add(1, np.array([0]), np.array([30]), np.array([30]) * unit)
    assert shown.expected(0.5, 10.0, None) == pytest.approx([(50 + 5) / 50, (4 + 5) / 14, 0.5])
    assert shown.expected(0.5, 10.0, 0) == pytest.approx([(30 + 5) / 40, 0.5, 0.5])
    assert shown.expected(0.5, 10.0, 1) == pytest.approx([(20 + 5) / 20, 9 / 14, 0.5])
    assert shown.expected(99.0, 10.0, None).max() == UPTO
