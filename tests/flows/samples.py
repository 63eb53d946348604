"""A few records of every exporter, in its own form, with documentation addresses (RFC 5737, RFC 3849)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

A, B, SIX = "192.0.2.10", "198.51.100.20", "2001:db8::1"
START = 1_700_000_000_500
"""2023-11-14 22:13:20.5 UTC, in milliseconds."""


@dataclass(frozen=True)
class Sample:
    """Text as the exporter writes it, and its records as canonical values.

    ``want``: start, source, destination, ports, protocol, bytes, packets (forward, back), duration.
    """

    preset: str
    suffix: str
    text: str
    want: list[tuple[Any, ...]]
    one_way: bool = False
    skipped: int = 0
    name: str = ""


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(r) + "\n" for r in records)


NPROBE = {
    "IPV4_SRC_ADDR": A, "IPV4_DST_ADDR": B, "L4_SRC_PORT": 40000, "L4_DST_PORT": 443, "PROTOCOL": 6,
    "IN_BYTES": 100, "IN_PKTS": 2, "OUT_BYTES": 900, "OUT_PKTS": 3,
    "FIRST_SWITCHED": 1700000000, "LAST_SWITCHED": 1700000003, "L7_PROTO": "7.91",
}  # fmt: skip
NPROBE_WANT = [(1_700_000_000_000, A, B, 40000, 443, 6, 100, 900, 2, 3, 3000)]
_IDS = {
    "IPV4_SRC_ADDR": "8", "IPV4_DST_ADDR": "12", "L4_SRC_PORT": "7", "L4_DST_PORT": "11", "PROTOCOL": "4",
    "IN_BYTES": "1", "IN_PKTS": "2", "OUT_BYTES": "23", "OUT_PKTS": "24", "FIRST_SWITCHED": "22",
    "LAST_SWITCHED": "21", "L7_PROTO": "118",
}  # fmt: skip
GOFLOW2 = {
    "type": "NETFLOW_V9", "time_received_ns": 1700000009000000000, "sampling_rate": 10,
    "time_flow_start_ns": 1700000000500000000, "time_flow_end_ns": 1700000002750000000, "bytes": 100,
    "packets": 2, "src_addr": A, "dst_addr": B, "etype": "IPv4", "proto": "TCP", "src_port": 40000,
    "dst_port": 443,
}  # fmt: skip
SFLOW = {
    **GOFLOW2, "type": "SFLOW_5", "packets": 1, "src_addr": SIX, "dst_addr": SIX, "proto": "IPv6-ICMP",
    "sampling_rate": 0, "time_flow_start_ns": 1700000009000000000, "time_flow_end_ns": 1700000009000000000,
}  # fmt: skip
PMACCT = {
    "event_type": "purge", "ip_src": A, "ip_dst": B, "port_src": 40000, "port_dst": 443, "ip_proto": "tcp",
    "timestamp_start": "2023-11-14 22:13:20.500000", "timestamp_end": "2023-11-14 22:13:22.750000",
    "packets": 2, "bytes": 100,
}  # fmt: skip
ZEEK = {
    "ts": 1700000000.5, "uid": "C1", "id.orig_h": A, "id.orig_p": 40000, "id.resp_h": B, "id.resp_p": 443,
    "proto": "tcp", "duration": 2.25, "orig_bytes": 20, "resp_bytes": 700, "conn_state": "SF",
    "orig_pkts": 2, "orig_ip_bytes": 100, "resp_pkts": 3, "resp_ip_bytes": 900,
}  # fmt: skip
ZEEK_ALONE = {k: v for k, v in ZEEK.items() if k not in ("duration", "orig_bytes", "resp_bytes")}
EVE = {
    "timestamp": "2023-11-14T23:15:00.000000+0100", "flow_id": 1, "event_type": "flow", "src_ip": A,
    "src_port": 40000, "dest_ip": B, "dest_port": 443, "proto": "TCP",
    "flow": {"pkts_toserver": 2, "pkts_toclient": 3, "bytes_toserver": 100, "bytes_toclient": 900,
             "start": "2023-11-14T23:13:20.500000+0100", "end": "2023-11-14T23:13:22.750000+0100", "age": 2},
}  # fmt: skip
DNS = {
    "timestamp": "2023-11-14T23:15:00.000000+0100", "flow_id": 2, "event_type": "dns", "src_ip": A,
    "dest_ip": B, "proto": "017", "dns": {"type": "query", "answers": [{"rdata": "event_type"}]},
}  # fmt: skip
NFDUMP16 = (
    "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out\n"
    f"2023-11-14 22:13:20,2023-11-14 22:13:22,2.250,{A},{B},40000,443,TCP,......S.,0,0,2,100,3,900,0,0\n"
    f"2023-11-14 22:13:20,2023-11-14 22:13:20,0.000,{SIX},{SIX},0,0,ICMP6,......S.,0,0,1,60,0,0,0,0\n"
    "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n2,1060,6,3768,2,176\n"
)
BINETFLOW = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n"
    "2023/11/14 22:13:00.000000,0.045010,man,0,0,,0,0,STA,,,0,0,0,\n"
    f"2023/11/14 22:13:20.500000,2.250000,tcp,{A},40000,   ->,{B},443,SPA_SPA,0,0,5,1000,100,x\n"
    f"2023/11/14 22:13:20.500000,2.250000,tcp,{B},443,  <-,{A},40000,SPA_SPA,0,0,5,1000,900,x\n"
    f"2023/11/14 22:13:20.500000,0.000000,icmp,{A},0x0008,  <->,{B},0x7208,ECO,0,0,2,196,98,x\n"
)
IPFIX = {
    "sourceIPv4Address": A, "destinationIPv4Address": B, "sourceTransportPort": 40000,
    "destinationTransportPort": 443, "protocolIdentifier": 6, "octetDeltaCount": 100, "packetDeltaCount": 2,
    "reverseOctetDeltaCount": 900, "reversePacketDeltaCount": 3, "flowStartMilliseconds": START,
    "flowEndMilliseconds": START + 2250,
}  # fmt: skip
ANSWERED = {
    **IPFIX, "sourceIPv4Address": B, "destinationIPv4Address": A, "sourceTransportPort": 443,
    "destinationTransportPort": 40000, "octetDeltaCount": 900, "packetDeltaCount": 3,
    "reverseOctetDeltaCount": 100, "reversePacketDeltaCount": 2, "biflowDirection": 2,
}  # fmt: skip
ECS = {
    "event": {"start": "2023-11-14T22:13:20.500Z", "end": "2023-11-14T22:13:22.750Z", "duration": 2250000000},
    "source": {"ip": A, "port": 40000, "bytes": 100, "packets": 2},
    "destination": {"ip": B, "port": 443, "bytes": 900, "packets": 3},
    "network": {"transport": "tcp", "iana_number": "6"},
}
AWS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    "log-status\n"
    f"2 123456789010 eni-1 {A} {B} 40000 443 6 2 100 1700000000 1700000002 ACCEPT OK\n"
    "2 123456789010 eni-1 - - - - - - - 1700000000 1700000060 - NODATA\n"
)  # fmt: skip
NSG = {
    "records": [
        {"time": "2023-11-14T22:14:00Z", "macAddress": "0000", "category": "NetworkSecurityGroupFlowEvent",
         "properties": {"Version": 2, "flows": [{"rule": "allow", "flows": [{"mac": "0000", "flowTuples": [
             f"1700000000,{A},{B},40000,443,T,O,A,B,,,,",
             f"1700000000,{A},{B},40000,443,T,O,A,E,2,100,3,900"]}]}]}},
        {"time": "2023-11-14T22:15:00Z", "macAddress": "0001", "category": "NetworkSecurityGroupFlowEvent",
         "properties": {"Version": 2, "flows": [{"rule": "allow", "flows": [{"mac": "0001", "flowTuples": [
             f"1700000001,{B},{A},53,5353,U,I,A,C,1,60,0,0"]}]}]}},
    ]
}  # fmt: skip
VNET = {
    "records": [
        {"time": "2023-11-14T22:14:00Z", "flowRecords": {"flows": [{"aclID": "x", "flowGroups": [
            {"rule": "allow", "flowTuples": [f"{START},{A},{B},40000,443,6,O,E,NX,2,100,3,900",
                                             f"{START},{A},{B},40001,443,6,O,B,NX,0,0,0,0"]}]}]}},
    ]
}  # fmt: skip
GCP = {
    "jsonPayload": {
        "connection": {"src_ip": A, "src_port": 40000, "dest_ip": B, "dest_port": 443, "protocol": 6},
        "start_time": "2023-11-14T22:13:20.500000000Z", "end_time": "2023-11-14T22:13:22.750000000Z",
        "bytes_sent": "100", "packets_sent": "2", "reporter": "SRC", "src_instance": {"vm_name": "a"},
    }
}  # fmt: skip
GCP_TWICE = {"jsonPayload": {**GCP["jsonPayload"], "reporter": "DEST"}}
GCP_OUTER = {"jsonPayload": {k: v for k, v in GCP_TWICE["jsonPayload"].items() if k != "src_instance"}}
ASA = {
    "netflow": {
        "ipv4_src_addr": A, "ipv4_dst_addr": B, "l4_src_port": 40000, "l4_dst_port": 443, "protocol": 6,
        "flow_start_msec": START, "event_time_msec": START + 2250, "fw_event": 2,
        "fwd_flow_delta_bytes": 100, "rev_flow_delta_bytes": 900,
    }
}  # fmt: skip
LOGSTASH = {
    "netflow": {
        "ipv4_src_addr": A, "ipv4_dst_addr": B, "l4_src_port": 40000, "l4_dst_port": 443, "protocol": 6,
        "first_switched": "2023-11-14T22:13:20.500Z", "last_switched": "2023-11-14T22:13:22.750Z",
        "in_bytes": 100, "in_pkts": 2, "out_bytes": 100,
    }
}  # fmt: skip
FTD = {
    "FirstPacketSecond": "2023-11-14T22:13:20Z", "ConnectionDuration": 2, "SrcIP": A, "DstIP": B,
    "SrcPort": 40000, "DstPort": 443, "Protocol": "tcp", "InitiatorBytes": 100, "InitiatorPackets": 2,
    "ResponderBytes": 900, "ResponderPackets": 3,
}  # fmt: skip
ELASTIFLOW = {
    "flow.start.timestamp": START, "flow.end.timestamp": START + 2250, "flow.src.ip.addr": A,
    "flow.dst.ip.addr": B, "flow.src.l4.port.id": 40000, "flow.dst.l4.port.id": 443, "l4.proto.name": "TCP",
    "flow.bytes": 100, "flow.packets": 2,
}  # fmt: skip

BOTH = (START, A, B, 40000, 443, 6, 100, 900, 2, 3, 2250)
ONE = (START, A, B, 40000, 443, 6, 100, 0, 2, None, 2250)
WHOLE = (1_700_000_000_000, *BOTH[1:])
_TSV = [k for k in ZEEK if k != "uid"]
ZEEK_TSV = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\t" + "\t".join(_TSV) + "\n#types\t" + "\t".join("string" for _ in _TSV) + "\n"
    + "\t".join(str(ZEEK[k]) for k in _TSV) + "\n"
    + "\t".join(str(ZEEK_ALONE.get(k, "-")) for k in _TSV) + "\n#close\t2023-11-14-23-00-00\n"
)  # fmt: skip

SAMPLES = [
    Sample("nprobe", ".json", lines(NPROBE), NPROBE_WANT),
    Sample("nprobe", ".json", lines({_IDS[k]: v for k, v in NPROBE.items()}), NPROBE_WANT, name="numbers"),
    Sample(
        "goflow2",
        ".json",
        lines(GOFLOW2, SFLOW),
        [
            (START, A, B, 40000, 443, 6, 1000, 0, 20, None, 2250),
            (1_700_000_009_000, SIX, SIX, 40000, 443, 58, 100, 0, 1, None, 0),
        ],
        one_way=True,
    ),
    Sample(
        "goflow2",
        ".json",
        lines({**GOFLOW2, "time_flow_start_ns": 0}, GOFLOW2),
        [
            (1_700_000_009_000, A, B, 40000, 443, 6, 1000, 0, 20, None, None),
            (START, A, B, 40000, 443, 6, 1000, 0, 20, None, 2250),
        ],
        one_way=True,
        name="no start",
    ),
    Sample(
        "pmacct",
        ".json",
        lines(
            {"event_type": "purge_init", "writer_id": "default_kafka/1"},
            PMACCT,
            {"event_type": "purge_close", "writer_id": "default_kafka/1", "purged_entries": 1},
        ),
        [ONE],
        one_way=True,
        skipped=2,
    ),
    Sample(
        "pmacct",
        ".json",
        lines(
            {**PMACCT, "timestamp_start": "1700000000.500000", "timestamp_end": "0.000000", "ip_proto": "17"},
            {
                **PMACCT,
                "timestamp_start": "2023-11-14T17:13:20.5-05:00",
                "timestamp_end": "0000-00-00 00:00:00",
            },
        ),
        [(START, A, B, 40000, 443, p, 100, 0, 2, None, None) for p in (17, 6)],
        one_way=True,
        name="epoch",
    ),
    Sample("zeek", ".json", lines(ZEEK, ZEEK_ALONE), [BOTH, (*BOTH[:10], None)]),
    Sample(
        "zeek",
        ".json",
        lines(
            {"dns": {"ts": 1.0, "uid": "C0", "id.orig_h": A}},
            {"conn": ZEEK},
            {"ssl": {"ts": 2.0, "uid": "C1"}},
        ),
        [BOTH],
        skipped=2,
        name="kafka plugin",
    ),
    Sample("zeek", ".log", ZEEK_TSV, [BOTH, (*BOTH[:10], None)], name="tsv"),
    Sample("suricata", ".json", lines(DNS, EVE, DNS), [BOTH], skipped=2),
    Sample(
        "suricata-netflow",
        ".json",
        lines(
            {
                **{k: v for k, v in EVE.items() if k != "flow"},
                "event_type": "netflow",
                "netflow": {
                    "pkts": 2,
                    "bytes": 100,
                    "start": EVE["flow"]["start"],
                    "end": EVE["flow"]["end"],
                },
            }
        ),
        [ONE],
        one_way=True,
    ),
    Sample(
        "nfdump",
        ".csv",
        NFDUMP16,
        [
            (1_700_000_000_000, A, B, 40000, 443, 6, 100, 900, 2, 3, 2250),
            (1_700_000_000_000, SIX, SIX, 0, 0, 58, 60, 0, 1, 0, 0),
        ],
        one_way=True,
        name="1.6",
    ),
    Sample(
        "nfdump",
        ".csv",
        "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n"
        f"2023-11-14 22:13:20.500,2.250,TCP,{A},40000,{B},443,2,100,1\n",
        [ONE],
        one_way=True,
        name="1.7",
    ),
    Sample(
        "nfdump",
        ".csv",
        "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,packets,bytes\n"
        f"1,2,1700000000.500,1700000002.750,6,{A},40000,{B},443,0,0,2,100\n",
        [ONE],
        one_way=True,
        name="fast",
    ),
    Sample(
        "nfdump",
        ".json",
        lines(
            {
                **{"type": "FLOW", "first": "2023-11-14T22:13:20.500", "last": "2023-11-14T22:13:22.750"},
                **{"in_packets": 2, "in_bytes": 100, "proto": 6, "src_port": 40000, "dst_port": 443},
                **{"src4_addr": A, "dst4_addr": B},
            },
            {"type": "EVENT", "first": "2023-11-14T22:13:20.500"},
        ),
        [ONE],
        one_way=True,
        skipped=1,
        name="json",
    ),
    Sample(
        "argus",
        ".binetflow",
        BINETFLOW.replace(",Label", "").replace(",x\n", "\n").replace("0,0,0,\n", "0,0,0\n"),
        [
            (START, A, B, 40000, 443, 6, 100, 900, None, None, 2250),
            (START, A, B, 40000, 443, 6, 100, 900, None, None, 2250),
            (START, A, B, 8, 0x7208, 1, 98, 98, None, None, 0),
        ],
        skipped=1,
    ),
    Sample("ipfix", ".json", lines(IPFIX, ANSWERED), [BOTH, BOTH]),
    Sample(
        "ipfix",
        ".json",
        lines({k: v for k, v in IPFIX.items() if not k.startswith("reverse")}),
        [ONE],
        one_way=True,
        name="one way",
    ),
    Sample("ecs", ".json", lines(ECS), [BOTH], one_way=True),
    Sample(
        "ecs",
        ".json",
        lines({f"{k}.{n}": v for k, inner in ECS.items() for n, v in inner.items()}),
        [BOTH],
        one_way=True,
        name="flattened",
    ),
    Sample("logstash", ".json", lines(LOGSTASH), [ONE], one_way=True),
    Sample("elastiflow", ".json", lines(ELASTIFLOW), [ONE], one_way=True),
    Sample(
        "asa",
        ".json",
        lines(ASA, {"netflow": {**ASA["netflow"], "fw_event": 1}}),
        [(*BOTH[:8], None, None, 2250)],
        skipped=1,
    ),
    Sample("ftd", ".json", lines(FTD), [(*WHOLE[:10], 2000)]),
    Sample("aws-vpc", ".log", AWS, [(1_700_000_000_000, *ONE[1:10], 2000)], one_way=True, skipped=1),
    Sample(
        "azure",
        ".json",
        lines(NSG),
        [(*WHOLE[:10], None), (1_700_000_001_000, B, A, 53, 5353, 17, 60, 0, 1, 0, None)],
        skipped=1,
    ),
    Sample("azure", ".json", lines(VNET), [(*BOTH[:10], None)], skipped=1, name="vnet"),
    Sample("gcp", ".json", lines(GCP, GCP_TWICE, GCP_OUTER), [ONE, ONE], one_way=True, skipped=1),
]
