from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.evaluate.data.campaigns import campaigns, draw, sides
from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.flows.frame import Flows
from tests.evaluate.make import HOUR, campaign_flows, make_flows

quick = settings(max_examples=60, deadline=None)


def of(flows: Flows, timed: bool = True) -> np.ndarray:
    return campaigns(flows, labels_of(flows.table).kind, timed=timed)


def test_campaigns_as_they_were_made() -> None:
    flows = campaign_flows(attackers=4, each=3, size=20)
    assert of(flows).tolist() == (np.arange(240) // 20).tolist()


def test_many_sources_of_one_flood_are_one_campaign() -> None:
    minutes = np.arange(30) * 60_000
    flood = make_flows(np.arange(30), [900] * 30, attack=["ddos"] * 30, time_ms=minutes)
    assert np.unique(of(flood)).size == 1
    later = make_flows(np.arange(30), [900] * 30, attack=["ddos"] * 30, time_ms=minutes // 60_000 * 2 * HOUR)
    assert np.unique(of(later)).size == 30
    # one source may go slowly
    slow = make_flows([1] * 30, np.arange(30), attack=["scan"] * 30, time_ms=minutes // 60_000 * 20 * HOUR)
    assert np.unique(of(slow)).size == 1
    other = make_flows([1, 1], [2, 2], attack=["dos", "scan"], time_ms=[0, 1])
    assert np.unique(of(other)).size == 2


MINUTE = 60_000


def test_a_worm_that_goes_from_host_to_host_is_one_campaign() -> None:
    # each host reaches three others, of which the last goes on an hour later
    src, dst = np.repeat(np.arange(20), 3), np.arange(60) % 3 + 100 * (1 + np.arange(60))
    dst[2::3] = np.arange(1, 21)
    times = np.repeat(np.arange(20) * HOUR, 3)
    worm = make_flows(src, dst, attack=["worm"] * 60, time_ms=times)
    assert np.unique(of(worm)).size == 1
    # another class does not go on with it, nor does who was reached only later, or more than a day ago
    other = np.where(src == 9, "scan", "worm")
    assert np.unique(of(make_flows(src, dst, attack=other, time_ms=times))).size == 3
    assert np.unique(of(make_flows(src, dst, attack=["worm"] * 60, time_ms=times[::-1]))).size == 20
    assert np.unique(of(make_flows(src, dst, attack=["worm"] * 60, time_ms=25 * times))).size == 20


def with_ports(flows: Flows, ports: list[int]) -> Flows:
    return replace(flows, table=flows.table.append_column("L4_DST_PORT", pa.array(ports)))


def test_a_host_that_nobody_was_seen_to_reach_is_of_the_worm_on_its_service() -> None:
    #                 1 -> 2 -> 3     and 7, that nobody reached
    src, dst = [1, 2, 7, 8], [2, 3, 9, 4]
    flows = make_flows(src, dst, attack=["worm"] * 4, time_ms=np.array([0, 8, 18, 10]) * MINUTE)
    assert of(flows).tolist() == [0, 0, 1, 2]
    assert of(with_ports(flows, [445, 445, 445, 23])).tolist() == [0, 0, 0, 1]
    late = replace(flows, time_ms=np.array([0, 8, 19, 10]) * MINUTE)
    assert of(with_ports(late, [445, 445, 445, 23])).tolist() == [0, 0, 1, 2]
    # two that do alike at the same time are two, as long as none goes on
    assert of(with_ports(flows.slice(1, 4), [445] * 3)).tolist() == [0, 1, 2]


@quick
@given(
    st.lists(
        st.tuples(
            st.integers(0, 8), st.integers(0, 8), st.integers(0, 1), st.integers(0, 400), st.integers(1, 2)
        ),
        min_size=1,
        max_size=60,
    )
)
def test_campaigns_are_what_links_come_to_one_by_one(rows: list[tuple[int, int, int, int, int]]) -> None:
    rows = sorted(rows, key=lambda row: row[3])
    src, dst, kind, when, port = (np.array(c) for c in zip(*rows, strict=True))
    time = when * 10 * MINUTE
    flows = make_flows(src, dst, attack=[f"kind {k}" for k in kind], time_ms=time)
    n = len(rows)
    label = np.arange(n)

    def link(i: int, j: int) -> None:
        label[label == label[i]] = label[j]

    begins = []
    for i in range(n):
        before = [j for j in range(n) if j < i and kind[j] == kind[i]]
        mine = [j for j in before if src[j] == src[i] and time[i] - time[j] <= 24 * HOUR]
        for j in [*mine, *(j for j in before if dst[j] == dst[i] and time[i] - time[j] <= 10 * MINUTE)]:
            link(i, j)
        reached = [j for j in range(n) if kind[j] == kind[i] and dst[j] == src[i] and time[j] <= time[i]]
        if not mine and reached and time[i] - time[reached[-1]] <= 24 * HOUR:
            begins.append(i)
            link(i, reached[-1])
    spreads = [np.flatnonzero(label == number) for number in {int(label[i]) for i in begins}]
    for group in spreads:
        for k, p in {(int(kind[i]), int(port[i])) for i in group}:
            when = time[[i for i in group if (kind[i], port[i]) == (k, p)]]
            near = (time >= when.min() - 10 * MINUTE) & (time <= when.max() + 10 * MINUTE)
            for i in np.flatnonzero(near & (kind == k) & (port == p)):
                link(i, int(group[0]))
    found = of(with_ports(flows, port.tolist()))
    assert np.array_equal(found[:, None] == found, label[:, None] == label)


def test_without_times_a_campaign_is_a_run() -> None:
    flows = make_flows([1] * 120 + [2] * 10 + [1] * 10, [9] * 140, attack=["dos"] * 140)
    found = of(flows, timed=False)
    sizes = np.bincount(found)
    assert sorted(sizes) == [10, 30, 50, 50]
    for number in range(4):
        assert np.unique(flows.src_lo[found == number]).size == 1
    far = make_flows([1, 1], [9, 9], attack=["dos"] * 2, rows=[0, 5000])
    assert np.unique(of(far, timed=False)).size == 2


@quick
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=150),
    st.integers(0, 5),
    st.booleans(),
)
def test_sides_share_nothing(rows: list[tuple[int, int, int]], seed: int, timed: bool) -> None:
    src, dst, kind = (np.array(c) for c in zip(*rows, strict=True))
    times = np.arange(src.size) * (HOUR // 3)
    flows = make_flows(src, dst, attack=[f"kind {k}" for k in kind], time_ms=times)
    campaign = of(flows, timed)
    found = sides(flows, campaign, seed)
    assert not (found.hidden & found.tested).any()
    hidden, tested = flows.take(found.hidden), flows.take(found.tested)
    assert not set(hidden.src_lo.tolist()) & set(tested.src_lo.tolist())
    pairs = [
        {frozenset(p) for p in zip(f.src_lo.tolist(), f.dst_lo.tolist(), strict=True)}
        for f in (hidden, tested)
    ]
    assert not pairs[0] & pairs[1]
    # whole campaigns
    assert not set(campaign[found.hidden].tolist()) & set(campaign[~found.hidden].tolist())
    assert len(hidden)


def test_sides_use_what_there_is() -> None:
    flows = campaign_flows(attackers=6)
    found = sides(flows, of(flows), seed=0)
    assert found.hidden.sum() == 180
    # the last two attackers share no source, and no pair: nothing is lost
    assert found.tested.sum() == 180
    assert sides(flows, of(flows), seed=1).hidden.tolist() != found.hidden.tolist()
    one = campaign_flows(attackers=1)
    assert sides(one, of(one), 0).hidden.all()


@quick
@given(st.integers(0, 400), st.integers(0, 9))
def test_draw_takes_whole_campaigns(wanted: int, seed: int) -> None:
    campaign = np.repeat(np.arange(9), [5, 10, 20, 30, 40, 50, 60, 70, 80])
    among = campaign % 2 == 0
    chosen, cut = draw(campaign, among, wanted, seed)
    assert chosen.sum() <= wanted
    assert not (chosen & ~among).any()
    if not cut:
        assert not set(campaign[chosen].tolist()) & set(campaign[among & ~chosen].tolist())


def test_draw_cuts_only_what_does_not_fit() -> None:
    campaign = np.repeat([0, 1], [100, 300])
    chosen, cut = draw(campaign, np.ones(400, bool), 30, 0)
    assert (np.flatnonzero(chosen).tolist(), cut) == (list(range(30)), True)
    assert draw(campaign, np.ones(400, bool), 100, 0)[1] is False


@pytest.mark.parametrize("timed", [True, False])
def test_nothing_to_group(timed: bool) -> None:
    empty = make_flows([1], [2], attack=["x"], time_ms=[0]).slice(0, 0)
    assert campaigns(empty, np.zeros(0, np.int32), timed=timed).tolist() == []
