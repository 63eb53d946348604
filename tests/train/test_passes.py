"""Passes over all flows, block by block, give what NumPy gives at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.graph.build import build_graph
from morpheus_gae.train import passes, spool
from morpheus_gae.train.prepare import _moments
from tests.support import make_flows


@given(st.integers(0, 500), st.integers(1, 20), st.integers(0, 99))
def test_sums_are_those_of_bincount(count: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index, x = rng.integers(0, rows, count), rng.normal(0, 100, (count, 4)).astype(np.float32)
    out, more = np.zeros((rows, 7)), np.zeros((rows, 4))
    cut = count // 3
    for part in (slice(cut), slice(cut, None)):
        passes.add_sums(index[part], x[part, :3], out)
        passes.add_rows(index[part], x[part], more)
    assert (out[:, 0] == np.bincount(index, minlength=rows)).all()
    for c in range(3):
        assert (out[:, 1 + c] == np.bincount(index, x[:, c], rows)).all()
        assert (out[:, 4 + c] == np.bincount(index, x[:, c].astype(np.float64) ** 2, rows)).all()
        assert (more[:, c] == out[:, 1 + c]).all()


@settings(deadline=None)
@given(st.integers(1, 400), st.floats(0, 1), st.integers(0, 99), st.booleans())
def test_the_graph_of_some_flows_is_the_one_built_of_them(
    count: int, share: float, seed: int, small: bool
) -> None:
    flows = make_flows(count, seed=seed, v6=0.3)
    kept = np.random.default_rng(seed).random(count) < share
    before = spool.BLOCK
    try:
        # the default of blocks() is bound when it is defined
        spool.blocks.__defaults__ = (7 if small else before,)
        found = passes.kept_graph(build_graph(flows), kept, spool.Spool())
    finally:
        spool.blocks.__defaults__ = (before,)
    whole = build_graph(flows.take(kept))
    for name in ("pair", "pair_src", "pair_dst", "pair_flows", "host_hi", "host_lo", "attributes"):
        a, b = getattr(found, name), getattr(whole, name)
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, err_msg=name)
    np.testing.assert_array_equal(found.duration_missing, whole.duration_missing)


def test_moments_are_those_of_all_flows_at_once() -> None:
    attributes = np.random.default_rng(0).exponential(1e4, (spool.BLOCK + 77, 3)).astype(np.float32)
    attributes[:, 1] = 5
    mean, scale = _moments(attributes)
    logs = np.log1p(attributes)
    assert mean == pytest.approx(logs.mean(0, dtype=np.float64), rel=1e-6)
    assert scale == pytest.approx(np.maximum(logs.std(0, dtype=np.float64), 1e-2), rel=1e-6)
