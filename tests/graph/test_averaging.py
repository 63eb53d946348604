from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.graph.averaging import GRAIN, neighbour_average
from morpheus_gae.graph.parallel import HELPERS


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 20), st.integers(0, 80), st.integers(0, 1000))
def test_renumbering_hosts_and_pairs_changes_nothing(hosts, pairs, seed):
    rng = np.random.default_rng(seed)
    src, dst = (rng.integers(0, hosts, pairs).astype(np.int32) for _ in range(2))
    o = rng.random((hosts, 8)).astype(np.float32)
    y, sweeps, _ = neighbour_average(o, src, dst, tolerance=0.0, max_sweeps=20)
    new, order = rng.permutation(hosts).astype(np.int32), rng.permutation(pairs)
    z, again, _ = neighbour_average(
        np.ascontiguousarray(o[np.argsort(new)]),
        new[src[order]],
        new[dst[order]],
        tolerance=0.0,
        max_sweeps=20,
    )
    np.testing.assert_allclose(z[new], y, atol=1e-6)
    assert sweeps == again == 20


def test_the_last_change_bounds_the_distance_to_the_fixed_point():
    rng = np.random.default_rng(0)
    src, dst = (rng.integers(0, 40, 90).astype(np.int32) for _ in range(2))
    o = rng.random((40, 8)).astype(np.float32)
    exact, _, _ = neighbour_average(o, src, dst, tolerance=1e-7, max_sweeps=60)
    for tolerance in (1e-1, 1e-2, 1e-3):
        y, _, change = neighbour_average(o, src, dst, tolerance=tolerance)
        assert abs(y - exact).max() <= change + 1e-6 < tolerance + 1e-6


def test_equal_hosts_stay_as_they_are_and_one_without_pairs_halves():
    o = np.ones((3, 8), np.float32)
    y, sweeps, change = neighbour_average(o, np.array([0], np.int32), np.array([1], np.int32))
    np.testing.assert_array_equal(y[:, 0], [1, 1, 0.5])
    assert (sweeps, change) == (2, 0.0)


def test_the_same_input_gives_the_same_bits_and_is_not_written_to():
    rng = np.random.default_rng(1)
    src, dst = (rng.integers(0, 50, 300).astype(np.int32) for _ in range(2))
    o = rng.random((50, 8)).astype(np.float32)
    kept = o.copy()
    first, second = (neighbour_average(o, src, dst)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(o, kept)


def test_no_hosts():
    none = np.empty(0, np.int32)
    y, sweeps, change = neighbour_average(np.empty((0, 8), np.float32), none, none)
    assert (y.shape, sweeps, change) == ((0, 8), 0, np.inf)


def test_threads_change_no_bit(monkeypatch):
    rng = np.random.default_rng(2)
    n = 5 * GRAIN
    src, dst = (rng.integers(0, n, 4 * n).astype(np.int32) for _ in range(2))
    o = rng.random((n, 8)).astype(np.float32)
    found = []
    for threads in (1, 4):
        monkeypatch.setattr(HELPERS, "threads", threads)
        found.append(neighbour_average(o, src, dst))
    np.testing.assert_array_equal(found[0][0].view(np.uint32), found[1][0].view(np.uint32))
    assert found[0][1:] == found[1][1:]
