"""AlertFlows: the flows of alert rows as arrays, and the ids that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows import columns
from morpheus_gae.flows.addresses.kernels import V4_PREFIX
from morpheus_gae.flows.addresses.text import parse_addresses
from morpheus_gae.flows.tables.numbers import numbers

if TYPE_CHECKING:
    import pyarrow as pa

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]
Text = npt.NDArray[np.str_]

ORIGIN = ("topic", "partition", "offset", "row")
"""Columns with the origin of a flow."""
COUNTERS = (
    *(columns.FLOW_START, columns.SRC_PORT, columns.DST_PORT, columns.PROTOCOL, *columns.ATTRIBUTES),
    *(name for name in ORIGIN if name != "topic"),
)
"""What an id is made of, beside the addresses; in this order."""
_FAR = float(1 << 53)


class Counter(NamedTuple):
    """A column of counters.

    Attributes
    ----------
    values
        float64 [E]; 0 where missing.
    missing
        bool [E]: absent or not a number.
    """

    values: F64
    missing: npt.NDArray[np.bool_]

    @property
    def column(self) -> pa.Array:
        """Return float64 [E], null where missing."""
        import pyarrow as pa

        return pa.array(self.values, mask=self.missing)


@dataclass(frozen=True)
class AlertFlows:
    """The flows of E alerts.

    Attributes
    ----------
    ids
        Text [E]: 16 hex digits computed from the flow only, so a flow delivered twice has the same id.
    src, dst
        Addresses, two uint64 [E] each, see ``flows.addresses``.
    counters
        By name: those of ``COUNTERS``.
    """

    ids: Text
    src: tuple[U64, U64]
    dst: tuple[U64, U64]
    counters: dict[str, Counter]

    @classmethod
    def of(cls, table: pa.Table) -> AlertFlows:
        """Read a table of alert rows (``detect.alerts.alert_table``), each column once."""
        src, dst = addresses(table, columns.SRC_ADDRESSES), addresses(table, columns.DST_ADDRESSES)
        counters = {name: _counter(table, name) for name in COUNTERS}
        return cls(_ids(counters, table.num_rows, *src, *dst), src, dst, counters)


def milliseconds(values: Any) -> Any:
    """Return integer milliseconds, int64 [E]; times out of range are clipped, missing ones 0."""
    told = np.nan_to_num(np.asarray(values, np.float64), nan=0.0)
    return np.clip(told, -_FAR, _FAR).astype(np.int64)


def addresses(table: pa.Table, names: tuple[str, str]) -> tuple[U64, U64]:
    """Parse the addresses of one side, as two uint64 [E].

    Parameters
    ----------
    table
        E flows.
    names
        Columns of IPv4 and of IPv6 addresses, see ``flows.columns``; absent ones are null.
    """
    hi, lo = np.zeros(table.num_rows, np.uint64), np.full(table.num_rows, V4_PREFIX, np.uint64)
    for name in names:
        if name in table.column_names:
            high, low, ok = parse_addresses(table[name])
            # as in reading: the v6 column is used where the v4 column is unset
            blank = (hi == 0) & ((lo == 0) | (lo == np.uint64(V4_PREFIX))) & ok
            hi, lo = np.where(blank, high, hi), np.where(blank, low, lo)
    return hi, lo


def _counter(table: pa.Table, name: str) -> Counter:
    if name not in table.column_names:
        return Counter(np.zeros(table.num_rows), np.ones(table.num_rows, bool))
    values, absent, misfit = numbers(table[name])
    missing = absent | misfit
    return Counter(np.where(missing, 0.0, values), missing)


def _mix(x: Any) -> Any:
    """Apply SplitMix64's finaliser (Steele et al. 2014) to uint64 [E]."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _ids(counters: dict[str, Counter], rows: int, *addresses: U64) -> Text:
    x = np.full(rows, 0x9E3779B97F4A7C15, np.uint64)
    for part in addresses:
        x = _mix(x ^ part)
    for name in COUNTERS:
        values, missing = counters[name]
        x = _mix(x ^ np.where(missing, -1.0, values).view(np.uint64))
    # identical records are distinguished by their order
    _, first, group = np.unique(x, return_index=True, return_inverse=True)
    if first.shape[0] < rows:
        order = np.argsort(group, kind="stable")
        starts = np.r_[0, np.flatnonzero(np.diff(group[order])) + 1]
        rank = np.empty(rows, np.int64)
        rank[order] = np.arange(rows) - np.repeat(starts, np.diff(np.r_[starts, rows]))
        x = np.where(rank > 0, _mix(x ^ rank.astype(np.uint64)), x)
    octets = x.byteswap().view(np.uint8).reshape(rows, 8)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.stack([digits[octets >> 4], digits[octets & 15]], 2).reshape(rows, 16)
    return text.view("S16").ravel().astype("U16") if rows else np.zeros(0, "U16")
