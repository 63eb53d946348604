"""What came in one fold alone counts as one flow; what comes back counts in full."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from morpheus_gae.train.returned import shares

COUNTS = some.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=st.integers(0, 5000)
)


def test_a_burst_counts_once() -> None:
    folds = np.array([[500, 0, 4], [0, 0, 4], [0, 1, 4]], np.float32)
    np.testing.assert_allclose(shares(folds.sum(0), folds) * folds.sum(0), [1, 1, 12], rtol=1e-5)


def test_the_busiest_fold_counts_for_the_others_and_one() -> None:
    folds = np.array([[90], [5], [6]], np.float32)
    np.testing.assert_allclose(shares(folds.sum(0), folds) * 101, [11 + 12], rtol=1e-5)


def test_what_an_earlier_model_knew_has_come_back() -> None:
    folds = np.array([[40.0], [0.0]], np.float32)
    assert shares(np.array([90.0], np.float32), folds)[0] == 1
    assert shares(np.array([0.0], np.float32), np.zeros((2, 1), np.float32))[0] == 1


def test_counts_that_a_float32_rounds() -> None:
    # all in one fold, and a rest below it of other folds that are taken off
    folds = np.array([[2e7, 1 << 24, 1e8, 20_000_004], [0, 0, 0, 0]], np.float32)
    whole = np.array([2e7, 1 << 24, 1e8, 20_000_002], np.float32)
    np.testing.assert_allclose(shares(whole, folds) * whole, 1, rtol=1e-6)


@given(COUNTS)
def test_no_fold_has_the_greater_part_by_more_than_one(folds: np.ndarray) -> None:
    whole = folds.sum(0)
    share = shares(whole, folds)
    assert share.dtype == np.float32
    assert ((share > 0) & (share <= 1)).all()
    counted = np.round(share * whole)
    most = folds.max(0)
    np.testing.assert_array_equal(counted, whole - most + np.minimum(most, whole - most + 1))


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_the_order_of_the_folds_says_nothing(folds: np.ndarray, seed: int) -> None:
    mixed = np.random.default_rng(seed).permutation(folds)
    np.testing.assert_array_equal(shares(folds.sum(0), folds), shares(folds.sum(0), mixed))
