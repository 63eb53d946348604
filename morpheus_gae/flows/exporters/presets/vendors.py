"""The table of exporters, continued: collectors' and vendors' formats."""

from __future__ import annotations

from morpheus_gae.flows.exporters.presets.table import SEEN_TWICE, Direction, Preset, Skip, fields_of

ECS = Preset(
    name="ecs",
    marks=(
        ("source.ip", "destination.ip", "source.bytes"),
        ("source.ip", "destination.ip", "network.bytes"),
        ("source.ip", "destination.ip", "event.start"),
        ("source.ip", "destination.ip", "network.transport"),
    ),
    fields=fields_of(
        src=("source.ip",),
        dst=("destination.ip",),
        sport=("source.port",),
        dport=("destination.port",),
        proto=("network.iana_number", "network.transport"),
        # network.bytes is the sum of both directions, so what there is where it stands alone
        in_bytes=("source.bytes", "netflow.octet_delta_count", "netflow.in_bytes", "network.bytes"),
        in_pkts=("source.packets", "netflow.packet_delta_count", "netflow.in_pkts", "network.packets"),
        out_bytes=("destination.bytes",),
        out_pkts=("destination.packets",),
    ),
    start=("event.start",),
    end=("event.end",),
    told=("@timestamp",),
    duration=(("event.duration", 1e-6),),
    direction=Direction.BY_RECORD,
    sampling=(
        "netflow.sampling_interval",
        "netflow.sampler_random_interval",
        "netflow.sampling_packet_interval",
    ),
    spacing=(("netflow.sampling_packet_interval", "netflow.sampling_packet_space"),),
)

LOGSTASH = Preset(
    name="logstash",
    marks=(
        ("netflow.ipv4_src_addr", "netflow.in_bytes"),
        ("netflow.ipv6_src_addr", "netflow.in_bytes"),
        ("ipv4_src_addr", "ipv4_dst_addr", "in_bytes"),
        ("ipv6_src_addr", "ipv6_dst_addr", "in_bytes"),
    ),
    # out_bytes is what left the router, not what came back
    fields=fields_of(
        src=("ipv4_src_addr",),
        dst=("ipv4_dst_addr",),
        src6=("ipv6_src_addr",),
        dst6=("ipv6_dst_addr",),
        sport=("l4_src_port",),
        dport=("l4_dst_port",),
        proto=("protocol",),
        in_bytes=("in_bytes",),
        in_pkts=("in_pkts",),
    ),
    start=("flow_start_msec", "first_switched"),
    end=("flow_end_msec", "last_switched"),
    direction=Direction.ONE,
    sampling=("sampling_interval", "flow_sampler_random_interval"),
    prefixes=("netflow.", ""),
)

IPFIX = Preset(
    name="ipfix",
    marks=tuple(
        (f"{prefix}source{version}Address", f"{prefix}destination{version}Address", f"{prefix}{counter}")
        for prefix in ("", "netflow.")
        for version in ("IPv4", "IPv6")
        for counter in ("octetDeltaCount", "initiatorOctets", "octetTotalCount")
    ),
    fields=fields_of(
        src=("sourceIPv4Address",),
        dst=("destinationIPv4Address",),
        src6=("sourceIPv6Address",),
        dst6=("destinationIPv6Address",),
        sport=("sourceTransportPort",),
        dport=("destinationTransportPort",),
        proto=("protocolIdentifier",),
        in_bytes=("octetDeltaCount", "initiatorOctets", "octetTotalCount"),
        in_pkts=("packetDeltaCount", "initiatorPackets", "packetTotalCount"),
        out_bytes=("reverseOctetDeltaCount", "responderOctets", "reverseOctetTotalCount"),
        out_pkts=("reversePacketDeltaCount", "responderPackets", "reversePacketTotalCount"),
    ),
    start=(
        "flowStartMilliseconds",
        "flowStartSeconds",
        "flowStartMicroseconds",
        "flowStartNanoseconds",
    ),
    end=("flowEndMilliseconds", "flowEndSeconds", "flowEndMicroseconds", "flowEndNanoseconds"),
    duration=(("flowDurationMilliseconds", 1), ("flowDurationMicroseconds", 1e-3)),
    direction=Direction.BY_LAYOUT,
    sampling=("samplingInterval", "samplerRandomInterval", "samplingPacketInterval"),
    # RFC 5477, 8.2.1
    spacing=(("samplingPacketInterval", "samplingPacketSpace"),),
    # RFC 5103, 6.3: 2 is "reverseInitiator", the source of the record is the one who answered
    swap=("biflowDirection", ("2",)),
    prefixes=("", "netflow."),
)

ASA = Preset(
    name="asa",
    marks=tuple(
        (f"{prefix}ipv{version}_src_addr", f"{prefix}fwd_flow_delta_bytes", f"{prefix}rev_flow_delta_bytes")
        for prefix in ("netflow.", "")
        for version in (4, 6)
    ),
    fields=fields_of(
        src=("ipv4_src_addr",),
        dst=("ipv4_dst_addr",),
        src6=("ipv6_src_addr",),
        dst6=("ipv6_dst_addr",),
        sport=("l4_src_port",),
        dport=("l4_dst_port",),
        proto=("protocol",),
        in_bytes=("fwd_flow_delta_bytes",),
        in_pkts=("initiatorPackets",),
        out_bytes=("rev_flow_delta_bytes",),
        out_pkts=("responderPackets",),
    ),
    start=("flow_start_msec",),
    end=("event_time_msec",),
    told=("event_time_msec",),
    # teardown and update; a flow that is created or denied has no counters
    skip=(Skip("fw_event", only=("2", "5")),),
    prefixes=("netflow.", ""),
)

