"""CEF: alerts in ArcSight's Common Event Format, version 0 (Implementation Standard, revision 26)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae import __version__
from morpheus_gae.detect.alert_fields import AlertFields
from morpheus_gae.detect.explained import FACTS

CEF = "cef"
"""Name of the one column that these rows have."""
FEW = 3
"""Maximum number of facts in a line."""
ROOM = 1000
"""Maximum length of these in characters: a message has 1,023 (a few more when escaped)."""
SEVERITIES = ("3", "6", "9")
"""Low, medium and high, of 0 to 10."""


def cef(table: pa.Table) -> pa.Table:
    """Format alert rows as lines of CEF.

    Parameters
    ----------
    table
        E alert rows (``detect.alerts.alert_table``).

    Returns
    -------
    pyarrow.Table
        E rows, one column of text. Input columns other than flows, times and bytes are left out.
    """
    a = AlertFields.of(table)
    n = len(a)
    v4 = pc.equal(a.version, "ipv4")
    header = f"CEF:0|morpheus-gae|morpheus-gae|{_escaped(__version__)}|anomalous-flow|Anomalous network flow|"
    extension: tuple[tuple[str, Any], ...] = (
        ("externalId", a.id),
        # IPv6 addresses have separate fields
        ("src", _where(v4, a.src)),
        ("dst", _where(v4, a.dst)),
        ("c6a2", _where(pc.invert(v4), a.src)),
        ("c6a2Label", _where(pc.invert(v4), pa.repeat(pa.scalar("Source IPv6 Address"), n))),
        ("c6a3", _where(pc.invert(v4), a.dst)),
        ("c6a3Label", _where(pc.invert(v4), pa.repeat(pa.scalar("Destination IPv6 Address"), n))),
        ("spt", a.src_port),
        ("dpt", a.dst_port),
        ("proto", pc.coalesce(pc.utf8_upper(a.transport), pc.cast(a.protocol, pa.string()))),
        ("in", a.in_bytes),
        ("out", a.out_bytes),
        ("start", pa.array(a.start_ms)),
        ("end", pa.array(a.end_ms)),
        ("reason", _value(a.why)),
        ("cfp1", a.score),
        ("cfp1Label", pa.repeat(pa.scalar("anomaly score"), n)),
        ("cfp2", a.surprise),
        ("cfp2Label", pa.repeat(pa.scalar("surprise"), n)),
        ("msg", _short(a)),
        ("cs1", _value(a.model)),
        ("cs1Label", pa.repeat(pa.scalar("model"), n)),
    )
    told = [pc.binary_join_element_wise(name, _text(values), "=") for name, values in extension]
    severity = pa.array(np.array(SEVERITIES)[a.severity])
    rest = pc.binary_join_element_wise(*told, " ", null_handling="skip")
    line = pc.binary_join_element_wise(header, severity, "|", rest, "")
    return pa.table({CEF: line})


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _text(values: pa.Array) -> pa.Array:
    return values if pa.types.is_string(values.type) else pc.cast(values, pa.string())


def _where(keep: pa.Array, values: pa.Array) -> pa.Array:
    return pc.if_else(keep, values, pa.scalar(None, pa.string()))


def _short(a: AlertFields) -> pa.Array:
    """Return the first facts, within the standard's length of a message; null where there are none."""
    none = pa.nulls(len(a), pa.string())
    if FACTS not in a.explained:
        return none
    text = pc.utf8_slice_codeunits(pc.binary_join(pc.list_slice(a.explained[FACTS], 0, FEW), "; "), 0, ROOM)
    return pc.if_else(pc.greater(pc.utf8_length(text), 0), _value(text), none)


def _value(values: pa.Array) -> pa.Array:
    """Escape text as the value of an extension."""
    for found, instead in (("\\", "\\\\"), ("=", "\\="), ("\n", "\\n"), ("\r", "\\r")):
        values = pc.replace_substring(values, found, instead)
    return values
