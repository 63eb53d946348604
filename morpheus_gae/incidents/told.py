"""Told: the columns common to all incident encodings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.incidents import records
from morpheus_gae.incidents.fold import Change

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Told:
    """Columns common to all encodings of N incidents.

    Attributes
    ----------
    rows
        Records (``incidents.records.record``).
    plain
        The same as a table.
    first_ms, last_ms
        int64 [N], milliseconds since the epoch; the time of the call where flows have no times.
    source, destination
        Text [N]: the host with most flows on its side.
    protocol, port
        int32 [N] of the service; null if there are several, or it is unknown.
    transport
        Text [N], see ``records.PROTOCOLS``; null as ``protocol``, and for others.
    """

    rows: list[dict[str, Any]]
    plain: pa.Table
    first_ms: I64
    last_ms: I64
    source: pa.Array
    destination: pa.Array
    protocol: pa.Array
    port: pa.Array
    transport: pa.Array

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, changes: Sequence[Change], model: str) -> Told:
        """Build the columns from incidents."""
        plain = records.table(changes, model)
        now = time.time_ns() // 1_000_000
        seen = [(c.incident.first, c.incident.last) for c in changes]
        first = [now if a is None else a for a, _ in seen]
        last = [now if b is None else b for _, b in seen]
        services = [_service(list(c.incident.services.counts)) for c in changes]
        names = [records.PROTOCOLS.get(-1 if p is None else p) for p, _ in services]
        return cls(
            rows=plain.to_pylist(),
            plain=plain,
            first_ms=np.array(first, np.int64),
            last_ms=np.array(last, np.int64),
            source=pa.array([c.incident.sources.most(1)[0] for c in changes], pa.string()),
            destination=pa.array([c.incident.targets.most(1)[0] for c in changes], pa.string()),
            protocol=pa.array([p for p, _ in services], pa.int32()),
            port=pa.array([p for _, p in services], pa.int32()),
            transport=pa.array(names, pa.string()),
        )

    def column(self, name: str) -> pa.Array:
        """Return a column of the records as one array."""
        return pa.concat_arrays(self.plain[name].chunks) if len(self) else self.plain[name].combine_chunks()

    @property
    def reason(self) -> pa.Array:
        """Text [N]: the summary, and the facts behind it."""
        told = [f"{row['summary']}. {'; '.join(row['facts'])}" for row in self.rows]
        return pa.array(told, pa.string())

    def each(self, name: str, values: dict[Any, Any], kind: pa.DataType) -> pa.Array:
        """Map a word of the records to another vocabulary."""
        return pa.array([values[row[name]] for row in self.rows], kind)

    def rest(self, *told: str) -> dict[str, pa.Array]:
        """Return the columns of the records that are not covered yet."""
        return {name: self.column(name) for name in self.plain.column_names if name not in told}


def optional_lists(values: list[list[Any]], kind: pa.DataType) -> pa.ListArray:
    """Return a list column with empty lists as null, so that the attribute is left out."""
    return pa.array([value or None for value in values], pa.list_(kind))


def _service(names: list[str]) -> tuple[int | None, int | None]:
    """Return protocol and port, if common to all services."""
    pairs = [(int(protocol), int(port)) for protocol, _, port in (name.partition("/") for name in names)]
    protocols, ports = {p for p, _ in pairs}, {p for _, p in pairs}
    protocol = next(iter(protocols)) if len(protocols) == 1 else -1
    port = next(iter(ports)) if len(pairs) == 1 else -1
    return (None if protocol < 0 else protocol), (None if port < 0 else port)
