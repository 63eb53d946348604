"""Simulated flows as an exporter would have written them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows import columns

_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "IPv6-ICMP"}
SAMPLER = "192.0.2.1"
"""Address of the exporter (RFC 5737): one, so all records go to one partition in order."""


def goflow2(table: pa.Table) -> pa.Table:
    """One-way records as goflow2 writes them in JSON.

    Parameters
    ----------
    table
        E simulated flows.

    Returns
    -------
    pyarrow.Table
        A record for each direction that carried bytes, the answer right after the question. Labels are
        left out: no exporter knows them.
    """
    start = np.asarray(table[columns.FLOW_START], np.int64) * 1_000_000
    lasted = np.asarray(pc.fill_null(table[columns.DURATION], 0.0), np.float64)
    end = start + (lasted * 1e6).astype(np.int64)
    src, dst = (_either(table, names) for names in (columns.SRC_ADDRESSES, columns.DST_ADDRESSES))
    v4 = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    if columns.IPV4_SRC in table.column_names:
        v4 = table[columns.IPV4_SRC]
    numbers = np.asarray(table[columns.PROTOCOL], np.int64)
    names = pa.array([_PROTOCOLS.get(n, str(n)) for n in range(256)])
    common = {
        "type": pa.array(np.repeat("IPFIX", table.num_rows)),
        "time_received_ns": pa.array(end),
        "sampling_rate": pa.array(np.zeros(table.num_rows, np.int64)),
        "sampler_address": pa.array(np.repeat(SAMPLER, table.num_rows)),
        "time_flow_end_ns": pa.array(end),
        "etype": pc.if_else(pc.is_valid(v4), "IPv4", "IPv6"),
        "proto": names.take(pa.array(numbers)),
    }
    ports = table[columns.SRC_PORT], table[columns.DST_PORT]
    # an answer comes after its question, if there is time for that
    later = start + np.where(lasted >= 2.0, 1_000_000, 0)
    there = {
        "time_flow_start_ns": pa.array(start),
        "bytes": table[columns.IN_BYTES], "packets": table["IN_PKTS"],
        "src_addr": src, "dst_addr": dst, "src_port": ports[0], "dst_port": ports[1],
    }  # fmt: skip
    back = {
        "time_flow_start_ns": pa.array(later),
        "bytes": table[columns.OUT_BYTES], "packets": table["OUT_PKTS"],
        "src_addr": dst, "dst_addr": src, "src_port": ports[1], "dst_port": ports[0],
    }  # fmt: skip
    both = pa.concat_tables([pa.table({**common, **there}), pa.table({**common, **back})])
    answered = np.asarray(table[columns.OUT_BYTES], np.int64) > 0
    place = np.arange(table.num_rows)
    order = np.stack([place, place + table.num_rows], 1)
    return both.take(pa.array(order.ravel()[np.stack([np.ones_like(answered), answered], 1).ravel()]))


def _either(table: pa.Table, names: tuple[str, str]) -> pa.ChunkedArray:
    found = [table[name] for name in names if name in table.column_names]
    return pc.coalesce(*found)
