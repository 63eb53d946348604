"""Evidence over the graph: order shows nowhere, nothing supports itself, nothing is raised without end."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.model.evidence import (
    FROM,
    MOST,
    MOST_KNOWN,
    MOST_SOURCE,
    ONE,
    UPTO,
    Evidence,
    evidence_of,
    raises,
)

MODEL = Evidence(
    pair=np.array([0.0, 0.5, 2.0], np.float32),
    source=np.array([0.0, 0.3, 1.5], np.float32),
    unknown=0.4,
    flows=4.0,
    pairs=2.0,
    window=50.0,
    new_x=np.array([2, 6, 12], np.float32),
    new_y=np.array([0, 1, 3], np.float32),
)


class Window(NamedTuple):
    """Arguments of ``raises``."""

    surprise: np.ndarray
    pair: np.ndarray
    pair_src: np.ndarray
    known_pair: np.ndarray
    known_host: np.ndarray


def window(seed: int, flows: int = 60, pairs: int = 12, hosts: int = 5) -> Window:
    rng = np.random.default_rng(seed)
    pair = np.concatenate([np.arange(pairs), rng.integers(0, pairs, max(flows - pairs, 0))])
    return Window(
        rng.exponential(2.5, pair.shape[0]).astype(np.float32),
        rng.permutation(pair),
        rng.integers(0, hosts, pairs),
        rng.integers(-1, 3, pairs),
        rng.integers(-1, 3, hosts),
    )


seeds = st.integers(0, 10_000)


@given(seed=seeds)
def test_order_and_numbers_show_nowhere(seed: int) -> None:
    w = window(seed)
    rng = np.random.default_rng(seed)
    flows, pairs, hosts = (rng.permutation(n) for n in (60, 12, 5))
    pair_src, known_pair, known_host = np.empty_like(w.pair_src), np.empty(12, int), np.empty(5, int)
    pair_src[pairs], known_pair[pairs], known_host[hosts] = hosts[w.pair_src], w.known_pair, w.known_host
    other = raises(MODEL, w.surprise[flows], pairs[w.pair][flows], pair_src, known_pair, known_host)
    np.testing.assert_array_equal(other, raises(MODEL, *w)[flows])


@given(seed=seeds, own=st.floats(0, 1e6, width=32))
def test_a_flow_does_not_raise_itself(seed: int, own: float) -> None:
    w = window(seed)
    changed = w.surprise.copy()
    changed[0] = own
    np.testing.assert_allclose(raises(MODEL, changed, *w[1:])[0], raises(MODEL, *w)[0], rtol=1e-6, atol=1e-6)


@given(seed=seeds, scale=st.floats(0.01, 1e6))
def test_raises_are_bounded(seed: int, scale: float) -> None:
    w = window(seed)
    added = raises(MODEL, (w.surprise * scale).astype(np.float32), *w[1:])
    assert added.dtype == np.float32
    assert ((added >= 0) & (added <= MOST)).all()


@given(seed=seeds)
def test_flows_of_a_pair_stay_in_the_order_of_their_own_surprises(seed: int) -> None:
    w = window(seed, 200)
    told = w.surprise + raises(MODEL, *w)
    for p in range(12):
        mine = np.flatnonzero(w.pair == p)
        order = mine[np.argsort(w.surprise[mine])]
        assert (np.diff(told[order]) > 0).all()


def test_ordinary_flows_raise_nobody() -> None:
    w = window(3)
    calm = np.minimum(w.surprise, np.float32(FROM))
    assert not raises(MODEL, calm, *w[1:]).any()


def told(surprise: list[float], known_pair: int, known_host: int = 0) -> np.ndarray:
    """Raises in a window of one pair."""
    n = len(surprise)
    none = np.zeros(n, int)
    return raises(
        MODEL, np.array(surprise, np.float32), none, none[:1], np.array([known_pair]), np.array([known_host])
    )


def test_a_known_pair_is_measured_against_its_own_past() -> None:
    # four others of 2 nats of evidence each: (8 - 4 e) / (4 + 4)
    assert told([5.0] * 5, 0) == pytest.approx(1.0)
    assert told([5.0] * 5, 1) == pytest.approx(0.75)
    # what it has always shown is nothing new
    assert not told([5.0] * 5, 2).any()
    assert told([99.0] * 10_000, 0).max() == MOST_KNOWN


def test_a_new_pair_by_how_much_it_shows_at_once() -> None:
    assert not told([6.0], -1).any()
    # one other has 3 nats: a quarter of the way from 2 to 6
    assert told([6.0, 6.0], -1) == pytest.approx(0.25)
    assert told([6.0] * 5, -1) == pytest.approx(3.0)


def test_a_larger_window_counts_for_no_more() -> None:
    few = told([6.0] * 3 + [0.0] * 47, -1)
    many = told([6.0] * 6 + [0.0] * 94, -1)
    # two others of three nats each; five in a window twice as large
    assert few[0] == pytest.approx(1.0)
    assert many[0] == pytest.approx(1.0 + (7.5 - 6) / 6 * 2)
    wide = replace(MODEL, window=100.0)
    whole = raises(
        wide, np.array([6.0] * 3 + [0.0] * 97, np.float32), np.zeros(100, int), np.zeros(1, int),
        np.array([-1]), np.array([0]),
    )  # fmt: skip
    assert whole[0] == pytest.approx(1.0)


def test_a_source_is_told_by_its_other_pairs_and_each_counts_once() -> None:
    pair = np.array([0, 1, 1, 1, 2])
    surprise = np.array([0.0, 5.0, 5.0, 5.0, 4.0], np.float32)
    got = raises(MODEL, surprise, pair, np.zeros(3, int), np.array([0, 0, 0]), np.array([0]))
    # the first flow: pairs of means 2 and 1 over nothing expected, two of them and the past's weight of two
    assert got[0] == pytest.approx((2 + 1) / (2 + 2))
    assert got[4] == pytest.approx((0 + 2) / 4)
    # a host that memory does not know is one of them
    unknown = raises(MODEL, surprise, pair, np.zeros(3, int), np.array([0, 0, 0]), np.array([-1]))
    assert unknown[0] == pytest.approx((3 - 2 * 0.4) / 4)
    far = raises(
        MODEL,
        np.full(400, 50, np.float32),
        np.arange(400),
        np.zeros(400, int),
        np.full(400, -1),
        np.array([0]),
    )
    assert far == pytest.approx(MOST_SOURCE)


def test_the_source_of_another_pair_counts_for_nothing() -> None:
    pair, pair_src = np.array([0, 1, 1]), np.array([0, 1])
    got = raises(MODEL, np.array([4, 9, 9], np.float32), pair, pair_src, np.array([0, 0]), np.array([0, 0]))
    assert got[0] == 0
    assert got[1] > 0


def test_evidence_is_a_whole_number() -> None:
    surprise = np.array([0, FROM, FROM + 0.5, FROM + UPTO, 1e30, np.inf], np.float32)
    assert evidence_of(surprise).tolist() == [0, 0, ONE // 2, *[round(UPTO * ONE)] * 3]
