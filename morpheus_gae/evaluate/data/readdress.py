"""Readdress: moves flows to other hosts, in the arrays and in the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.columns import DST_ADDRESSES, SRC_ADDRESSES
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.memory import host_keys

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


def onto_benign_pairs(flows: Flows, donors: Flows, rng: np.random.Generator) -> Flows:
    """Move each flow to source and destination of a random flow of ``donors`` (busy pairs more often)."""
    i = rng.integers(len(donors), size=len(flows))
    return with_addresses(flows, donors.src_hi[i], donors.src_lo[i], donors.dst_hi[i], donors.dst_lo[i])


def onto_random_hosts(flows: Flows, donors: Flows, rng: np.random.Generator) -> Flows:
    """Move each source host and, independently, each destination host to a host of ``donors``.

    All flows of one source move together, so that a scan stays the scan of one host. No flow ends on the
    host it starts from, unless ``donors`` has a single host.
    """
    hi, lo = np.concatenate([donors.src_hi, donors.dst_hi]), np.concatenate([donors.src_lo, donors.dst_lo])
    _, first = np.unique(host_keys(hi, lo, 0), return_index=True)
    # by address, so that the draw depends on nothing else
    first = first[np.lexsort((lo[first], hi[first]))]
    hi, lo = hi[first], lo[first]
    src = _moved(flows.src_hi, flows.src_lo, first.shape[0], rng)
    dst = _moved(flows.dst_hi, flows.dst_lo, first.shape[0], rng)
    dst = np.where(src == dst, (dst + 1) % first.shape[0], dst)
    return with_addresses(flows, hi[src], lo[src], hi[dst], lo[dst])


def with_text_addresses(flows: Flows) -> Flows:
    """Convert address columns to plain text, so that flows can be concatenated with re-addressed ones."""
    return with_addresses(flows, flows.src_hi, flows.src_lo, flows.dst_hi, flows.dst_lo)


def with_addresses(flows: Flows, src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64) -> Flows:
    """Return the flows with other addresses.

    Parameters
    ----------
    flows
        E flows.
    src_hi, src_lo, dst_hi, dst_lo
        uint64 [E].

    Returns
    -------
    Flows
        Arrays and the table's address columns changed; an IPv6 address goes to the IPv6 column where the
        table has one, else beside the IPv4 addresses.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from morpheus_gae.flows.addresses.text import format_addresses

    table = flows.table
    for columns, hi, lo in ((SRC_ADDRESSES, src_hi, src_lo), (DST_ADDRESSES, dst_hi, dst_lo)):
        present = [name for name in columns if name in table.column_names]
        text = format_addresses(hi, lo)
        v4 = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
        for name in present:
            mine = np.ones(len(flows), np.bool_) if len(present) == 1 else v4 == (name == columns[0])
            value = pc.if_else(pa.array(mine), text, pa.scalar(None, pa.string()))
            table = table.set_column(table.column_names.index(name), name, value)
    return replace(flows, table=table, src_hi=src_hi, src_lo=src_lo, dst_hi=dst_hi, dst_lo=dst_lo)


def _moved(hi: U64, lo: U64, hosts: int, rng: np.random.Generator) -> I64:
    """int64 [E] in ``range(hosts)``: the same for all flows of one address."""
    _, which = np.unique(host_keys(hi, lo, 0), return_inverse=True)
    distinct = int(which.max(initial=-1)) + 1
    return rng.integers(hosts, size=distinct)[which]
