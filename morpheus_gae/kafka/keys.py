"""Keys: message keys by unordered pair of hosts, so that a pair's messages stay in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

BETWEEN = "|"


def _ends(table: pa.Table) -> tuple[tuple[U64, U64], tuple[U64, U64]]:
    """Return both halves of the smaller address of each row, and of the larger."""
    from morpheus_gae.flows import columns
    from morpheus_gae.flows.exporters.convert import _addresses

    src_hi, src_lo, _ = _addresses(table, *columns.SRC_ADDRESSES)
    dst_hi, dst_lo, _ = _addresses(table, *columns.DST_ADDRESSES)
    swap = (src_hi > dst_hi) | ((src_hi == dst_hi) & (src_lo > dst_lo))
    low = np.where(swap, dst_hi, src_hi), np.where(swap, dst_lo, src_lo)
    return low, (np.where(swap, src_hi, dst_hi), np.where(swap, src_lo, dst_lo))


def pair_keys(table: pa.Table) -> list[bytes]:
    """Return the key of each row: ``10.0.0.1|10.0.0.2``, the smaller address first.

    Parameters
    ----------
    table
        E rows with canonical addresses.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from morpheus_gae.flows.addresses.text import format_addresses

    low, high = _ends(table)
    text = pc.binary_join_element_wise(format_addresses(*low), format_addresses(*high), BETWEEN)
    keys: list[bytes] = text.cast(pa.binary()).to_pylist()
    return keys


def pair_partitions(table: pa.Table, partitions: int) -> I64:
    """Return the partition of each row's pair, int64 [E] below ``partitions``, by a stable hash.

    Parameters
    ----------
    table
        E rows with canonical addresses.
    partitions
        Number of partitions.
    """
    low, high = _ends(table)
    mixed = np.zeros(table.num_rows, np.uint64)
    for part in (*low, *high):
        # splitmix64's finisher
        mixed = (mixed ^ part) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed % np.uint64(partitions)).astype(np.int64)
