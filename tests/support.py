"""Small flows and small models for tests."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.window_graph import WindowGraph

V4 = np.uint64(0xFFFF_0000_0000)


def make_flows(count: int, *, hosts: int = 30, pairs: int = 120, seed: int = 0, v6: float = 0.1) -> Flows:
    """Flows between a few hosts with a handful of habits: repeated sizes, heavy tails, missing durations."""
    rng = np.random.default_rng(seed)
    net = np.random.default_rng(hosts * 1000 + pairs)
    lo = net.integers(1, 1 << 24, hosts).astype(np.uint64) + np.uint64(10 << 24) + V4
    hi = np.zeros(hosts, np.uint64)
    six = net.random(hosts) < v6
    hi[six] = net.integers(1, 1 << 62, int(six.sum())).astype(np.uint64) + np.uint64(0x2001 << 48)
    src, dst = net.integers(0, hosts, pairs), net.integers(0, hosts, pairs)
    kind = net.integers(0, 4, pairs)
    at = rng.integers(0, pairs, count)
    k = kind[at]
    base = np.array([[72, 130, 1], [1500, 20000, 90], [60, 0, 0], [4000, 900, 3000]], float)[k]
    noise = np.where((k == 0)[:, None], 1.0, np.exp(rng.normal(0, 0.4, (count, 3))))
    attributes = np.floor(base * noise).astype(np.float32)
    missing = rng.random(count) < 0.05
    attributes[missing, 2] = 0
    s, d = src[at], dst[at]
    return Flows(
        table=pa.table({"row": np.arange(count)}),
        src_hi=hi[s],
        src_lo=lo[s],
        dst_hi=hi[d],
        dst_lo=lo[d],
        attributes=attributes,
        duration_missing=missing,
        rows=np.arange(count),
        time_ms=np.arange(count) * 10,
    )


def with_columns(flows: Flows, seed: int = 0) -> Flows:
    """The flows with ports, protocol, packets, flags, application and state that fit their sizes."""
    rng = np.random.default_rng(seed)
    n = len(flows)
    kind = (flows.attributes[:, 0] > 100).astype(int) + 2 * (flows.attributes[:, 1] == 0)
    port = np.array([53, 443, 22, 8080])[kind]
    odd = rng.random(n)
    port = np.where(odd < 0.005, rng.integers(1, 65536, n), port)
    table = {
        "L4_SRC_PORT": rng.integers(32768, 61000, n),
        "L4_DST_PORT": pa.array(port, mask=odd > 0.98),
        "PROTOCOL": np.array([17, 6, 6, 6])[kind],
        "IN_PKTS": 1 + (flows.attributes[:, 0] // 500).astype(np.int64),
        "OUT_PKTS": (flows.attributes[:, 1] // 500).astype(np.int64),
        "TCP_FLAGS": np.where(odd < 0.02, rng.integers(0, 256, n), np.array([0, 27, 2, 31])[kind]),
        "L7_PROTO": np.array(["DNS", "TLS", "SSH", "HTTP"])[kind],
        "conn_state": np.where(flows.attributes[:, 1] == 0, "S0", "SF"),
    }
    return dataclasses.replace(flows, table=pa.table(table))


def permuted(graph: WindowGraph, flows: np.ndarray, hosts: np.ndarray, pairs: np.ndarray) -> WindowGraph:
    """The same graph with flows reordered and hosts and pairs renumbered.

    ``flows``: new order; ``hosts``, ``pairs``: new number of each.
    """
    h, p = hosts.astype(np.int32), pairs.astype(np.int32)
    new_host, new_pair = np.argsort(hosts), np.argsort(pairs)

    def host_rows(a: np.ndarray | None) -> np.ndarray | None:
        return None if a is None else np.ascontiguousarray(a[new_host])

    return dataclasses.replace(
        graph,
        pair=p[graph.pair][flows],
        pair_src=h[graph.pair_src][new_pair],
        pair_dst=h[graph.pair_dst][new_pair],
        pair_flows=graph.pair_flows[new_pair],
        host_hi=graph.host_hi[new_host],
        host_lo=graph.host_lo[new_host],
        attributes=np.ascontiguousarray(graph.attributes[flows]),
        duration_missing=graph.duration_missing[flows],
        extra=None if graph.extra is None else np.ascontiguousarray(graph.extra[flows]),
        octets=host_rows(graph.octets),
        averaged=host_rows(graph.averaged),
    )
