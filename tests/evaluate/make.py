"""Small labelled flows, made directly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.flows.addresses.text import format_addresses
from morpheus_gae.flows.frame import Flows

V4 = 0xFFFF_0000_0000


def make_flows(
    src: Any,
    dst: Any,
    *,
    attack: Any = None,
    rows: Any = None,
    time_ms: Any = None,
    attributes: Any = None,
    v6: bool = False,
) -> Flows:
    """Flows between hosts 10.0.0.0 + src and 10.0.0.0 + dst; ``attack`` holds their classes."""
    src, dst = np.asarray(src, np.uint64), np.asarray(dst, np.uint64)
    n = src.shape[0]
    base = np.uint64(V4 | 10 << 24)
    hi = np.zeros(n, np.uint64)
    rows = np.arange(n, dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
    if attributes is None:
        attributes = np.stack([100.0 + rows, 2.0 * rows, np.ones(n)], 1)
    attributes = np.asarray(attributes, np.float32)
    names = ["Benign"] * n if attack is None else list(attack)
    columns = {
        "IPV4_SRC_ADDR": format_addresses(hi, base + src),
        "IPV4_DST_ADDR": format_addresses(hi, base + dst),
        "IN_BYTES": pa.array(attributes[:, 0]),
        "OUT_BYTES": pa.array(attributes[:, 1]),
        "FLOW_DURATION_MILLISECONDS": pa.array(attributes[:, 2]),
        "Label": pa.array([int(a != "Benign") for a in names], pa.int8()),
        "Attack": pa.array(names, pa.string()).dictionary_encode(),
        "note": pa.array([f"row {r}" for r in rows], pa.string()),
    }
    if v6:
        columns["IPV6_SRC_ADDR"] = columns["IPV6_DST_ADDR"] = pa.nulls(n, pa.string())
    return Flows(
        table=pa.table(columns),
        src_hi=hi,
        src_lo=base + src,
        dst_hi=hi.copy(),
        dst_lo=base + dst,
        attributes=attributes,
        duration_missing=np.zeros(n, np.bool_),
        rows=rows,
        time_ms=None if time_ms is None else np.asarray(time_ms, np.int64),
    )


def benign_flows(n: int, seed: int = 0, first_row: int = 0) -> Flows:
    """Flows of 20 clients and 4 servers, each client with its own two servers."""
    rng = np.random.default_rng(seed)
    src = rng.integers(20, size=n)
    dst = 100 + (src + rng.integers(2, size=n)) % 4
    size = np.exp(rng.normal(5 + dst % 4, 0.3))
    attributes = np.round(np.stack([size, 3 * size, size / 10], 1))
    return make_flows(src, dst, rows=first_row + np.arange(n), attributes=attributes)


def attack_flows(n: int, seed: int = 0, first_row: int = 0) -> Flows:
    """First half "scan" by an outsider, second half "flood" by a client on a server that it knows."""
    rng = np.random.default_rng([seed, 1])
    scan = np.arange(n) < n // 2
    src = np.where(scan, 200, 3)
    dst = np.where(scan, rng.integers(20, size=n), 103)
    attributes = np.stack([np.where(scan, 40, 9e6), np.where(scan, 0, 10), np.zeros(n)], 1)
    names = np.where(scan, "scan", "flood")
    return make_flows(src, dst, rows=first_row + np.arange(n), attributes=attributes, attack=names)


HOUR = 3_600_000


def campaign_flows(
    attackers: int = 6, each: int = 3, size: int = 20, *, timed: bool = True, first_row: int = 0
) -> Flows:
    """Campaigns of ``size`` flows, ``each`` of every attacker, thirty hours apart, in the file one by one.

    Attackers 300, 301, ... each with victims of its own, but the last two, who share theirs.
    """
    n = attackers * each * size
    i = np.arange(n)
    who = i // (each * size)
    campaign = i // size
    victim = np.minimum(who, attackers - 2) * 50 + i % 7
    names = np.where(who % 2 == 0, "scan", "flood")
    return make_flows(
        300 + who,
        1000 + victim,
        rows=first_row + i,
        time_ms=campaign * 30 * HOUR + i % size * 1000 if timed else None,
        attack=names,
        attributes=np.stack([40.0 + i % 5, np.zeros(n), np.zeros(n)], 1),
    )


def timed_benign(n: int, hours: float, seed: int = 0, first_row: int = 0) -> Flows:
    """``benign_flows`` spread evenly over some hours."""
    flows = benign_flows(n, seed, first_row)
    return replace(flows, time_ms=(np.arange(n) * hours * HOUR / n).astype(np.int64))
