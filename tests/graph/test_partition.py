from __future__ import annotations

import numpy as np
import pytest

from morpheus_gae.graph import hashing, number_hosts, partition
from morpheus_gae.graph.hashing import number
from morpheus_gae.graph.mixing import host_hash, mix
from morpheus_gae.graph.parallel import HELPERS
from tests.support import V4

SIX = 0x20010DB8 << 32


def random_flows(count: int, hosts: int, six: float, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    ends = []
    for _ in range(2):
        address = (hosts * rng.random(count) ** 2).astype(np.uint64)
        # a host's family is its own
        v6 = mix_share(address) < six
        ends += [np.where(v6, np.uint64(SIX), np.uint64(0)), np.where(v6, address, address + V4)]
    return ends


def mix_share(address: np.ndarray) -> np.ndarray:
    return (address * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) / 2**24


def by_first_appearance(rows: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    rank = np.empty(first.size, np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse.reshape(-1)]


def check(columns: list[np.ndarray]) -> hashing.Numbered:
    """Numbers are those of first appearance: pairs among flows, hosts among pairs, sources first."""
    g = number(*columns)
    np.testing.assert_array_equal(g.pair, by_first_appearance(np.stack(columns, 1)))
    _, first = np.unique(g.pair, return_index=True)
    ends = np.concatenate([np.stack(columns[:2], 1)[first], np.stack(columns[2:], 1)[first]])
    ids = np.concatenate([g.pair_src, g.pair_dst])
    np.testing.assert_array_equal(ids, by_first_appearance(ends))
    np.testing.assert_array_equal(np.stack([g.host_hi, g.host_lo], 1)[ids], ends)
    np.testing.assert_array_equal(g.pair_flows, np.bincount(g.pair))
    return g


@pytest.mark.parametrize("six", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("chunk", [64, 1000, 1 << 15])
def test_numbers_are_those_of_first_appearance(chunk, six, monkeypatch):
    monkeypatch.setattr(partition, "CHUNK", chunk)
    check(random_flows(34_000, 700, six, chunk))


@pytest.mark.parametrize("six", [0.0, 0.5])
def test_threads_change_no_number(six, monkeypatch):
    # pairs enough for several ranges when hosts are numbered, and for tables that grow
    monkeypatch.setattr(number_hosts, "FIRST", 256)
    columns = random_flows(150_000, 40_000, six, 1)
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(HELPERS, "threads", threads)
        found.append(number(*columns))
    assert found[0].pair_src.shape[0] > 2 * number_hosts.GRAIN
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    check(columns)


def test_pairs_of_ipv6_with_the_same_hash_are_kept_apart():
    # knowing the salt, addresses with one hash can be made: their pairs share key, part and slot
    salt = hashing.SALT
    hi = np.uint64(SIX) + np.arange(5, dtype=np.uint64)
    lo = np.array([mix(h ^ salt) for h in hi], np.uint64) ^ np.uint64(77)
    assert len({int(host_hash(a, b, salt)) for a, b in zip(hi, lo, strict=True)}) == 1
    at = np.random.default_rng(0).integers(0, 5, (2, 4000))
    g = check([hi[at[0]], lo[at[0]], hi[at[1]], lo[at[1]]])
    assert (g.host_lo.shape[0], g.pair_src.shape[0]) == (5, 25)


def test_one_pair_may_have_every_flow():
    columns = [
        np.zeros(50_000, np.uint64),
        np.full(50_000, V4),
        np.zeros(50_000, np.uint64),
        np.full(50_000, V4),
    ]
    columns[3][-1] += 1
    assert check(columns).pair_flows.tolist() == [49_999, 1]
