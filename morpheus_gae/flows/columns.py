"""Names of the canonical flow columns (nProbe and NF data sets), and which of them a source must have."""

from __future__ import annotations

FLOW_START = "FLOW_START_MILLISECONDS"
IPV4_SRC = "IPV4_SRC_ADDR"
IPV4_DST = "IPV4_DST_ADDR"
IPV6_SRC = "IPV6_SRC_ADDR"
IPV6_DST = "IPV6_DST_ADDR"
SRC_PORT = "L4_SRC_PORT"
DST_PORT = "L4_DST_PORT"
PROTOCOL = "PROTOCOL"
IN_BYTES = "IN_BYTES"
OUT_BYTES = "OUT_BYTES"
IN_PKTS = "IN_PKTS"
OUT_PKTS = "OUT_PKTS"
DURATION = "FLOW_DURATION_MILLISECONDS"
LABEL = "Label"
ATTACK = "Attack"

SRC_ADDRESSES = (IPV4_SRC, IPV6_SRC)
DST_ADDRESSES = (IPV4_DST, IPV6_DST)
ADDRESSES = (*SRC_ADDRESSES, *DST_ADDRESSES)

#: Columns of ``Flows.attributes``, in order: forward bytes, backward bytes, duration in milliseconds.
ATTRIBUTES = (IN_BYTES, OUT_BYTES, DURATION)

CANONICAL = (
    FLOW_START,
    IPV4_SRC,
    IPV4_DST,
    IPV6_SRC,
    IPV6_DST,
    SRC_PORT,
    DST_PORT,
    PROTOCOL,
    IN_BYTES,
    OUT_BYTES,
    IN_PKTS,
    OUT_PKTS,
    DURATION,
    LABEL,
    ATTACK,
)

#: What a source must have, as it is told to users.
REQUIRED = (f"{IPV4_SRC} or {IPV6_SRC}", f"{IPV4_DST} or {IPV6_DST}", *ATTRIBUTES)


def missing(names: list[str]) -> list[str]:
    """Those of ``REQUIRED`` that ``names`` cannot satisfy, in order."""
    present = set(names)
    return [need for need in REQUIRED if present.isdisjoint(need.split(" or "))]
