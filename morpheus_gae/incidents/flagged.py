"""Flagged: the flagged flows of one window, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.detect.alert_flows import AlertFlows, Counter, milliseconds
from morpheus_gae.detect.alerts import GRAPH
from morpheus_gae.flows import columns
from morpheus_gae.flows.addresses.text import format_addresses

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Text = npt.NDArray[np.object_]

NO_PORT = -1
LAST_PORT = 65_535
EPHEMERAL = 32_768
"""First ephemeral port (Linux; 49152 in RFC 6335)."""
WELL_KNOWN = 1_024

MOST_BYTES = float((1 << 63) - 1024)
"""The largest float64 that an int64 holds."""
BELOW_ONE = float(np.nextafter(1.0, 0.0))
PARTS = ("surprise_pair", "surprise_flow", GRAPH)


@dataclass(frozen=True)
class Flagged:
    """E flagged flows.

    Attributes
    ----------
    ids
        Text [E], see ``AlertFlows.ids``.
    hosts
        Text [H], addresses.
    src, dst
        int64 [E], indices into ``hosts``.
    protocol, port
        int64 [E]: IANA number and port of the service; ``NO_PORT`` where unknown.
    start, end
        int64 [E], milliseconds since the epoch; 0 where a flow has no time.
    timed
        bool [E]: it has a start time.
    up, down
        float64 [E] bytes forward and backward.
    surprise, threshold
        float64 [E] nats.
    parts
        float64 [E, 3] nats: pair, flow, added by other flows (``PARTS``).
    """

    ids: Text
    hosts: Text
    src: I64
    dst: I64
    protocol: I64
    port: I64
    start: I64
    end: I64
    timed: npt.NDArray[np.bool_]
    up: F64
    down: F64
    surprise: F64
    threshold: F64
    parts: F64

    @property
    def service(self) -> I64:
        """Return protocol and port as one number, int64 [E], see ``split_service``."""
        return (self.protocol + 1 << 20) + self.port + 1

    def __len__(self) -> int:
        return int(self.src.shape[0])

    def pieces(self, span_ms: int) -> Iterator[Flagged]:
        """Split the flows into spans of time at multiples since the epoch; those without times come first.

        The split does not depend on the windows.
        """
        # flows without times precede all others
        span = np.where(self.timed, self.start // span_ms, np.iinfo(np.int64).min)
        order = np.argsort(span, kind="stable")
        starts = np.flatnonzero(np.diff(span[order])) + 1
        if not starts.size:
            yield self
            return
        for rows in np.split(order, starts):
            yield self._take(rows)

    def _take(self, rows: I64) -> Flagged:
        used, both = np.unique(np.r_[self.src[rows], self.dst[rows]], return_inverse=True)
        both = both.reshape(-1)
        parts = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "hosts"}
        parts.update(src=both[: len(rows)], dst=both[len(rows) :], hosts=self.hosts[used])
        return replace(self, **parts)

    @classmethod
    def of(cls, table: pa.Table) -> Flagged:
        """Read a table of alert rows (``detect.alerts.alert_table``, encoding ``plain``)."""
        flows = AlertFlows.of(table)
        n, told = table.num_rows, flows.counters
        both = pa.concat_arrays([format_addresses(*flows.src), format_addresses(*flows.dst)])
        both = both.dictionary_encode()
        host = np.asarray(both.indices, np.int64)
        start, times = milliseconds(told[columns.FLOW_START].values), ~told[columns.FLOW_START].missing
        src_port, dst_port = _ports(told[columns.SRC_PORT]), _ports(told[columns.DST_PORT])
        # a record of the responses has the service as its source
        turned = (dst_port >= EPHEMERAL) & (src_port >= 0) & (src_port < WELL_KNOWN)
        return cls(
            ids=flows.ids.astype(object),
            hosts=both.dictionary.to_numpy(zero_copy_only=False),
            src=host[:n],
            dst=host[n:],
            protocol=_ports(told[columns.PROTOCOL]),
            port=np.where(turned, src_port, dst_port),
            start=np.where(times, start, 0),
            end=np.where(times, start + milliseconds(told[columns.DURATION].values), 0),
            timed=times,
            up=_bytes(told[columns.IN_BYTES]),
            down=_bytes(told[columns.OUT_BYTES]),
            surprise=_column(table, "surprise"),
            threshold=-np.log1p(-np.minimum(_column(table, "threshold"), BELOW_ONE)),
            parts=np.stack([_column(table, name) for name in PARTS], 1),
        )


def split_service(number: int) -> tuple[int, int]:
    """Split ``Flagged.service`` into protocol and port."""
    return (number >> 20) - 1, (number & (1 << 20) - 1) - 1


def _ports(counter: Counter) -> I64:
    known = ~counter.missing & (counter.values >= 0) & (counter.values < LAST_PORT + 1)
    return np.where(known, counter.values, NO_PORT).astype(np.int64)


def _bytes(counter: Counter) -> F64:
    # whole ones, as in records
    return np.clip(counter.values, 0.0, MOST_BYTES).astype(np.int64).astype(np.float64)


def _column(table: pa.Table, name: str) -> F64:
    if name not in table.column_names:
        return np.zeros(table.num_rows)
    column = table[name]
    if column.null_count or not pa.types.is_floating(column.type):
        column = pc.fill_null(pc.cast(column, pa.float64(), safe=False), 0.0)
    told = np.asarray(column, np.float64)
    return np.maximum(np.nan_to_num(told, nan=0.0, posinf=0.0, neginf=0.0), 0.0)