ELASTIFLOW = Preset(
    name="elastiflow",
    marks=(
        ("flow.src.ip.addr", "flow.dst.ip.addr", "flow.bytes"),
        ("flow.client.ip.addr", "flow.server.ip.addr", "flow.client.bytes"),
    ),
    fields=fields_of(
        src=("flow.client.ip.addr", "flow.src.ip.addr"),
        dst=("flow.server.ip.addr", "flow.dst.ip.addr"),
        sport=("flow.client.l4.port.id", "flow.src.l4.port.id", "flow.src.l4.port"),
        dport=("flow.server.l4.port.id", "flow.dst.l4.port.id", "flow.dst.l4.port"),
        proto=("l4.proto.id", "l4.proto.name", "l4.proto"),
        in_bytes=("flow.client.bytes", "flow.bytes"),
        in_pkts=("flow.client.packets", "flow.packets"),
        out_bytes=("flow.server.bytes",),
        out_pkts=("flow.server.packets",),
    ),
    start=("flow.start.timestamp",),
    end=("flow.end.timestamp",),
    told=("@timestamp",),
    direction=Direction.BY_RECORD,
)

AWS_VPC = Preset(
    name="aws-vpc",
    marks=(("srcaddr", "dstaddr", "bytes", "start"), ("pkt-srcaddr", "pkt-dstaddr", "bytes", "start")),
    # the packet's own addresses, where a gateway stands between
    fields=fields_of(
        src=("pkt-srcaddr", "pkt_srcaddr", "srcaddr"),
        dst=("pkt-dstaddr", "pkt_dstaddr", "dstaddr"),
        sport=("srcport",),
        dport=("dstport",),
        proto=("protocol",),
        in_bytes=("bytes",),
        in_pkts=("packets",),
    ),
    start=("start",),
    end=("end",),
    direction=Direction.ONE,
    sampling=("sampling-rate", "sampling_rate"),
    skip=(
        Skip("log-status", values=("NODATA", "SKIPDATA")),
        Skip("log_status", values=("NODATA", "SKIPDATA")),
    ),
    text=("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr", "account-id"),
    unset=("-",),
    header=(
        *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"),
        *("packets", "bytes", "start", "end", "action", "log-status"),
    ),
)

_FLOW_TUPLE = {
    "src": ("tuple_src",),
    "dst": ("tuple_dst",),
    "sport": ("tuple_sport",),
    "dport": ("tuple_dport",),
    "proto": ("tuple_proto",),
    "in_bytes": ("tuple_bytes_sent",),
    "in_pkts": ("tuple_packets_sent",),
    "out_bytes": ("tuple_bytes_received",),
    "out_pkts": ("tuple_packets_received",),
}

AZURE = Preset(
    name="azure",
    marks=(
        ("records.properties.flows.flows.flowTuples",),
        ("properties.flows.flows.flowTuples",),
        ("records.flowRecords.flows.flowGroups.flowTuples",),
        ("flowRecords.flows.flowGroups.flowTuples",),
    ),
    fields=fields_of(**_FLOW_TUPLE),
    start=("tuple_start",),
    # B begins a flow and has no counters; C and E count since the record before
    skip=(Skip("tuple_state", values=("B",)),),
    tuples=("records", "properties", "flowRecords", "flows", "flowGroups", "flowTuples"),
)

GCP = Preset(
    name="gcp",
    marks=tuple(
        (f"{prefix}connection.src_ip", f"{prefix}connection.dest_ip", f"{prefix}bytes_sent")
        for prefix in ("jsonPayload.", "")
    ),
    fields=fields_of(
        src=("connection.src_ip",),
        dst=("connection.dest_ip",),
        sport=("connection.src_port",),
        dport=("connection.dest_port",),
        proto=("connection.protocol",),
        in_bytes=("bytes_sent",),
        in_pkts=("packets_sent",),
    ),
    start=("start_time",),
    end=("end_time",),
    direction=Direction.ONE,
    # told by both machines; the receiver's word counts only where the sender is no machine of the project
    skip=(Skip("reporter", values=("DEST",), unless_null="src_instance", reason=SEEN_TWICE),),
    prefixes=("jsonPayload.", ""),
)

FTD = Preset(
    name="ftd",
    marks=(("SrcIP", "DstIP", "InitiatorBytes", "ResponderBytes"),),
    fields=fields_of(
        src=("SrcIP",),
        dst=("DstIP",),
        sport=("SrcPort",),
        dport=("DstPort",),
        proto=("Protocol",),
        in_bytes=("InitiatorBytes",),
        in_pkts=("InitiatorPackets",),
        out_bytes=("ResponderBytes",),
        out_pkts=("ResponderPackets",),
    ),
    start=("FirstPacketSecond",),
    duration=(("ConnectionDuration", 1000),),
    text=("SrcIP", "DstIP", "Protocol"),
)
