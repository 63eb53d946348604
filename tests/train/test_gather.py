"""Memory as executors read it: every flow of what comes back, one of what came once."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.train.counters import FOLDS
from morpheus_gae.train.gather import memory_of
from tests.model.prefix_model import addresses, counted, network

FLOWS = 600
STRANGER = "198.51.100.7", "203.0.113.9"


def counts(at: slice, without: int | None = None) -> tuple[float, float, float, float]:
    """What memory has of a pair with flows there alone: pair, source, destination, and its types in all."""
    flows = network(FLOWS, 0)
    for end, address in zip(
        ((flows.src_hi, flows.src_lo), (flows.dst_hi, flows.dst_lo)), STRANGER, strict=True
    ):
        for column, value in zip(end, addresses(address), strict=True):
            column[at] = value[0]
    memory = memory_of(*counted(flows), 0, without)
    key = host_keys(*addresses(*STRANGER), int(memory["memory.salt"][0]))
    host = find(memory["memory.host_key"], key)
    pair = find(memory["memory.pair_key"], pair_keys(key[:1], key[1:]))[0]
    assert (host >= 0).all()
    assert pair >= 0
    return (
        float(memory["memory.pair"][pair, 0]),
        float(memory["memory.host_out"][host[0], 0]),
        float(memory["memory.host_in"][host[1], 0]),
        float(memory["memory.pair_types"][pair].astype(np.float32).sum()),
    )


def test_a_burst_counts_once() -> None:
    pair, source, destination, types = counts(slice(130, 170))
    assert (pair, source, destination) == pytest.approx((1, 1, 1), abs=1e-4)
    assert types == pytest.approx(1, abs=1e-2)


def test_what_began_last_counts_in_full() -> None:
    pair, source, destination, types = counts(slice(500, 540))
    assert (pair, source, destination) == pytest.approx((40, 40, 40))
    assert types == pytest.approx(40, rel=1e-2)


def test_what_came_back_counts_in_full() -> None:
    pair, source, destination, types = counts(slice(100, 140))
    assert (pair, source, destination, types) == pytest.approx((40, 40, 40, 40), rel=1e-2)


def test_a_memory_without_the_last_fold_keeps_the_one_before_it_in_full() -> None:
    assert counts(slice(370, 400), without=4)[0] == pytest.approx(30)
    assert counts(slice(370, 400), without=0)[0] == pytest.approx(1, abs=1e-4)


def test_first_meetings_are_pairs_of_one_fold_of_those_that_memory_knows() -> None:
    data, counters = counted(network(600, 0), 3)
    folds = counters.by_pair[1:, :, 0] > 0
    for without in (None, 0, FOLDS - 1):
        memory = memory_of(data, counters, 0, without, partners=True)
        key = host_keys(data.graph.host_hi, data.graph.host_lo, int(memory["memory.salt"][0]))
        once = np.delete(folds, [] if without is None else without, 0).sum(0) == 1
        at = find(memory["memory.host_key"], key)
        for role, end in enumerate((counters.pair_src, counters.pair_dst)):
            wanted = np.bincount(end, once, data.graph.hosts)
            np.testing.assert_array_equal(memory["partners.past"][at[at >= 0], role], wanted[at >= 0])
            assert not wanted[at < 0].any()
            assert wanted.any()
    assert "partners.past" not in memory_of(data, counters, 0)
