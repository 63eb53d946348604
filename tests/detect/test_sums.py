"""Sums of counters."""

from __future__ import annotations

import numpy as np

from morpheus_gae.detect.sums import moments, sums_of


def test_sums_and_moments_are_inverse() -> None:
    rng = np.random.default_rng(0)
    counters = np.concatenate(
        [rng.integers(2, 50, (20, 1)), rng.normal(0, 2, (20, 3)), rng.random((20, 3))], 1
    ).astype(np.float32)
    np.testing.assert_allclose(moments(sums_of(counters)), counters, rtol=1e-4, atol=1e-4)
    assert not moments(np.zeros((3, 7))).any()
