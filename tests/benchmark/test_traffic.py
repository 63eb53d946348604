"""Regimes have as many hosts and pairs as they promise, and look as they are described."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.benchmark.traffic import (
    LEAST_FLOWS,
    LEAST_HOSTS,
    REGIMES,
    RESAMPLED,
    ROWS,
    Columns,
    Workload,
)


def sizes(drawn: Columns) -> tuple[int, int]:
    """Hosts and distinct ordered pairs."""
    pairs = set(zip(drawn.src.tolist(), drawn.dst.tolist(), strict=True))
    return len({host for pair in pairs for host in pair}), len(pairs)


@pytest.mark.parametrize("regime", [r for r in REGIMES if r != RESAMPLED])
@given(
    flows=st.integers(LEAST_FLOWS, 6000),
    hosts=st.integers(LEAST_HOSTS, 3000),
    seed=st.integers(0, 9),
    batch=st.integers(0, 3),
)
@settings(max_examples=25, deadline=None)
def test_every_batch_has_its_size(regime: str, flows: int, hosts: int, seed: int, batch: int) -> None:
    workload = Workload(regime, flows, hosts, seed)
    drawn = workload.draw(batch)
    assert sizes(drawn) == workload.size
    assert drawn.src.shape == drawn.dst.shape == drawn.missing.shape == drawn.pair.shape == (flows,)
    assert drawn.attributes.shape == (flows, 3)
    assert workload.size.hosts <= hosts
    assert (drawn.attributes >= 0).all()
    assert (drawn.attributes[drawn.missing, 2] == 0).all()
    # the pair numbers are those of the workload's own list
    src, dst = workload.pairs()
    np.testing.assert_array_equal(src[drawn.pair], drawn.src)
    np.testing.assert_array_equal(dst[drawn.pair], drawn.dst)


@pytest.mark.parametrize("regime", REGIMES)
def test_all_hosts_and_the_usual_share_of_pairs_where_there_is_room(regime: str) -> None:
    size = Workload(regime, 20_000, 200).size
    if regime == RESAMPLED:
        assert size == (200, ROWS // 2)
    else:
        possible = {"uniform": 200 * 199, "client": 20 * 180, "hub": 19 * 180 + 2 * 199}[regime]
        assert size == (200, min(32 * 200, 10_000, possible // 2))


def test_every_other_host_talks_to_the_hub_and_back() -> None:
    for flows, hosts in ((1000, 5000), (8000, 400)):
        workload = Workload("hub", flows, hosts)
        drawn = workload.draw(0)
        pairs = set(zip(drawn.src.tolist(), drawn.dst.tolist(), strict=True))
        sent, received = (Counter(pair[i] for pair in pairs) for i in (0, 1))
        (hub, most), (_, next_most) = sent.most_common(2)
        assert most == received[hub] == workload.size.hosts - 1
        assert next_most < workload.size.hosts / 2


def test_clients_talk_to_few_busy_servers() -> None:
    drawn = Workload("client", 20_000, 500).draw(0)
    servers, flows = np.unique(drawn.dst, return_counts=True)
    assert len(servers) == 50
    assert not set(servers) & set(drawn.src)
    # the busiest tenth has well more than a tenth
    assert np.sort(flows)[-5:].sum() > 0.15 * 20_000


def test_uniform_has_no_favourites() -> None:
    drawn = Workload("uniform", 20_000, 500).draw(0)
    _, flows = np.unique(np.concatenate([drawn.src, drawn.dst]), return_counts=True)
    assert flows.max() < 3 * flows.mean()


def test_resampled_has_a_thousand_distinct_flows() -> None:
    workload = Workload(RESAMPLED, 30_000, 2000)
    drawn = workload.draw(2)
    rows = {(s, d, *a) for s, d, a in zip(drawn.src, drawn.dst, map(tuple, drawn.attributes), strict=True)}
    assert len(rows) <= ROWS
    hosts, pairs = sizes(drawn)
    # each of the thousand rows comes up among thirty thousand
    assert (hosts, pairs) == workload.size
    assert hosts <= ROWS


@pytest.mark.parametrize("regime", REGIMES)
def test_everything_follows_from_the_seed(regime: str) -> None:
    def values(seed: int, batch: int) -> list[np.ndarray]:
        drawn = Workload(regime, 2000, 100, seed).draw(batch)
        return [drawn.src, drawn.dst, drawn.attributes]

    def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
        return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))

    assert same(values(1, 0), values(1, 0))
    assert not same(values(1, 0), values(1, 1))
    assert not same(values(1, 0), values(2, 0))


def test_addresses_are_private_and_apart() -> None:
    src, dst = Workload("uniform", 4000, 1000).pairs()
    hosts = np.unique(np.concatenate([src, dst]))
    assert len(hosts) == 1000
    assert (hosts >> 24 == 10).all()
