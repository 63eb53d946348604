"""EVE: incidents as alert events of Suricata's EVE JSON, beside the alerts of ``detect.eve``.

EVE has no event for several flows, and tools show only ``alert``. Each state of an incident is therefore an
alert, with one signature per kind.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.detect.alert_fields import iso_time, nested
from morpheus_gae.detect.eve import GENERATOR, number_of
from morpheus_gae.incidents.told import Told, optional_lists

SIGNATURES = (
    *("unknown", "new service", "horizontal scan", "vertical scan", "scan from outside", "brute force"),
    *("flood from one", "flood from many", "beacon", "exfiltration", "lateral spread"),
    *("remote access from outside", "policy break"),
)
"""Kinds by signature number; append only, since external rules refer to the numbers."""
FIRST_SIGNATURE = 100
SEVERITIES = {"low": 3, "medium": 2, "high": 1, "critical": 1}
"""1 is the most severe."""


def eve(told: Told) -> pa.Table:
    """Convert incidents to EVE alert events.

    Parameters
    ----------
    told
        N incidents.

    Returns
    -------
    pyarrow.Table
        N rows; addresses are those with most flows, the record is under ``gae.incident``.
    """
    n = len(told)
    text = pa.string()
    number = pc.utf8_lpad(pc.cast(told.protocol, text), 3, "0")
    signatures = {kind: FIRST_SIGNATURE + i for i, kind in enumerate(SIGNATURES)}
    metadata = {
        f"mitre_{part}_{name}": optional_lists([[row[key]] if row[key] else [] for row in told.rows], text)
        for part in ("tactic", "technique")
        for name, key in (("id", part), ("name", f"{part}_name"))
    }
    event = {
        "timestamp": iso_time(told.last_ms),
        "flow_id": number_of(told.column("id")),
        "event_type": "alert",
        "src_ip": told.source,
        "dest_ip": told.destination,
        "dest_port": told.port,
        "proto": pc.coalesce(pc.utf8_upper(told.transport), number),
        "alert": {
            "action": "allowed",
            "gid": GENERATOR,
            "signature_id": told.each("kind", signatures, pa.int64()),
            "rev": 1,
            "signature": pc.binary_join_element_wise("GAE incident:", told.column("kind"), " "),
            "category": told.column("kind"),
            "severity": told.each("severity", SEVERITIES, pa.int8()),
            "metadata": metadata,
        },
        "flow": {
            "bytes_toserver": told.column("bytes_out"),
            "bytes_toclient": told.column("bytes_in"),
            "start": iso_time(told.first_ms),
            "end": iso_time(told.last_ms),
            "age": pa.array((told.last_ms - told.first_ms) // 1000),
        },
        "gae": {"incident": told.rest("technique", "technique_name", "tactic", "tactic_name")},
    }
    return pa.Table.from_struct_array(nested(event, n))
