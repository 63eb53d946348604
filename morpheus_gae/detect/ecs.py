"""ECS: alerts in the Elastic Common Schema 8.11 (elastic.co/guide/en/ecs)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae import __version__
from morpheus_gae.detect.alert_fields import AlertFields, iso_time, lists, nested, rest_of, whole64

ECS_VERSION = "8.11.0"
_NS = 1e6
_MOST = (1 << 63) - 1


def ecs(table: pa.Table) -> pa.Table:
    """Convert alert rows to ECS documents.

    Parameters
    ----------
    table
        E alert rows (``detect.alerts.alert_table``).

    Returns
    -------
    pyarrow.Table
        E rows with nested columns. Values without an ECS field are under ``morpheus_gae``, other input
        columns under ``morpheus_gae.record``.
    """
    a = AlertFields.of(table)
    n = len(a)
    words = [pa.repeat(pa.scalar(word), n) for word in ("network", "connection", "info")]
    document = {
        "@timestamp": iso_time(a.start_ms),
        "ecs": {"version": ECS_VERSION},
        "message": pc.binary_join_element_wise(a.src, a.dst, " -> "),
        "event": {
            "id": a.id,
            "kind": "alert",
            "category": lists(words[0]),
            "type": lists(words[1], words[2]),
            "module": "morpheus_gae",
            "dataset": "morpheus_gae.alert",
            "reason": a.reason,
            "start": iso_time(a.start_ms),
            "end": iso_time(a.end_ms),
            "duration": whole64(pc.multiply(a.duration_ms, _NS)),
            "risk_score": pc.multiply(a.score, 100.0).cast(pa.float32()),
            "severity": pa.array(a.severity * 26 + 21),
        },
        "rule": {"name": "anomalous flow", "category": "anomaly", "version": a.model},
        "source": {"ip": a.src, "address": a.src, "port": a.src_port, "bytes": a.in_bytes},
        "destination": {"ip": a.dst, "address": a.dst, "port": a.dst_port, "bytes": a.out_bytes},
        "network": {
            "type": a.version,
            "transport": a.transport,
            "iana_number": pc.cast(a.protocol, pa.string()),
            "bytes": _sum(a.in_bytes, a.out_bytes),
        },
        "related": {"ip": lists(a.src, a.dst)},
        "observer": {"vendor": "morpheus-gae", "product": "morpheus-gae", "version": __version__},
        "morpheus_gae": {
            "anomaly_score": a.score,
            "surprise": a.surprise,
            "threshold": a.threshold,
            "model": a.model,
            **a.details,
            "record": rest_of(a),
        },
    }
    return pa.Table.from_struct_array(nested(document, n))


def _sum(one: pa.Array, other: pa.Array) -> pa.Array:
    """Add int64 [E] of at least 0; a sum beyond 64 bits is the most that these hold."""
    room = pc.subtract(_MOST, other)
    return pc.if_else(pc.greater(one, room), pa.scalar(_MOST, pa.int64()), pc.add(one, other))
