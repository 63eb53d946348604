from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.model.calibration import STEEPEST, fit_tail, fuse

values = st.lists(st.floats(-20, 50, width=32), min_size=5, max_size=300)


@settings(deadline=None)
@given(values, st.sampled_from([np.inf, 3.0]))
def test_the_map_is_strictly_increasing_and_never_steep(sample, k):
    tail = fit_tail(np.array(sample, np.float32), k=k)
    assert (np.diff(tail.x) > 0).all()
    assert (np.diff(tail.y) > 0).all()
    assert (np.diff(tail.y) <= STEEPEST * np.diff(tail.x) * 1.01 + 1e-5).all()
    at = np.linspace(tail.x[0] - 5, tail.x[-1] + 20, 400).astype(np.float32)
    out = tail(at)
    assert (out > 0).all()
    assert (np.diff(out) >= 0).all()


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02, 0.002])
def test_the_map_says_how_rare_a_value_is(share):
    rng = np.random.default_rng(0)
    sample = rng.exponential(2.0, 50_000) + 3
    tail = fit_tail(sample, upto=0.999, k=3.0)
    at = np.quantile(sample, 1 - share).astype(np.float32)
    assert tail(np.array([at]))[0] == pytest.approx(-np.log(share), rel=0.06)


def test_a_far_outlier_saturates_late():
    tail = fit_tail(np.random.default_rng(0).exponential(1.0, 10_000), k=3.0)
    far = tail(np.array([50, 100], np.float32))
    assert 3 < far[0] < far[1] < 17


def test_fusing_takes_the_stranger_side_and_keeps_flows_apart():
    pair, flow = np.array([5, 5, 1], np.float32), np.array([1, 2, 6], np.float32)
    np.testing.assert_allclose(fuse(pair, flow), [5.01, 5.02, 6.01], rtol=1e-6)
