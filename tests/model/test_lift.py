"""Shares of flow types: of all traffic, whatever pairs it is cut into."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import UsageError
from morpheus_gae.model.lift import shares_of
from morpheus_gae.model.spec import ModelSpec


@given(seed=st.integers(0, 1000), pairs=st.integers(0, 30), types=st.integers(1, 12))
def test_shares_are_above_0_and_sum_to_1(seed: int, pairs: int, types: int) -> None:
    counts = (np.random.default_rng(seed).random((pairs, types)) * 6e4).astype(np.float16)
    shares = shares_of(counts)
    assert shares.dtype == np.float32
    assert shares.shape == (types,)
    assert (shares > 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-5)


def test_shares_are_those_of_the_flows() -> None:
    counts = np.array([[99, 0], [0, 499], [0, 400]], np.float16)
    np.testing.assert_allclose(shares_of(counts), [0.1, 0.9])


def test_many_small_counts_are_not_lost() -> None:
    # 70,000 is more than a float16 holds
    counts = np.ones((70_000, 2), np.float16)
    counts[:, 1] = 3
    np.testing.assert_allclose(shares_of(counts), [0.25, 0.75], rtol=1e-4)


def test_lift_needs_flow_types() -> None:
    with pytest.raises(UsageError, match="flow types"):
        ModelSpec(flow_types=0, lift=True)
