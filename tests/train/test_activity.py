"""Activity is learnt from windows of several sizes, each beside the memory of the other folds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model import partners
from morpheus_gae.model.activity import MOST
from morpheus_gae.model.artifact_checks import value_flaw
from morpheus_gae.model.memory import host_keys, pair_keys
from morpheus_gae.train.activity import settle
from tests.model.make import SPECS, sound_tensors
from tests.support import make_flows

FOLDS = 5


def memory_of(flows: Flows) -> dict[str, Any]:
    """Keys and counts of a memory of these flows."""
    g = build_graph(flows)
    key = host_keys(g.host_hi, g.host_lo, 7)
    pair = pair_keys(key[g.pair_src], key[g.pair_dst])
    host, row = np.argsort(key), np.argsort(pair)

    def counted(ids: np.ndarray, order: np.ndarray) -> np.ndarray:
        table = np.zeros((order.shape[0], 7), np.float32)
        table[:, 0] = np.bincount(ids, minlength=order.shape[0])[order]
        return table

    return {
        "memory.salt": np.array([7], np.uint64),
        "memory.host_key": key[host],
        "memory.host_out": counted(g.src, host),
        "memory.host_in": counted(g.dst, host),
        "memory.pair_key": pair[row],
        "memory.pair": counted(g.pair, row),
    }


def with_partners(memory: dict[str, Any], flows: Flows, fold: np.ndarray) -> dict[str, Any]:
    """The memory with its hosts' pairs that one fold alone has."""
    g = build_graph(flows)
    key = host_keys(g.host_hi, g.host_lo, 7)
    several = np.stack([np.bincount(g.pair[fold == k], minlength=g.pairs) > 0 for k in range(FOLDS)]).sum(0)
    past = [np.bincount(end, several == 1, g.hosts) for end in (g.pair_src, g.pair_dst)]
    return {**memory, "partners.past": np.stack(past, 1).astype(np.float32)[np.argsort(key)]}


def settled(
    flows: Flows, chosen: np.ndarray | None = None, size: int = 2000
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, and what is added to each flow."""
    every = np.ones(len(flows), np.bool_)
    fold = (np.arange(len(flows)) * FOLDS // len(flows)).astype(np.uint8)
    chosen = every if chosen is None else chosen

    def without(k: int) -> dict[str, Any]:
        return memory_of(flows.take(np.flatnonzero(fold != k)))

    tensors, added = settle(flows, fold, chosen, without, size)
    assert set(tensors) == {"activity.prior"}
    return tensors["activity.prior"], added


def met(flows: Flows, size: int = 2000) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """``settled``, with new partners: all tensors."""
    fold = (np.arange(len(flows)) * FOLDS // len(flows)).astype(np.uint8)

    def without(k: int) -> dict[str, Any]:
        others = np.flatnonzero(fold != k)
        return with_partners(memory_of(flows.take(others)), flows.take(others), fold[others])

    return settle(flows, fold, np.ones(len(flows), np.bool_), without, size)


def with_newcomers(flows: Flows) -> Flows:
    """Each tenth flow goes to a host that nobody else goes to."""
    dst, at = flows.dst_lo.copy(), np.arange(0, len(flows), 10)
    dst[at] = dst.max() + 1 + at.astype(np.uint64)
    return replace(flows, dst_lo=dst)


def even(count: int = 10_000, pairs: int = 80) -> Flows:
    return make_flows(count, hosts=40, pairs=pairs)


def with_busy_pair(flows: Flows) -> tuple[Flows, np.ndarray]:
    """Forty flows more of one pair in the third fold, and which they are."""
    busy = np.arange(4000, 6000, 50)
    index = np.arange(len(flows))
    index[busy] = 0
    return flows.take(index), busy


def test_the_numbers_make_sense_to_a_model() -> None:
    prior, added = settled(even())
    assert prior.shape == (3, 4)
    assert prior.dtype == added.dtype == np.float32
    spec = SPECS["counting"]
    assert value_flaw(spec, {**sound_tensors(spec), "activity.prior": prior}) is None


def test_flows_drawn_by_chance_have_no_bursts_and_gain_nothing() -> None:
    prior, added = settled(even())
    assert (prior[:, 0] < 2).all()
    assert (prior[:, 1] < 0.2).all()
    assert added.mean() < 0.02


def test_a_pair_that_does_more_than_ever_is_raised_and_others_are_not() -> None:
    flows, busy = with_busy_pair(even(pairs=400))
    _, added = settled(flows)
    assert added[busy].min() > 0.5
    assert np.delete(added, busy).mean() < 0.02


def test_traffic_in_bursts_is_learnt_to_be_so() -> None:
    flows = even()
    # each pair's flows come forty at a time
    order = np.concatenate([np.full(40, i) for i in range(0, 10_000, 40)])
    calm, _ = settled(flows)
    bursty, added = settled(flows.take(order))
    assert bursty[0, 0] > 5 * calm[0, 0]
    assert added.mean() < 0.15


def test_flows_that_are_not_chosen_gain_nothing() -> None:
    chosen = np.arange(10_000) % 3 > 0
    _, added = settled(with_busy_pair(even(pairs=400))[0], chosen)
    assert not added[~chosen].any()
    assert added[chosen].any()


@pytest.mark.parametrize("count", [1, 2, 60, 700])
def test_a_handful_of_flows_is_enough_to_run(count: int) -> None:
    prior, added = settled(even(count))
    assert np.isfinite(prior).all()
    assert ((added >= 0) & (added <= MOST)).all()
    spec = SPECS["counting"]
    assert value_flaw(spec, {**sound_tensors(spec), "activity.prior": prior}) is None


def test_without_times_nothing_is_learnt_and_nothing_added() -> None:
    flows, _ = with_busy_pair(even(pairs=400))
    prior, added = settled(replace(flows, time_ms=None))
    assert not prior[:, 3].any()
    assert not added.any()
    spec = SPECS["counting"]
    assert value_flaw(spec, {**sound_tensors(spec), "activity.prior": prior}) is None


def test_how_many_new_partners_hosts_have_is_learnt() -> None:
    flows = with_newcomers(even(pairs=400))
    tensors, added = met(flows)
    assert tensors.keys() == {"activity.prior", "partners.prior"}
    spec = SPECS["meeting"]
    assert value_flaw(spec, {**sound_tensors(spec), **tensors}) is None
    alone = settled(flows)[1]
    assert (added >= alone).all()
    assert 0 < (added > alone).mean() < 0.01
    # a source of 25 in the past meets 60, where 6 are usual
    src, new = np.zeros(60, int), np.ones(60, bool)
    past = np.full((2, 61), -1.0)
    past[0, 0] = 25
    told = partners.raises(tensors["partners.prior"], src, np.arange(1, 61), partners.Met(new, past, 0.25))
    assert told.min() > 2


def test_without_times_no_partners_are_learnt_either() -> None:
    flows = with_newcomers(even(pairs=400))
    tensors, added = met(replace(flows, time_ms=None))
    assert not tensors["partners.prior"][:, 3].any()
    assert not added.any()


def test_a_handful_of_new_partners_tells_nothing() -> None:
    flows = even(pairs=400)
    dst = flows.dst_lo.copy()
    dst[::200] = dst.max() + 1 + np.arange(50).astype(np.uint64)
    tensors, _ = met(replace(flows, dst_lo=dst))
    assert not tensors["partners.prior"][:, 3].any()
