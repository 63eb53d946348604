from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.graph.averaging import neighbour_average
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.csr import csr
from morpheus_gae.graph.hashing import number
from morpheus_gae.graph.octets import octet_features
from tests.support import V4, make_flows

U64 = st.integers(0, 2**64 - 1) | st.integers(0, 5) | st.sampled_from([int(V4), int(V4) + 1])


def first_appearance(codes: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True, axis=0)
    rank = np.empty(first.size, np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse.reshape(-1)]


@settings(deadline=None)
@given(st.lists(st.tuples(U64, U64, U64, U64), max_size=300))
def test_host_and_pair_ids_are_numbered_by_first_appearance(rows):
    a = np.array(rows, np.uint64).reshape(-1, 4)
    g = number(*(np.ascontiguousarray(a[:, i]) for i in range(4)))
    src, dst = g.pair_src[g.pair], g.pair_dst[g.pair]
    addresses = np.concatenate([a[:, :2], a[:, 2:]])
    ids = np.concatenate([src, dst])
    np.testing.assert_array_equal(ids, first_appearance(addresses) if len(a) else ids)
    np.testing.assert_array_equal(np.stack([g.host_hi, g.host_lo], 1)[ids], addresses)
    pairs = first_appearance(np.stack([src, dst], 1)) if len(a) else g.pair
    np.testing.assert_array_equal(g.pair, pairs)
    np.testing.assert_array_equal(np.bincount(g.pair, minlength=len(g.pair_src)), g.pair_flows)


@pytest.mark.parametrize("shape", ["hub", "sequential", "same", "v6"])
def test_tables_grow_past_their_first_size(shape):
    n = 60_000
    i = np.arange(n, dtype=np.uint64)
    zeros = np.zeros(n, np.uint64)
    hub = {
        "hub": zeros + V4,
        "sequential": i + V4 + np.uint64(n),
        "same": zeros + V4,
        "v6": i << np.uint64(40),
    }
    other = zeros + V4 if shape == "same" else i + V4 + np.uint64(1)
    g = number(zeros, hub[shape], i if shape == "v6" else zeros, other)
    assert g.host_lo.shape[0] == {"hub": n + 1, "sequential": 2 * n, "same": 1, "v6": 2 * n}[shape] - (
        shape == "sequential"
    )
    assert g.pair.max() + 1 == g.pair_flows.shape[0] == (1 if shape == "same" else n)
    assert g.pair_flows.sum() == n


def test_types_are_as_documented_and_an_empty_window_is_fine():
    for flows in (make_flows(50), make_flows(50).slice(0, 0)):
        g = build_graph(flows, octets=True)
        assert {a.dtype for a in (g.src, g.dst, g.pair, g.pair_src, g.pair_dst, g.pair_flows)} == {
            np.dtype(np.int32)
        }
        assert g.host_hi.dtype == g.host_lo.dtype == np.uint64
        assert g.octets.shape == g.averaged.shape == (g.hosts, 8)
        assert g.octets.dtype == g.averaged.dtype == np.float32
        assert g.flows == len(flows)


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), max_size=100))
def test_compressed_rows_hold_every_pair_once(ids):
    a = np.array(ids, np.int32)
    indptr, order = csr(a, 21)
    for n in range(21):
        np.testing.assert_array_equal(order[indptr[n] : indptr[n + 1]], np.flatnonzero(a == n))


def test_octets_of_both_families():
    hi = np.array([0, 0x20010DB800000000], np.uint64)
    lo = np.array([V4 + np.uint64(0xC0A80102), 0x00000000_FFFFFFFF], np.uint64)
    one, flows = np.array([0], np.int32), np.array([7], np.int32)
    o = octet_features(hi, lo, one, one + 1, flows)
    np.testing.assert_allclose(o[0, :4], np.array([192, 168, 1, 2]) / 255, rtol=1e-6)
    np.testing.assert_allclose(o[1, :4], np.array([(0x20 + 1 + 0x0D + 0xB8) / 4, 0, 0, 255]) / 255, rtol=1e-6)
    shares = np.log1p([[1, 0, 7, 0], [0, 1, 0, 7]]) - np.log1p([1, 1, 7, 7])
    np.testing.assert_allclose(o[:, 4:], 1 + shares / 12, rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 20), st.integers(1, 80), st.integers(0, 1000))
def test_averaging_reaches_the_fixed_point(hosts, pairs, seed):
    rng = np.random.default_rng(seed)
    src, dst = (rng.integers(0, hosts, pairs).astype(np.int32) for _ in range(2))
    o = rng.random((hosts, 8)).astype(np.float32)
    y, sweeps, change = neighbour_average(o, src, dst, tolerance=1e-6, max_sweeps=60)
    a = np.zeros((hosts, hosts))
    np.add.at(a, (src, dst), 1)
    np.add.at(a, (dst, src), 1)
    mean = a / np.maximum(a.sum(1, keepdims=True), 1)
    np.testing.assert_allclose(y, np.linalg.solve(np.eye(hosts) - mean / 2, o / 2), atol=1e-5)
    assert change < 1e-6
    assert sweeps <= 60


def test_averaging_stops_at_its_cap_and_reports_it():
    o = np.array([[0.0], [1.0]], np.float32)
    pair = np.array([0], np.int32), np.array([1], np.int32)
    _, sweeps, change = neighbour_average(o, *pair, tolerance=0.0, max_sweeps=3)
    assert sweeps == 3
    assert change > 0


def test_memory_of_a_hub_is_linear():
    flows = make_flows(1000)
    n = 1000
    lo = V4 + np.arange(n, dtype=np.uint64)
    hub = dataclasses.replace(
        flows, src_hi=np.zeros(n, np.uint64), dst_hi=np.zeros(n, np.uint64), src_lo=np.full(n, V4), dst_lo=lo
    )
    g = build_graph(hub, octets=True)
    assert (g.hosts, g.pairs, g.flows) == (n, n, n)
    assert g.sweeps > 1
