"""OCSF: alerts as Detection Findings of the Open Cybersecurity Schema Framework 1.1 (schema.ocsf.io)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae import __version__
from morpheus_gae.detect.alert_fields import AlertFields, lists, nested, rest_of

OCSF_VERSION = "1.1.0"
_SEVERITIES = ((2, "Low"), (3, "Medium"), (4, "High"))
LEARNING = 4
"""Analytic type: Learning (ML/DL)."""


def ocsf(table: pa.Table) -> pa.Table:
    """Convert alert rows to OCSF Detection Findings.

    Parameters
    ----------
    table
        E alert rows (``detect.alerts.alert_table``).

    Returns
    -------
    pyarrow.Table
        E rows with nested columns. Values without an attribute are under ``unmapped``.
    """
    a = AlertFields.of(table)
    n = len(a)
    evidence = nested(
        {
            "src_endpoint": {"ip": a.src, "port": a.src_port},
            "dst_endpoint": {"ip": a.dst, "port": a.dst_port},
            "connection_info": {
                "direction_id": 0,
                "protocol_num": a.protocol,
                "protocol_name": a.transport,
                "protocol_ver_id": pc.if_else(pc.equal(a.version, "ipv4"), 4, 6),
            },
            "data": {"bytes_out": a.in_bytes, "bytes_in": a.out_bytes, "duration": a.duration_ms},
        },
        n,
    )
    severity = np.array([number for number, _ in _SEVERITIES], np.int32)[a.severity]
    words = pa.array([word for _, word in _SEVERITIES])
    finding = {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200401,
        "type_name": "Detection Finding: Create",
        "time": a.start_ms,
        "start_time": a.start_ms,
        "end_time": a.end_ms,
        "severity_id": severity,
        "severity": words.take(pa.array(a.severity)),
        "status_id": 1,
        "status": "New",
        "risk_score": pc.multiply(a.score, 100.0).cast(pa.int32(), safe=False),
        "message": a.why,
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "morpheus-gae", "vendor_name": "morpheus-gae", "version": __version__},
            "uid": a.id,
        },
        "finding_info": {
            "uid": a.id,
            "title": "Anomalous network flow",
            "desc": a.reason,
            "types": lists(pa.repeat(pa.scalar("anomaly"), n)),
            "first_seen_time": a.start_ms,
            "last_seen_time": a.end_ms,
            "analytic": {
                "name": "graph autoencoder",
                "uid": a.model,
                "type_id": LEARNING,
                "type": "Learning (ML/DL)",
            },
        },
        "evidences": lists(evidence),
        "unmapped": {
            "anomaly_score": a.score,
            "surprise": a.surprise,
            "threshold": a.threshold,
            **a.details,
            "record": rest_of(a),
        },
    }
    return pa.Table.from_struct_array(nested(finding, n))
