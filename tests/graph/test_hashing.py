from __future__ import annotations

import numpy as np
import pytest

from morpheus_gae.graph import hashing
from morpheus_gae.graph.build import build_graph, build_graph_arrays
from morpheus_gae.graph.hashing import number
from morpheus_gae.graph.mixing import host_hash, mix
from morpheus_gae.graph.partition import BLOCK
from tests.support import V4, make_flows

WORD = 2**64
SIX = 0x20010DB8 << 32


def unmixed(h: int) -> int:
    """The number that `mix` sends to ``h``: what somebody who crafts addresses would compute."""

    def unshift(x: int, by: int) -> int:
        y = x
        for _ in range(64 // by + 1):
            y = x ^ (y >> by)
        return y

    x = unshift(h, 31) * pow(0x94D049BB133111EB, -1, WORD) % WORD
    x = unshift(x, 27) * pow(0xBF58476D1CE4E5B9, -1, WORD) % WORD
    return unshift(x, 30)


def test_addresses_crafted_to_share_a_slot_are_spread_by_the_salt():
    assert unmixed(int(mix(np.uint64(12345)))) == 12345
    n, mask = 500, 2**14 - 1
    key = int(mix(np.uint64(SIX)))
    hi, lo = np.uint64(SIX), [np.uint64(unmixed(i << 32) ^ key) for i in range(n)]
    assert len({int(host_hash(hi, x, np.uint64(0))) & mask for x in lo}) == 1
    assert len({int(host_hash(hi, x, hashing.SALT)) & mask for x in lo}) > n * 0.9


@pytest.mark.parametrize("salt", [0, 1, WORD - 1])
def test_ids_do_not_depend_on_the_salt(salt, monkeypatch):
    rng = np.random.default_rng(salt % 97)
    hi = rng.integers(0, 3, 40_000).astype(np.uint64)
    lo = rng.integers(0, 9_000, 40_000).astype(np.uint64)
    arrays = hi[:20_000], lo[:20_000], hi[20_000:], lo[20_000:]
    before = number(*arrays)
    assert before.host_hi.shape[0] > 2**13  # the tables have grown
    assert before.pair_src.shape[0] > 2**13
    monkeypatch.setattr(hashing, "SALT", np.uint64(salt))
    for a, b in zip(before, number(*arrays), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("flows", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_block_edges(flows):
    g = build_graph(make_flows(flows, v6=0.5))
    f = make_flows(flows, v6=0.5)
    for ids, hi, lo in ((g.src, f.src_hi, f.src_lo), (g.dst, f.dst_hi, f.dst_lo)):
        np.testing.assert_array_equal(g.host_hi[ids], hi)
        np.testing.assert_array_equal(g.host_lo[ids], lo)
    assert g.hosts == len(set(zip([*f.src_hi, *f.dst_hi], [*f.src_lo, *f.dst_lo], strict=True)))
    np.testing.assert_array_equal(g.pair_src[g.pair], g.src)
    np.testing.assert_array_equal(g.pair_dst[g.pair], g.dst)
    assert g.pairs == len(set(zip(g.src, g.dst, strict=True)))
    assert g.pair_flows.sum() == flows


def test_a_flow_to_itself_is_one_host_and_one_pair():
    zero, one = np.zeros(3, np.uint64), np.full(3, V4)
    attributes, missing = np.zeros((3, 3), np.float32), np.zeros(3, np.bool_)
    g = build_graph_arrays(zero, one, zero, one, attributes, missing, octets=True)
    assert (g.hosts, g.pairs, g.flows) == (1, 1, 3)
    assert g.pair_flows.tolist() == [3]
    np.testing.assert_allclose(g.averaged, g.octets)


def test_families_do_not_mix():
    # ::ffff:10.0.0.1 is 10.0.0.1; the same low half under another prefix, or without ffff, is not
    lo = np.array([V4 + np.uint64(10 << 24 | 1), 10 << 24 | 1], np.uint64)
    g = number(np.zeros(2, np.uint64), lo, np.full(2, SIX, np.uint64), lo)
    assert g.pair_src[g.pair].tolist() == [0, 1]
    assert g.pair_dst[g.pair].tolist() == [2, 3]
    assert g.host_hi.tolist() == [0, 0, SIX, SIX]


@pytest.mark.parametrize("first", ["v4", "v6"])
def test_an_ipv6_address_is_not_the_ipv4_address_of_its_number(first):
    # inside, IPv6 addresses are numbered from 0: number 0 must not meet 0.0.0.0, in hosts or in pairs
    four, six = (0, int(V4)), (SIX, 7)
    rows = [four, six] if first == "v4" else [six, four]
    hi, lo = (np.array([r[i] for r in rows], np.uint64) for i in range(2))
    g = number(hi, lo, hi, lo)
    assert g.pair.tolist() == [0, 1]
    assert (g.host_hi.tolist(), g.host_lo.tolist()) == (hi.tolist(), lo.tolist())


def test_direction_keeps_pairs_apart():
    # a pair and its reverse differ only by which half of the key an address is in
    zero, lo = np.zeros(4, np.uint64), V4 + np.array([0, 1, 2**32 - 1, 0], np.uint64)
    g = number(zero, lo, zero, lo[::-1].copy())
    assert g.pair.tolist() == [0, 1, 2, 0]
    assert (g.pair_src.tolist(), g.pair_dst.tolist()) == ([0, 1, 2], [0, 2, 1])
    assert g.pair_flows.tolist() == [2, 1, 1]


def test_the_families_may_mix_in_any_share():
    for seed, share in enumerate((0.0, 0.02, 0.5, 1.0)):
        rng = np.random.default_rng(seed)
        ends = []
        for _ in range(2):
            six = rng.random(30_000) < share
            lo = rng.integers(0, 300, 30_000).astype(np.uint64)
            ends += [np.where(six, np.uint64(SIX), np.uint64(0)), np.where(six, lo, lo + V4)]
        g = number(*ends)
        for ids, hi, lo in ((g.pair_src, *ends[:2]), (g.pair_dst, *ends[2:])):
            np.testing.assert_array_equal(g.host_hi[ids[g.pair]], hi)
            np.testing.assert_array_equal(g.host_lo[ids[g.pair]], lo)
        assert g.pair_flows.sum() == 30_000
        assert np.unique(np.stack([g.pair_src, g.pair_dst], 1), axis=0).shape[0] == g.pair_src.shape[0]
