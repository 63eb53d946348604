from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.train.calibrate import quantiles, thresholds
from morpheus_gae.train.once import CHANCE, FEW, Strangest
from morpheus_gae.train.train import fifths
from tests.support import V4, make_flows

N = 20_000
ALL = np.ones(N, np.bool_)
SCAN = slice(16_500, 17_500)


def traffic(
    strange: np.ndarray | slice = slice(0), source: bool = True, busy: slice = slice(0)
) -> tuple[np.ndarray, WindowGraph]:
    """Exponential surprise of flows among 200 hosts; some are strange, from or to one host more.

    That host has the flows ``busy``, too, which are like all others.
    """
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 200, (2, N))
    surprise = rng.exponential(1.0, N).astype(np.float32)
    surprise[strange] = 12 + rng.random(surprise[strange].shape[0])
    ends[0 if source else 1][strange] = ends[0 if source else 1][busy] = 250
    src, dst = (end.astype(np.uint64) + V4 for end in ends)
    zero = np.zeros(N, np.uint64)
    flows = dataclasses.replace(make_flows(N), src_hi=zero, dst_hi=zero, src_lo=src, dst_lo=dst)
    return surprise, build_graph(flows)


def limits(surprise: np.ndarray, graph: WindowGraph) -> dict[str, float]:
    return thresholds(surprise, Strangest(surprise, ALL, fifths(N), graph))


def test_where_no_host_stands_out_each_flow_counts() -> None:
    surprise, graph = traffic()
    once = Strangest(surprise, ALL, fifths(N), graph)
    assert thresholds(surprise, once) == thresholds(surprise)
    for name, values in quantiles(surprise).items():
        np.testing.assert_allclose(quantiles(surprise, once)[name][:120], values[:120], atol=0.02)


@pytest.mark.parametrize("source", [True, False])
def test_a_host_of_one_fifth_of_the_time_hardly_raises_a_threshold(source: bool) -> None:
    clean = limits(*traffic())
    surprise, graph = traffic(SCAN, source)
    once = limits(surprise, graph)
    assert thresholds(surprise)["0.01"] > 12
    assert once["0.01"] < clean["0.01"] + 0.2
    assert once["0.02"] < clean["0.02"] + 0.1


@pytest.mark.parametrize("source", [True, False])
def test_nor_does_one_that_is_always_there_and_strange_in_one_fifth(source: bool) -> None:
    busy = slice(0, N, 2)
    clean = limits(*traffic(busy=busy, source=source))
    once = limits(*traffic(SCAN, source, busy))
    assert once["0.01"] < clean["0.01"] + 0.2
    assert once["0.02"] < clean["0.02"] + 0.1


def test_who_is_strange_all_the_time_counts_in_full() -> None:
    # a host of which every flow is strange, in every fifth: so it will be in use
    surprise, graph = traffic(np.arange(0, N, 40))
    assert limits(surprise, graph)["0.01"] == thresholds(surprise)["0.01"] > 12


def test_what_is_set_aside_is_not_looked_at() -> None:
    surprise, graph = traffic(SCAN)
    kept = ALL.copy()
    kept[SCAN] = False
    once = Strangest(surprise, kept, fifths(N), graph)
    assert once.surprise.max() < 12
    assert thresholds(surprise[kept], once) == thresholds(surprise[kept])


@given(st.integers(200, 3000), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_never_above_the_plain_ones_and_nested(flows: int, hosts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # rounded, so that many are equal
    surprise = np.round(rng.exponential(2.0, flows), 1).astype(np.float32)
    counted = rng.random(flows) < 0.9
    counted[0] = True
    graph = build_graph(make_flows(flows, hosts=hosts, pairs=2 * hosts, seed=seed % 1000))
    once = Strangest(surprise, counted, fifths(flows), graph)
    plain, told = thresholds(surprise[counted]), thresholds(surprise[counted], once)
    assert all(told[b] <= plain[b] for b in plain)
    assert list(told.values()) == sorted(told.values(), reverse=True)
    found = quantiles(surprise[counted], once)["quantiles.surprise"]
    assert np.all(np.diff(found) >= 0)
    assert np.all(found <= quantiles(surprise[counted])["quantiles.surprise"])


def counting(sides: list[np.ndarray], part: np.ndarray, first: int) -> int:
    """Flows that count among the first few of the strangest, told anew."""
    counts = np.ones(first, np.bool_)
    for host in sides:
        same, here = host[:, None] == host, part[:, None] == part
        before = np.tril(same & here, -1)[:first].sum(1)
        # of five fifths the four others
        usual = (same & ~here)[:first, :first].sum(1) / 4
        counts &= before < FEW + usual + CHANCE * np.sqrt(usual)
    return int(counts.sum())


@given(st.integers(200, 600), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_as_many_count_as_are_as_strange_in_another_fifth(flows: int, hosts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    surprise = rng.permutation(flows).astype(np.float32)
    # the later, the stranger, more or less
    surprise += rng.choice([0, 1, 4]) * np.arange(flows, dtype=np.float32)
    graph = build_graph(make_flows(flows, hosts=hosts, pairs=2 * hosts, seed=seed % 1000))
    fold = fifths(flows)
    once = Strangest(surprise, np.ones(flows, np.bool_), fold, graph)
    rows = np.argsort(-surprise, kind="stable")[: once.count.shape[0]]
    sides = [end[graph.pair[rows]] for end in (graph.pair_src, graph.pair_dst)]
    for first in (1, 17, rows.shape[0]):
        assert once.count[first - 1] == counting(sides, fold[rows], first)
