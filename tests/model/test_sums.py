"""Sums of counters: memories add up, whatever a flow counts for."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.model.sums import less, moments, sums_of


def weighted(flows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sums of one row, float64 [1, 7]."""
    parts = [weight.sum(keepdims=True), *((weight[:, None] * f).sum(0) for f in (flows, flows**2))]
    return np.concatenate(parts)[None]


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 5),
    st.sampled_from([1.0, 0.3, 0.01]), st.booleans(),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_parts_of_a_memory_merge_to_the_whole(
    seed: int, flows: int, parts: int, most: float, burst: bool
) -> None:
    """Flows that count in parts keep their spread, were they one flow in all or fewer."""
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.normal(0, 3, 3), rng.uniform(0.1, 2, 3), (flows, 3))
    weight = most * rng.uniform(0.1, 1, flows)
    if burst:
        weight /= weight.sum()
    whole = moments(weighted(x, weight))
    mean = (weight[:, None] * x).sum(0) / weight.sum()
    spread = np.sqrt((weight[:, None] * (x - mean) ** 2).sum(0) / weight.sum())
    expected = np.concatenate([[weight.sum()], mean, spread])
    np.testing.assert_allclose(whole[0], expected, rtol=1e-5, atol=1e-5)
    part = np.sort(rng.integers(0, parts, flows))
    merged = sum(sums_of(moments(weighted(x[part == p], weight[part == p]))) for p in range(parts))
    np.testing.assert_allclose(moments(np.asarray(merged)), whole, rtol=1e-4, atol=2e-3)
    # and again and again
    again = whole
    for _ in range(5):
        again = moments(sums_of(again))
    np.testing.assert_allclose(again, whole, rtol=1e-5, atol=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=100, deadline=None)
def test_equal_flows_have_no_spread(seed: int, flows: int, kind: type) -> None:
    x = np.repeat(np.random.default_rng(seed).normal(0, 5, (1, 3)).astype(np.float32), flows, 0)
    found = moments(weighted(x.astype(np.float64), np.ones(flows)).astype(kind))
    assert not found[0, 4:].any()
    np.testing.assert_allclose(found[0, :4], [flows, *x[0]], rtol=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(10, 100_000))
@settings(max_examples=50, deadline=None)
def test_what_is_left_of_many_has_no_spread_of_their_rounding(seed: int, left: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    one = np.repeat(rng.normal(3, 1, (1, 3)), left, 0)
    mine, rest = (
        weighted(x, np.ones(x.shape[0])).astype(np.float32) for x in (one, rng.normal(3, 1, (others, 3)))
    )
    found = moments(less((mine + rest).astype(np.float32), rest))
    assert found[0, 0] == left
    assert not found[0, 4:].any()


def test_what_is_left_keeps_its_spread() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(1, 2, (5000, 3))
    some = np.arange(5000) < 400
    whole, rest = (weighted(a, np.ones(a.shape[0])).astype(np.float32) for a in (x, x[~some]))
    np.testing.assert_allclose(moments(less(whole, rest))[0, 4:], x[some].std(0), rtol=1e-3)


def test_nothing_is_nothing() -> None:
    assert not moments(np.zeros((3, 7))).any()
    assert moments(np.zeros((3, 7)), np.ones(3))[:, 0].tolist() == [1, 1, 1]
