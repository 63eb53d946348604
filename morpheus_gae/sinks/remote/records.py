"""Records: alerts as sent to a server, with their metadata."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.detect.alert_fields import AlertFields
from morpheus_gae.detect.alerts import ALERT_COLUMNS
from morpheus_gae.detect.cef import CEF
from morpheus_gae.sinks.ndjson import json_lines

Encode = Callable[[pa.Table], pa.Table]
SEVERITIES = ("low", "medium", "high", "critical")
"""Severities of a record; alerts have the first three."""
INCIDENT_COLUMNS = frozenset({"id", "state", "kind", "severity", "last_seen", "summary"})
"""Columns that identify a table of incidents (``incidents.records.table``)."""


class Record(NamedTuple):
    """A record to send.

    Attributes
    ----------
    body
        JSON or CEF, one line of UTF-8 without its end.
    id
        Stable id; empty if it has none.
    time_ms
        Milliseconds since the epoch.
    severity
        Index into ``SEVERITIES``.
    text
        Human-readable text, one line.
    kind
        ``alert``, ``incident``, or another kind.
    state
        State of records that are sent again on changes; else empty.
    """

    body: bytes
    id: str
    time_ms: int
    severity: int
    text: str
    kind: str = "alert"
    state: str = ""


def records_of(table: pa.Table, encode: Encode) -> list[Record]:
    """Convert rows to records.

    Parameters
    ----------
    table
        E alert rows (``detect.alerts.alert_table``), incidents (``incidents.records.table``, perhaps with
        more columns), or rows of another kind: then their columns ``id``, ``time`` (milliseconds),
        ``severity`` (0 to 3), ``text`` and ``kind`` are used where present.
    encode
        Converts rows to the encoding that is sent.
    """
    if table.num_rows == 0:
        return []
    encoded = encode(table)
    if encoded.column_names == [CEF]:
        bodies = [text.encode() for text in encoded[CEF].to_pylist()]
    else:
        bodies = json_lines(encoded).split(b"\n")[:-1]
    if set(ALERT_COLUMNS) <= set(table.column_names):
        return _alerts(table, bodies)
    if set(table.column_names) >= INCIDENT_COLUMNS:
        return _incidents(table, bodies)
    return _others(table, bodies)


def _alerts(table: pa.Table, bodies: list[bytes]) -> list[Record]:
    a = AlertFields.of(table)
    score, port = a.score.to_pylist(), a.dst_port.to_pylist()
    told = zip(a.src.to_pylist(), a.dst.to_pylist(), port, a.reason.to_pylist(), score, strict=True)
    texts = [
        f"{src} → {dst}{'' if to is None else f' port {to}'}: {why} (score {s:.4f})"
        for src, dst, to, why, s in told
    ]
    columns = (bodies, a.id.to_pylist(), a.start_ms.tolist(), a.severity.tolist(), texts)
    return [Record(*row) for row in zip(*columns, strict=True)]


def _incidents(table: pa.Table, bodies: list[bytes]) -> list[Record]:
    now = time.time_ns() // 1_000_000
    # time of the state: monotonic
    text = pc.replace_substring(table["last_seen"], "Z", "")
    times = pc.cast(pc.cast(text, pa.timestamp("ms")), pa.int64()).to_pylist()
    names = ("id", "severity", "state", "summary")
    columns = (table[name].to_pylist() for name in names)
    return [
        Record(
            body,
            name,
            now if at is None else at,
            SEVERITIES.index(word),
            f"{state}: {told}",
            "incident",
            state,
        )
        for body, at, name, word, state, told in zip(bodies, times, *columns, strict=True)
    ]


def _others(table: pa.Table, bodies: list[bytes]) -> list[Record]:
    rows = table.num_rows
    now = time.time_ns() // 1_000_000

    def column(name: str, default: object) -> list[object]:
        if name not in table.column_names:
            return [default] * rows
        return [default if value is None else value for value in table[name].to_pylist()]

    told = zip(
        *(column(*c) for c in (("id", ""), ("time", now), ("severity", 0), ("text", ""), ("kind", "record"))),
        strict=True,
    )
    return [
        Record(body, str(i), _whole(at, now), int(np.clip(_whole(grade, 0), 0, 3)), str(text), str(kind))
        for body, (i, at, grade, text, kind) in zip(bodies, told, strict=True)
    ]


def _whole(value: object, default: int) -> int:
    return int(value) if isinstance(value, (int, float)) else default
