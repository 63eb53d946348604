"""Recurrence: bursts between hosts that do not meet again are found, what comes back is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.graph.build import build_graph
from morpheus_gae.train.recurrence import BLOCKS, blocks_of, bursts, confined, fence, find_bursts
from tests.support import V4, make_flows

STRANGER = np.uint64(203 << 24) + V4


def scan(flows: int, start_ms: int, spacing_ms: int = 10, *, into: bool = False) -> Flows:
    """One stranger that asks many hosts, or is asked by them."""
    hosts = np.arange(flows, dtype=np.uint64) + np.uint64(10 << 24) + V4 + np.uint64(1 << 22)
    one = np.full(flows, STRANGER)
    src, dst = (hosts, one) if into else (one, hosts)
    return dataclasses.replace(
        make_flows(flows),
        src_hi=np.zeros(flows, np.uint64),
        dst_hi=np.zeros(flows, np.uint64),
        src_lo=src,
        dst_lo=dst,
        time_ms=start_ms + np.arange(flows) * spacing_ms,
    )


def sorted_by_time(*parts: Flows) -> Flows:
    flows = concat(list(parts))
    return flows.take(np.argsort(flows.time_ms, kind="stable"))


def strangers(flows: Flows) -> np.ndarray:
    return (flows.src_lo == STRANGER) | (flows.dst_lo == STRANGER)


@pytest.mark.parametrize("into", [False, True])
@pytest.mark.parametrize("start_ms", [0, 27_000, 53_000])
def test_a_scan_is_a_burst_and_nothing_else_is(into, start_ms):
    flows = sorted_by_time(make_flows(6000), scan(60, start_ms, into=into))
    found = find_bursts(flows, build_graph(flows))
    assert found.count == 1
    assert ((found.of == 0) == strangers(flows)).all()


def test_a_scan_over_the_end_of_a_block_is_one_burst():
    # blocks of 60 s / 36
    flows = sorted_by_time(make_flows(6000), scan(80, 3 * 60_000 // BLOCKS - 400))
    found = find_bursts(flows, build_graph(flows))
    assert found.count == 1
    assert ((found.of == 0) == strangers(flows)).all()


def test_who_comes_back_is_no_burst():
    flows = sorted_by_time(make_flows(6000), scan(40, 1000), scan(40, 50_000))
    assert find_bursts(flows, build_graph(flows)).count == 0


def test_a_host_that_always_meets_strangers_has_no_bursts():
    parts = []
    for block in range(BLOCKS):
        one = scan(40, block * 60_000 // BLOCKS + 100, into=True)
        parts.append(dataclasses.replace(one, src_lo=one.src_lo + np.uint64(100 * block)))
    flows = sorted_by_time(make_flows(6000), *parts)
    assert confined(build_graph(flows), blocks_of(flows)).sum() > 1000
    assert find_bursts(flows, build_graph(flows)).count == 0


def test_what_begins_at_the_end_may_go_on():
    flows = sorted_by_time(make_flows(6000), scan(60, 58_500))
    assert find_bursts(flows, build_graph(flows)).count == 0


def test_bursts_are_numbered_by_their_first_flow():
    late = scan(60, 50_000, into=True)
    late = dataclasses.replace(late, dst_lo=late.dst_lo + np.uint64(1))
    flows = sorted_by_time(make_flows(6000), late, scan(60, 20_000))
    found = find_bursts(flows, build_graph(flows))
    assert found.count == 2
    assert found.of[strangers(flows)].max() == 0
    assert np.flatnonzero(found.of == 0)[-1] < np.flatnonzero(found.of == 1)[0]


def test_traffic_that_is_nothing_but_bursts_has_none():
    parts = []
    for i in range(30):
        one = scan(150, i * 2000)
        parts.append(
            dataclasses.replace(
                one, src_lo=one.src_lo + np.uint64(i), dst_lo=one.dst_lo + np.uint64(1000 * i)
            )
        )
    flows = sorted_by_time(*parts)
    assert confined(build_graph(flows), blocks_of(flows)).mean() > 0.9
    assert find_bursts(flows, build_graph(flows)).count == 0


def test_a_small_capture_has_no_bursts():
    flows = sorted_by_time(make_flows(3000), scan(60, 10_000))
    assert bursts(build_graph(flows), blocks_of(flows)).count == 1
    assert find_bursts(flows, build_graph(flows)).count == 0


def test_blocks_are_of_time_and_of_order_where_times_say_nothing():
    flows = make_flows(360)
    by_order = np.arange(360) // 10
    assert np.abs(blocks_of(flows).astype(int) - by_order).max() <= 1
    early = dataclasses.replace(flows, time_ms=np.arange(360) ** 2)
    assert np.bincount(blocks_of(early))[0] > 50
    for times in (None, np.zeros(360, np.int64), np.repeat([0, 10**12], 180)):
        assert (blocks_of(dataclasses.replace(flows, time_ms=times)) == by_order).all()


def test_a_clock_that_was_never_set_does_not_stretch_the_blocks():
    flows = make_flows(3600)
    times = np.arange(3600) * 1000 + 1_700_000_000_000
    times[0] = 0
    assert blocks_of(dataclasses.replace(flows, time_ms=times)).max() == BLOCKS - 1
    assert np.unique(blocks_of(dataclasses.replace(flows, time_ms=times))).size == BLOCKS


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 800))
def test_order_of_flows_that_have_times_does_not_matter(seed, count):
    flows = sorted_by_time(make_flows(count, seed=seed), scan(30, 5))
    mixed = np.random.default_rng(seed).permutation(len(flows))
    shuffled = flows.take(mixed)
    a = bursts(build_graph(flows), blocks_of(flows)).of >= 0
    b = bursts(build_graph(shuffled), blocks_of(shuffled)).of >= 0
    if (
        np.unique(blocks_of(flows)).size > BLOCKS // 2
        and (blocks_of(flows)[mixed] == blocks_of(shuffled)).all()
    ):
        assert (a[mixed] == b).all()


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(2, 4))
def test_the_fence_grows_with_the_sizes_and_is_not_below_most_of_them(sizes, times):
    size = np.array(sizes)
    many = np.tile(size, 40)
    assert fence(many) <= fence(many * times) + 1
    # few units of one size move the middle of the ordinary ones among them more than their ninth decile
    assert fence(size) <= fence(size * times) + 3
    assert (size > fence(size) + 0.5).sum() <= 0.1 * (len(size) + 10)
