"""OCSF: incidents as Detection Findings of version 1.1, beside the alerts of ``detect.ocsf``."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae import __version__
from morpheus_gae.detect.alert_fields import lists, nested
from morpheus_gae.detect.ocsf import LEARNING, OCSF_VERSION
from morpheus_gae.incidents.told import Told, optional_lists

CLASS = 2004
ACTIVITIES = {"open": (1, "Create"), "updated": (2, "Update"), "closed": (3, "Close")}
STATUSES = {"open": (1, "New"), "updated": (1, "New"), "closed": (99, "Ended")}
"""Status of an incident that ended by itself: not reviewed, hence not 4, Resolved."""
SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
MOST_COUNT = (1 << 31) - 1
IP_ADDRESS = 2
"""Type of an observable."""

_NAMED = pa.struct([("name", pa.string()), ("uid", pa.string())])
_ATTACK = pa.struct([("tactic", _NAMED), ("technique", _NAMED)])
_EVENT = pa.struct([("uid", pa.string())])
_OBSERVABLE = pa.struct(
    [("name", pa.string()), ("type", pa.string()), ("type_id", pa.int32()), ("value", pa.string())]
)


def ocsf(told: Told) -> pa.Table:
    """Convert incidents to OCSF Detection Findings.

    Parameters
    ----------
    told
        N incidents.

    Returns
    -------
    pyarrow.Table
        N rows. ``finding_info.uid`` is the incident's id, the same in all its states; related events are its
        most anomalous alerts, by their ``finding_info.uid``. The rest of the record is in ``unmapped``.
    """
    n = len(told)
    number, word = pa.int32(), pa.string()

    def pair(column: str, values: dict[str, tuple[int, str]]) -> tuple[pa.Array, pa.Array]:
        numbers = told.each(column, {k: v for k, (v, _) in values.items()}, number)
        return numbers, told.each(column, {k: v for k, (_, v) in values.items()}, word)

    activity, activity_name = pair("state", ACTIVITIES)
    status, status_name = pair("state", STATUSES)
    severity, severity_name = pair("severity", SEVERITIES)
    evidence = nested(
        {
            "src_endpoint": {"ip": told.source},
            "dst_endpoint": {"ip": told.destination, "port": told.port},
            "connection_info": {
                "direction_id": 0,
                "protocol_num": told.protocol,
                "protocol_name": told.transport,
            },
            "data": {name: told.column(name) for name in ("flows", "bytes_out", "bytes_in", "services")},
        },
        n,
    )
    finding = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": told.each("state", {k: CLASS * 100 + v for k, (v, _) in ACTIVITIES.items()}, pa.int64()),
        "type_name": told.each(
            "state", {k: f"Detection Finding: {v}" for k, (_, v) in ACTIVITIES.items()}, word
        ),
        "time": told.last_ms,
        "start_time": told.first_ms,
        "end_time": told.last_ms,
        # an integer of 32 bits
        "count": pc.min_element_wise(told.column("flows"), MOST_COUNT).cast(number),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "message": told.column("summary"),
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "morpheus-gae", "vendor_name": "morpheus-gae", "version": __version__},
        },
        "finding_info": {
            "uid": told.column("id"),
            "title": told.column("kind"),
            "desc": told.reason,
            "types": lists(pa.repeat(pa.scalar("incident"), n)),
            "first_seen_time": told.first_ms,
            "last_seen_time": told.last_ms,
            "attacks": optional_lists([_attacks(row) for row in told.rows], _ATTACK),
            "related_events": optional_lists(
                [[{"uid": uid} for uid in r["alerts"]] for r in told.rows], _EVENT
            ),
            "analytic": {
                "name": "graph autoencoder",
                "uid": told.column("model"),
                "type_id": LEARNING,
                "type": "Learning (ML/DL)",
            },
        },
        "evidences": lists(evidence),
        "observables": pa.array([_observables(row) for row in told.rows], pa.list_(_OBSERVABLE)),
        "unmapped": told.rest(
            *("id", "summary", "model", "alerts", "technique", "technique_name", "tactic", "tactic_name"),
            *("bytes_out", "bytes_in", "services"),
        ),
    }
    return pa.Table.from_struct_array(nested(finding, n))


def _attacks(row: dict[str, object]) -> list[dict[str, object]]:
    if not row["technique"]:
        return []
    names = (("tactic", "tactic_name"), ("technique", "technique_name"))
    return [{uid: {"uid": row[uid], "name": row[name]} for uid, name in names}]


def _observables(row: dict[str, list[str]]) -> list[dict[str, object]]:
    return [
        {
            "name": f"evidences[].{side}_endpoint.ip",
            "type": "IP Address",
            "type_id": IP_ADDRESS,
            "value": host,
        }
        for side, column in (("src", "sources"), ("dst", "targets"))
        for host in row[column]
    ]
