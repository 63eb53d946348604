"""Contamination: what is set aside is an incident, and no more than was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.graph.build import build_graph
from morpheus_gae.train.contamination import renumbered, strangest, suspects
from tests.support import make_flows
from tests.train.test_recurrence import scan, sorted_by_time, strangers


def dirty():
    flows = sorted_by_time(make_flows(6000), scan(60, 10_000), scan(30, 40_000, into=True))
    return flows, build_graph(flows)


@pytest.mark.parametrize(
    ("share", "flows_aside"), [(None, 90), (0.0, 0), (0.011, 60), (0.006, 30), (0.4, 90)]
)
def test_the_largest_bursts_that_fit_are_set_aside(share, flows_aside):
    flows, graph = dirty()
    found = suspects(flows, graph, share)
    assert (found.of >= 0).sum() == flows_aside
    assert strangers(flows)[found.of >= 0].all()


def test_the_strangest_flows_of_one_source_come_before_single_ones():
    flows, graph = dirty()
    none = suspects(flows, graph, 0.0)
    surprise = np.random.default_rng(0).exponential(1, len(flows)).astype(np.float32)
    surprise[strangers(flows)] = 6
    lone = np.flatnonzero(~strangers(flows))[::100]
    surprise[lone] = 6.5
    found = strangest(surprise, flows, graph, none, 90)
    assert 60 <= (found.of >= 0).sum() <= 90
    assert strangers(flows)[found.of >= 0].all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(-3, 400))
def test_no_more_than_asked_for_is_set_aside(seed, room):
    flows, graph = dirty()
    before = suspects(flows, graph, None)
    surprise = np.random.default_rng(seed).exponential(1, len(flows)).astype(np.float32)
    after = strangest(surprise, flows, graph, before, room)
    assert ((after.of >= 0) >= (before.of >= 0)).all()
    assert (after.of >= 0).sum() - (before.of >= 0).sum() <= max(room, 0)
    assert sorted(set(after.of.tolist()) - {-1}) == list(range(after.count))


@given(st.lists(st.integers(-1, 9), max_size=40))
def test_numbers_are_without_gaps_and_in_order(of):
    found = renumbered(np.array(of, np.int64))
    firsts = [found.of.tolist().index(i) for i in range(found.count)]
    assert firsts == sorted(firsts)
    assert ((found.of >= 0) == (np.array(of) >= 0)).all()
    assert found.count == len({i for i in of if i >= 0})
