"""EVE: alerts in Suricata's EVE JSON (docs.suricata.io, output/eve)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.detect.alert_fields import AlertFields, iso_time, nested, rest_of
from morpheus_gae.detect.explained import FACTS

GENERATOR = 9200
"""gid of these alerts, not used by Suricata itself."""


def eve(table: pa.Table) -> pa.Table:
    """Convert alert rows to EVE alert events.

    Parameters
    ----------
    table
        E alert rows (``detect.alerts.alert_table``).

    Returns
    -------
    pyarrow.Table
        E rows with nested columns; scores are under ``gae``, other input columns in ``gae.record``.
    """
    a = AlertFields.of(table)
    n = len(a)
    number = pc.cast(a.protocol, pa.string())
    event = {
        "timestamp": iso_time(a.start_ms),
        "flow_id": number_of(a.id),
        "event_type": "alert",
        "src_ip": a.src,
        "src_port": a.src_port,
        "dest_ip": a.dst,
        "dest_port": a.dst_port,
        "proto": pc.coalesce(pc.utf8_upper(a.transport), pc.utf8_lpad(number, 3, "0")),
        "alert": {
            "action": "allowed",
            "gid": GENERATOR,
            "signature_id": 1,
            "rev": 1,
            "signature": pc.binary_join_element_wise("GAE", a.why, " "),
            "category": "Anomalous network flow",
            # 1 is the most severe
            "severity": pa.array(np.int8(3) - a.severity),
            # like Suricata's rule metadata: lists of text by name
            "metadata": {FACTS: a.explained[FACTS]} if FACTS in a.explained else None,
        },
        "flow": {
            "bytes_toserver": a.in_bytes,
            "bytes_toclient": a.out_bytes,
            "start": iso_time(a.start_ms),
            "end": iso_time(a.end_ms),
            "age": pa.array((a.end_ms - a.start_ms) // 1000),
        },
        "gae": {
            "id": a.id,
            "anomaly_score": a.score,
            "surprise": a.surprise,
            "threshold": a.threshold,
            "model": a.model,
            **{name: told for name, told in a.details.items() if name != FACTS},
            "record": rest_of(a),
        },
    }
    return pa.Table.from_struct_array(nested(event, n))


def number_of(ids: pa.Array) -> pa.Array:
    """Convert ids of 16 hex digits to int64 [N]: 53 bits, which every JSON parser preserves."""
    raw = np.array(ids.to_numpy(zero_copy_only=False), "S16")
    digits = raw.view(np.uint8).reshape(-1, 16).astype(np.int64)
    nibbles = np.where(digits >= ord("a"), digits - ord("a") + 10, digits - ord("0"))[:, :13]
    return pa.array(nibbles @ (np.int64(16) ** np.arange(12, -1, -1, dtype=np.int64)))
