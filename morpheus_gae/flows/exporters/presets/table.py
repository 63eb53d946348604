"""Exporters, as a table of data: which of their fields is which canonical column.

Names are paths: ``flow.start`` is the column of that name, or the field ``start`` inside the column ``flow``.
Of several names the first that is there counts, and row by row the next one where that has no value.
Sources: the exporters' own documentation and code, see docs/exporters.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from morpheus_gae.flows import columns as c

NOT_A_FLOW = "not_a_flow"
SEEN_TWICE = "seen_twice"

Names = tuple[str, ...]


class Direction(Enum):
    """What a record holds of the two directions of a conversation."""

    BOTH = "both"
    ONE = "one"
    #: Both, if the layout has columns for the second one.
    BY_LAYOUT = "both where the columns are there"
    #: Both in records with bytes back; the others may have a partner.
    BY_RECORD = "both where there are bytes back"


@dataclass(frozen=True)
class Skip:
    """Records that are left out: those with one of ``values`` in a column, or with none of ``only``.

    A record without a value stays, unless ``null`` says that it goes where all others have none either.
    ``unless_null`` names a column that must have a value as well.
    """

    column: str
    values: Names = ()
    only: Names = ()
    unless_null: str = ""
    null: bool = False
    reason: str = NOT_A_FLOW


@dataclass(frozen=True)
class Preset:
    """One exporter.

    Attributes
    ----------
    name
        As ``--preset`` takes it.
    marks
        Sets of names, each of which tells this exporter; ``*.x`` is an x inside any column.
    fields
        Canonical column -> names of what it is taken from as it is; of ``Label`` and ``Attack`` what
        ``presets_labels`` makes of it.
    total
        The same for counters of both directions together: the bytes back are what the forward ones leave.
    start, end
        Names of times: text, or a number since 1970 in the unit that its size tells.
    told
        Names of the time a record was made, in place of a start that is missing; no duration comes of it.
    duration
        Names of durations, with the milliseconds of their unit.
    direction
        Of the records.
    sampling
        Names of the sampling rate that counters are multiplied by.
    spacing
        Names of packets looked at in a row and of those left out after them; they come before ``sampling``.
    pace
        Name of packets a second: it tells whether a length is in the unit given or in seconds.
    if_above_0
        Names whose 0 says nothing where the next name has a value.
    skip
        Records that are no flows.
    swap
        A column and the values with which source and destination change places.
    prefixes
        What may stand before every name; told from the first name that is there.
    text
        Columns that a text source must not take for numbers.
    unset
        Words that mean: no value.
    parts
        Parts of words in ``Label``, with what they say, in the order they are looked for: 1 attack, 0 benign,
        -1 neither.
    encoding
        Of the lines of a text source that are not UTF-8.
    header
        Names, in order, of a text source that has no header.
    hint
        What a source that lacks columns may be.
    comment
        Beginning of the lines of a text source that are no records.
    ends
        Beginning of the line after which a text source holds a summary.
    tuples
        Names of lists, one inside the other, down to the texts that hold a flow each.
    over
        What the user told: canonical column (or end, or sampling rate) -> names. They must be there, and
        count even where the source has a column of the canonical name.
    units
        Canonical column and name -> the unit that was told, see ``flows.exporters.values.units``.
    ignored
        Columns that are left out.
    """

    name: str
    marks: tuple[Names, ...]
    fields: Mapping[str, Names]
    total: Mapping[str, Names] = field(default_factory=dict)
    start: Names = ()
    end: Names = ()
    told: Names = ()
    duration: tuple[tuple[str, float], ...] = ()
    direction: Direction = Direction.BOTH
    sampling: Names = ()
    spacing: tuple[tuple[str, str], ...] = ()
    pace: str = ""
    if_above_0: Names = ()
    skip: tuple[Skip, ...] = ()
    swap: tuple[str, Names] | None = None
    prefixes: Names = ("",)
    text: Names = ()
    unset: Names = ()
    parts: tuple[tuple[str, int], ...] = ()
    encoding: str = ""
    header: Names = ()
    hint: str = ""
    comment: str = ""
    ends: str = ""
    tuples: Names = ()
    over: Mapping[str, Names] = field(default_factory=dict)
    units: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ignored: Names = ()


def fields_of(
    *,
    src: Names,
    dst: Names,
    sport: Names,
    dport: Names,
    proto: Names,
    in_bytes: Names,
    in_pkts: Names,
    out_bytes: Names = (),
    out_pkts: Names = (),
    src6: Names = (),
    dst6: Names = (),
    label: Names = (),
    attack: Names = (),
) -> dict[str, Names]:
    """Names by canonical column."""
    told = {
        c.IPV4_SRC: src,
        c.IPV4_DST: dst,
        c.IPV6_SRC: src6,
        c.IPV6_DST: dst6,
        c.SRC_PORT: sport,
        c.DST_PORT: dport,
        c.PROTOCOL: proto,
        c.IN_BYTES: in_bytes,
        c.IN_PKTS: in_pkts,
        c.OUT_BYTES: out_bytes,
        c.OUT_PKTS: out_pkts,
        c.LABEL: label,
        c.ATTACK: attack,
    }
    return {column: names for column, names in told.items() if names}


NPROBE = Preset(
    name="nprobe",
    marks=(
        ("IPV4_SRC_ADDR", "FIRST_SWITCHED"),
        ("IPV6_SRC_ADDR", "FIRST_SWITCHED"),
        ("IPV4_SRC_ADDR", "SRC_TO_DST_BYTES"),
        # numbers of information elements, without --json-labels
        ("8", "12", "7", "11", "4", "1"),
        ("27", "28", "7", "11", "4", "1"),
    ),
    fields=fields_of(
        src=("IPV4_SRC_ADDR", "8"),
        dst=("IPV4_DST_ADDR", "12"),
        src6=("IPV6_SRC_ADDR", "27"),
        dst6=("IPV6_DST_ADDR", "28"),
        sport=("L4_SRC_PORT", "7"),
        dport=("L4_DST_PORT", "11"),
        proto=("PROTOCOL", "4"),
        in_bytes=("IN_BYTES", "SRC_TO_DST_BYTES", "1"),
        in_pkts=("IN_PKTS", "SRC_TO_DST_PKTS", "2"),
        out_bytes=("OUT_BYTES", "DST_TO_SRC_BYTES", "23"),
        out_pkts=("OUT_PKTS", "DST_TO_SRC_PKTS", "24"),
    ),
    start=("FLOW_START_MILLISECONDS", "152", "FIRST_SWITCHED", "22"),
    end=("FLOW_END_MILLISECONDS", "153", "LAST_SWITCHED", "21"),
    duration=(("FLOW_DURATION_MILLISECONDS", 1), ("161", 1)),
    direction=Direction.BY_LAYOUT,
)

GOFLOW2 = Preset(
    name="goflow2",
    marks=(
        ("src_addr", "dst_addr", "bytes", "time_flow_start_ns"),
        ("src_addr", "dst_addr", "bytes", "time_received_ns"),
        # before version 2
        ("SrcAddr", "DstAddr", "Bytes", "TimeReceived"),
    ),
    fields=fields_of(
        src=("src_addr", "SrcAddr"),
        dst=("dst_addr", "DstAddr"),
        sport=("src_port", "SrcPort"),
        dport=("dst_port", "DstPort"),
        proto=("proto", "Proto"),
        in_bytes=("bytes", "Bytes"),
        in_pkts=("packets", "Packets"),
    ),
    start=("time_flow_start_ns", "TimeFlowStartMs", "TimeFlowStart"),
    end=("time_flow_end_ns", "TimeFlowEndMs", "TimeFlowEnd"),
    told=("time_received_ns", "TimeReceived"),
    direction=Direction.ONE,
    sampling=("sampling_rate", "SamplingRate"),
)

PMACCT = Preset(
    name="pmacct",
    marks=(
        ("ip_src", "ip_dst", "bytes"),
        ("event_type", "writer_id"),
        # of the print plugin
        ("SRC_IP", "DST_IP", "PACKETS", "BYTES"),
        ("SRC_IP", "DST_IP", "BYTES"),
    ),
    fields=fields_of(
        src=("ip_src", "SRC_IP"),
        dst=("ip_dst", "DST_IP"),
        sport=("port_src", "SRC_PORT"),
        dport=("port_dst", "DST_PORT"),
        proto=("ip_proto", "PROTOCOL"),
        in_bytes=("bytes", "BYTES"),
        in_pkts=("packets", "PACKETS"),
    ),
    start=("timestamp_start", "timestamp_min", "TIMESTAMP_START", "TIMESTAMP_MIN"),
    end=("timestamp_end", "timestamp_max", "TIMESTAMP_END", "TIMESTAMP_MAX"),
    told=("stamp_inserted", "STAMP_INSERTED"),
    direction=Direction.ONE,
    sampling=("sampling_rate", "SAMPLING_RATE"),
    # --START (...)--, --END--
    comment="--",
    skip=(Skip("event_type", values=("purge_init", "purge_close")),),
)

ZEEK = Preset(
    name="zeek",
    marks=(
        ("id.orig_h", "id.resp_h", "orig_ip_bytes"),
        ("id.orig_h", "id.resp_h", "orig_bytes"),
        ("conn.id.orig_h", "conn.id.resp_h"),
        # other logs in the same topic, each record wrapped in the name of its log
        ("*.ts", "*.uid"),
    ),
    fields=fields_of(
        src=("id.orig_h",),
        dst=("id.resp_h",),
        sport=("id.orig_p",),
        dport=("id.resp_p",),
        proto=("ip_proto", "proto"),
        in_bytes=("orig_ip_bytes", "orig_bytes"),
        in_pkts=("orig_pkts",),
        out_bytes=("resp_ip_bytes", "resp_bytes"),
        out_pkts=("resp_pkts",),
    ),
    start=("ts",),
    duration=(("duration", 1000),),
    skip=(Skip("_path", only=("conn",)),),
    prefixes=("", "conn."),
    text=("id.orig_h", "id.resp_h", "proto"),
    unset=("-",),
    comment="#",
)

SURICATA = Preset(
    name="suricata",
    marks=(
        ("event_type", "timestamp", "src_ip", "flow.start", "flow.bytes_toserver"),
        ("event_type", "timestamp", "flow_id"),
        ("event_type", "timestamp", "stats"),
    ),
    fields=fields_of(
        src=("src_ip",),
        dst=("dest_ip",),
        sport=("src_port",),
        dport=("dest_port",),
        proto=("proto",),
        in_bytes=("flow.bytes_toserver",),
        in_pkts=("flow.pkts_toserver",),
        out_bytes=("flow.bytes_toclient",),
        out_pkts=("flow.pkts_toclient",),
    ),
    start=("flow.start",),
    end=("flow.end",),
    skip=(Skip("event_type", only=("flow",)),),
)

SURICATA_NETFLOW = Preset(
    name="suricata-netflow",
    marks=(("event_type", "timestamp", "netflow.bytes", "netflow.start"),),
    fields=fields_of(
        src=("src_ip",),
        dst=("dest_ip",),
        sport=("src_port",),
        dport=("dest_port",),
        proto=("proto",),
        in_bytes=("netflow.bytes",),
        in_pkts=("netflow.pkts",),
    ),
    start=("netflow.start",),
    end=("netflow.end",),
    direction=Direction.ONE,
    skip=(Skip("event_type", only=("netflow",)),),
)

NFDUMP = Preset(
    name="nfdump",
    marks=(
        ("ts", "te", "sa", "da", "ibyt"),
        ("firstSeen", "srcAddr", "dstAddr", "bytes"),
        ("first", "last", "in_bytes", "src4_addr"),
        ("first", "last", "in_bytes", "src6_addr"),
        ("t_first", "t_last", "in_bytes", "src4_addr"),
        ("t_first", "t_last", "in_bytes", "src6_addr"),
    ),
    fields=fields_of(
        src=("sa", "srcAddr", "src4_addr"),
        dst=("da", "dstAddr", "dst4_addr"),
        src6=("src6_addr",),
        dst6=("dst6_addr",),
        sport=("sp", "srcPort", "src_port"),
        dport=("dp", "dstPort", "dst_port"),
        proto=("pr", "proto"),
        in_bytes=("ibyt", "bytes", "in_bytes"),
        in_pkts=("ipkt", "packets", "in_packets"),
        out_bytes=("obyt", "out_bytes"),
        out_pkts=("opkt", "out_packets"),
    ),
    start=("ts", "firstSeen", "first", "t_first"),
    end=("te", "lastSeen", "last", "t_last"),
    duration=(("td", 1000), ("duration", 1000)),
    direction=Direction.BY_RECORD,
    # "sampled" is 0 or 1, and says that nfcapd has multiplied already
    sampling=("sampling_rate", "sampling", "sampled"),
    skip=(Skip("type", only=("FLOW",)),),
    text=("sa", "da", "srcAddr", "dstAddr", "pr", "proto", "sp", "dp", "srcPort", "dstPort"),
    ends="Summary",
)

ARGUS = Preset(
    name="argus",
    marks=(("StartTime", "SrcAddr", "DstAddr", "TotBytes"), ("StartTime", "SrcAddr", "DstAddr", "SrcBytes")),
    fields=fields_of(
        src=("SrcAddr",),
        dst=("DstAddr",),
        sport=("Sport",),
        dport=("Dport",),
        proto=("Proto",),
        in_bytes=("SrcBytes",),
        in_pkts=("SrcPkts",),
        out_bytes=("DstBytes",),
        out_pkts=("DstPkts",),
    ),
    total={c.OUT_BYTES: ("TotBytes",), c.OUT_PKTS: ("TotPkts",)},
    start=("StartTime",),
    end=("LastTime",),
    duration=(("Dur", 1000),),
    # management records of the sensor itself
    skip=(Skip("Proto", values=("man",)),),
    swap=("Dir", ("<-", "<?")),
    # ICMP has hexadecimal numbers for ports
    text=("SrcAddr", "DstAddr", "Sport", "Dport", "Proto", "Dir"),
)
