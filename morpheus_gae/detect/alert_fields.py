"""AlertFields: the fields common to all alert encodings, extracted from alert rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.detect.alert_flows import AlertFlows, milliseconds
from morpheus_gae.detect.alerts import ALERT_COLUMNS
from morpheus_gae.detect.explained import EXPLAINED, FACTS
from morpheus_gae.flows import columns
from morpheus_gae.flows.addresses.kernels import V4_PREFIX
from morpheus_gae.flows.addresses.text import format_addresses

I64 = npt.NDArray[np.int64]

TRANSPORTS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "ipv6-icmp", 132: "sctp"}
"""Names of common protocol numbers (IANA); others have only their number."""

SEVERITIES = (0.001, 0.0001)
"""Severity levels: upper limits of the share of benign flows with at least this surprise."""


@dataclass(frozen=True)
class AlertFields:
    """E alerts.

    Attributes
    ----------
    id
        Text [E]: 16 hex digits computed from the flow only, so a flow delivered twice has the same id.
    start_ms, end_ms
        int64 [E], milliseconds since the epoch; the time of the call where the input has none.
    duration_ms
        float64 [E]; null where the flow has none.
    src, dst
        Text [E], canonical addresses.
    src_port, dst_port, protocol
        int32 [E], null where the input has none.
    transport, version
        Text [E]: ``tcp``, ``udp``, ..., null for others; ``ipv4`` or ``ipv6``.
    in_bytes, out_bytes
        int64 [E].
    severity
        int8 [E]: 0 low, 1 medium, 2 high (see ``SEVERITIES``).
    score, surprise, threshold
        float32 [E].
    why, model
        Text [E].
    explained
        Columns of ``explain.EXPLAINED``, by name; empty where the alerts have none.
    rest
        Table of all other columns.
    """

    id: pa.Array
    start_ms: I64
    end_ms: I64
    duration_ms: pa.Array
    src: pa.Array
    dst: pa.Array
    src_port: pa.Array
    dst_port: pa.Array
    protocol: pa.Array
    transport: pa.Array
    version: pa.Array
    in_bytes: pa.Array
    out_bytes: pa.Array
    severity: npt.NDArray[np.int8]
    score: pa.Array
    surprise: pa.Array
    threshold: pa.Array
    why: pa.Array
    model: pa.Array
    explained: dict[str, pa.Array]
    rest: pa.Table

    def __len__(self) -> int:
        return int(self.start_ms.shape[0])

    @property
    def reason(self) -> pa.Array:
        """Return the reason and the facts of each alert, text [E]."""
        if FACTS not in self.explained:
            return self.why
        facts = pc.binary_join(self.explained[FACTS], "; ")
        some = pc.greater(pc.utf8_length(facts), 0)
        return pc.if_else(some, pc.binary_join_element_wise(self.why, facts, ": "), self.why)

    @property
    def details(self) -> dict[str, Any]:
        """Return the explanation of alerts, nested: contributions, percentiles and facts."""
        out: dict[str, Any] = {}
        for name, column in self.explained.items():
            group, _, short = name.partition("_")
            if short:
                out.setdefault(group, {})[short] = column
            else:
                out[name] = column
        return out

    @classmethod
    def of(cls, table: pa.Table) -> AlertFields:
        """Read a table of alert rows (``detect.alerts.alert_table``)."""
        flows = AlertFlows.of(table)
        now, start = time.time_ns() // 1_000_000, flows.counters[columns.FLOW_START]
        start_ms = np.where(start.missing, now, milliseconds(start.values))
        duration = flows.counters[columns.DURATION]
        protocol = _whole(flows.counters[columns.PROTOCOL].column)
        surprise = np.asarray(table["surprise"], np.float64)
        (src_hi, src_lo), (dst_hi, dst_lo) = flows.src, flows.dst
        v4 = (src_hi == 0) & (src_lo >> np.uint64(32) == np.uint64(int(V4_PREFIX) >> 32))
        return cls(
            id=pa.array(flows.ids) if len(flows.ids) else pa.array([], pa.string()),
            start_ms=start_ms,
            end_ms=start_ms + milliseconds(duration.values),
            duration_ms=duration.column,
            src=_flat(format_addresses(src_hi, src_lo)),
            dst=_flat(format_addresses(dst_hi, dst_lo)),
            src_port=_whole(flows.counters[columns.SRC_PORT].column),
            dst_port=_whole(flows.counters[columns.DST_PORT].column),
            protocol=protocol,
            transport=pc.take(
                pa.array(TRANSPORTS.values()),
                pc.index_in(protocol, value_set=pa.array(TRANSPORTS, pa.int32())),
            ),
            version=pc.if_else(pa.array(v4), "ipv4", "ipv6"),
            in_bytes=whole64(flows.counters[columns.IN_BYTES].column),
            out_bytes=whole64(flows.counters[columns.OUT_BYTES].column),
            severity=np.sum([surprise >= -np.log(s) for s in SEVERITIES], 0, dtype=np.int8),
            score=_flat(table["anomaly_score"]),
            surprise=_flat(table["surprise"]),
            threshold=_flat(table["threshold"]),
            why=_flat(table["why"]),
            model=_flat(table["model"]),
            explained={n: _flat(table[n]) for n in EXPLAINED if n in table.column_names},
            rest=table.drop_columns([n for n in table.column_names if n in _TOLD]),
        )


# the columns covered by fields; the others are carried along
_MOST = float((1 << 63) - 1024)  # the largest float64 that an int64 holds
_TOLD = {
    *columns.ADDRESSES, *columns.ATTRIBUTES, columns.FLOW_START, columns.SRC_PORT, columns.DST_PORT,
    columns.PROTOCOL, *ALERT_COLUMNS, *EXPLAINED,
}  # fmt: skip


def nested(fields: dict[str, Any], rows: int) -> pa.StructArray:
    """Build a struct column from arrays, constants and nested dicts; empty dicts and None are left out."""
    arrays, names = [], []
    for name, value in fields.items():
        if value is not None and not (isinstance(value, dict) and not value):
            arrays.append(_column(value, rows))
            names.append(name)
    return pa.StructArray.from_arrays(arrays, names)


def _column(value: Any, rows: int) -> pa.Array:
    if isinstance(value, dict):
        return nested(value, rows)
    if isinstance(value, np.ndarray):
        return pa.array(value)
    return value if isinstance(value, pa.Array) else pa.repeat(pa.scalar(value), rows)


def lists(*parts: pa.Array) -> pa.ListArray:
    """Build a list column: the i-th list has the i-th value of each array."""
    rows, width = len(parts[0]), len(parts)
    order = np.arange(rows * width).reshape(width, rows).T.ravel()
    values = pa.concat_arrays(list(parts)).take(pa.array(order))
    return pa.ListArray.from_arrays(pa.array(np.arange(0, rows * width + 1, width), pa.int32()), values)


def iso_time(ms: I64) -> pa.Array:
    """Format times as RFC 3339 text in UTC, to the millisecond."""
    text = pc.strftime(pa.array(ms).cast(pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(text, "Z", "")


def rest_of(fields: AlertFields) -> dict[str, Any]:
    """Return the other columns, by name."""
    return {name: _flat(fields.rest[name]) for name in fields.rest.column_names}


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def whole64(values: pa.Array) -> pa.Array:
    """Convert float64 to int64 [E]; values beyond become the limits, which an unsafe cast would turn over."""
    told = np.asarray(pc.fill_null(values, 0.0), np.float64)
    return pa.array(np.clip(told, -_MOST, _MOST).astype(np.int64), mask=np.asarray(values.is_null()))


def _whole(values: pa.Array) -> pa.Array:
    fits = pc.and_(pc.greater_equal(values, 0), pc.less(values, 1 << 31))
    return pc.if_else(fits, values, pa.scalar(None, pa.float64())).cast(pa.int32(), safe=False)
