"""Activity: what is usual adds nothing, and what is added is bounded; no pair answers for another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.model.activity import MOST, Activity, Past, added, excess, raises

PRIOR = np.array([1.5, 0.1, 3.0, 0.5], np.float32)
MODEL = Activity(np.stack([PRIOR, PRIOR, PRIOR]))
counts = st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20)


def told(flows: list[int], past: list[float], out: list[float], into: list[float]) -> np.ndarray:
    """Raises of pairs from host 0, to a host of their own each, in a window of a tenth of memory's flows."""
    n = len(flows)
    of = Past(*(np.array(v, np.float64) for v in (past, out, into)), total=10.0 * sum(flows))
    return raises(MODEL, np.array(flows), np.zeros(n, int), np.arange(n) + 1, of)


@given(given_counts=counts, share=st.floats(1e-6, 1e3))
def test_what_is_added_is_bounded_and_needs_a_past(given_counts: list[tuple[int, int]], share: float) -> None:
    flows, past = (np.array(v, np.float64) for v in zip(*given_counts, strict=True))
    got = added(flows, past, share, PRIOR)
    assert ((got >= 0) & (got <= MOST)).all()
    assert not got[past == 0].any()


@given(past=st.integers(1, 10**6), share=st.floats(1e-3, 1e3))
def test_as_many_flows_as_usual_add_nothing_and_more_add_more(past: int, share: float) -> None:
    usual = (past + 1) * share
    flows = usual * np.array([0.0, 0.5, 1.0, 1.1, 2.0, 4.0, 8.0])
    got = added(flows, np.full(7, float(past)), share, PRIOR)
    assert not got[:4].any()
    assert (np.diff(got) >= 0).all()


def test_excess_is_in_units_of_the_spread_that_bursts_and_rates_have() -> None:
    # 10 expected: variance 1.5 * 10 * 2 + 0.1 * 100 + 1
    assert excess(np.array([19.0]), np.array([9.0]), 1.0, PRIOR) == pytest.approx(9 / np.sqrt(41))


def test_no_count_is_further_above_than_all_of_it() -> None:
    # executors look no pair up that has so few flows
    flows = np.arange(1.0, 50.0)
    assert (excess(flows, np.ones(49), 1e-9, PRIOR) <= flows).all()


def test_a_known_pair_answers_for_itself_alone() -> None:
    got = told([1000, 10], [10, 100], [110, 0, 0], [0, 10, 100])
    assert got[0] == MOST
    assert got[1] == 0


def test_a_new_pair_is_judged_by_its_busier_end() -> None:
    busy, calm = [10.0, 0, 0], [9000.0, 0, 0]
    assert told([500, 500], [0, 0], busy, [0, 0, 0]) == pytest.approx(MOST)
    assert not told([500, 500], [0, 0], calm, [0, 0, 0]).any()
    by_destination = told([500, 500], [0, 0], calm, [0, 10, 5000])
    assert by_destination[0] == MOST
    assert by_destination[1] == 0
    # nobody is known: nothing is usual
    assert not told([500, 500], [0, 0], [0, 0, 0], [0, 0, 0]).any()


def test_an_empty_memory_adds_nothing() -> None:
    none = Past(np.zeros(1), np.zeros(2), np.zeros(2), 0.0)
    got = raises(MODEL, np.array([9]), np.array([0]), np.array([1]), none)
    assert got.dtype == np.float32
    assert not got.any()


def test_a_busy_hour_of_everybody_is_no_news() -> None:
    past = np.array([100.0, 200.0, 300.0])
    of = Past(past, np.array([600.0, 0, 0, 0]), np.append(0, past), 600.0)
    for busy in (0.01, 0.1, 1, 1000):
        flows = (busy * past).astype(np.int64)
        assert not raises(MODEL, flows, np.zeros(3, int), np.arange(3) + 1, of).any()
