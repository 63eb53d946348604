"""ECS: incidents in the Elastic Common Schema 8.11, beside the alerts of ``detect.ecs``."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae import __version__
from morpheus_gae.detect.alert_fields import iso_time, nested
from morpheus_gae.detect.ecs import ECS_VERSION
from morpheus_gae.incidents.told import Told, optional_lists

SEVERITIES = {"low": 21, "medium": 47, "high": 73, "critical": 99}
"""Risk scores of Elastic's detection rules by severity."""
TYPES = {"open": ["start"], "updated": ["info"], "closed": ["end"]}


def ecs(told: Told) -> pa.Table:
    """Convert incidents to ECS documents.

    Parameters
    ----------
    told
        N incidents.

    Returns
    -------
    pyarrow.Table
        N rows; the record is under ``morpheus_gae.incident``. ``event.id`` is the incident's, the same in all
        its states.
    """
    n = len(told)
    one = {name: [row[f"{name}_count"] == 1 for row in told.rows] for name in ("source", "target")}
    source = pc.if_else(pa.array(one["source"], pa.bool_()), told.source, pa.scalar(None, pa.string()))
    target = pc.if_else(pa.array(one["target"], pa.bool_()), told.destination, pa.scalar(None, pa.string()))
    text = pa.string()
    threat = {
        "framework": pa.array([row["technique"] and "MITRE ATT&CK" for row in told.rows], text),
        **{
            part: {
                "id": optional_lists([[row[part]] if row[part] else [] for row in told.rows], text),
                "name": optional_lists(
                    [[row[f"{part}_name"]] if row[part] else [] for row in told.rows], text
                ),
            }
            for part in ("tactic", "technique")
        },
    }
    document = {
        "@timestamp": iso_time(told.last_ms),
        "ecs": {"version": ECS_VERSION},
        "message": told.column("summary"),
        "event": {
            "id": told.column("id"),
            "kind": "alert",
            "category": pa.array([["network"]] * n, pa.list_(text)),
            "type": told.each("state", TYPES, pa.list_(text)),
            "action": pc.binary_join_element_wise("incident", told.column("state"), "-"),
            "module": "morpheus_gae",
            "dataset": "morpheus_gae.incident",
            "reason": told.reason,
            "start": iso_time(told.first_ms),
            "end": iso_time(told.last_ms),
            "duration": pa.array((told.last_ms - told.first_ms) * 1_000_000),
            "severity": told.each("severity", SEVERITIES, pa.int64()),
        },
        "rule": {"name": told.column("kind"), "category": "incident", "version": told.column("model")},
        "threat": threat,
        "source": {"ip": source, "address": source, "bytes": told.column("bytes_out")},
        "destination": {
            "ip": target,
            "address": target,
            "port": told.port,
            "bytes": told.column("bytes_in"),
        },
        "network": {
            "transport": told.transport,
            "iana_number": pc.cast(told.protocol, text),
            "bytes": pc.add(told.column("bytes_out"), told.column("bytes_in")),
        },
        "related": {
            "ip": pa.array(
                [list(dict.fromkeys([*r["sources"], *r["targets"]])) for r in told.rows], pa.list_(text)
            )
        },
        "observer": {"vendor": "morpheus-gae", "product": "morpheus-gae", "version": __version__},
        "morpheus_gae": {"incident": told.rest("technique", "technique_name", "tactic", "tactic_name")},
    }
    return pa.Table.from_struct_array(nested(document, n))
