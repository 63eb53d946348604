"""A few records of programs that make data sets, and of published data sets, with documentation addresses."""

from __future__ import annotations

from tests.flows.samples import BINETFLOW, BOTH, ONE, START, WHOLE, ZEEK, A, B, Sample, lines

CIC_2018 = (
    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,"
    "TotLen Fwd Pkts,TotLen Bwd Pkts,Flow Byts/s,Flow Pkts/s,Label\n"
    f"x,{A},40000,{B},443,6,14/11/2023 22:13:20,2250000,2,3,100,900,444.4,2.2,Benign\n"
    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,"
    "TotLen Fwd Pkts,TotLen Bwd Pkts,Flow Byts/s,Flow Pkts/s,Label\n"
    f"x,{A},40000,{B},443,6,14/11/2023 22:13:20,0,2,3,100,900,Infinity,Infinity,DoS attacks-Hulk\n"
)
CIC_2017 = (
    "Flow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration,"
    " Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets, Total Length of Bwd Packets,"
    "Flow Bytes/s, Label\n"
    f"x,{A},40000,{B},443,6,14/11/2023 10:13:20 PM,2250000,2,3,100,900,444.4,BENIGN\n"
    f"x,{A},40000,{B},443,6,1/7/2017 8:55,-1,2,3,100.0,900.0,Infinity,Web Attack – XSS\n"
    ",,,,,,,,,,,,,\n"
)
CIC_V4 = (
    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,"
    "Total Bwd packets,Total Length of Fwd Packet,Total Length of Bwd Packet,Label\n"
    f"x,{A},40000,{B},443,6,2023-11-14 22:13:20.500000,2250000,2,3,100.0,900.0,NeedManualLabel\n"
)
CIC_PYTHON = (
    "src_ip,dst_ip,src_port,dst_port,protocol,timestamp,flow_duration,flow_byts_s,flow_pkts_s,tot_fwd_pkts,"
    "tot_bwd_pkts,totlen_fwd_pkts,totlen_bwd_pkts\n"
    # in seconds, as it is now, and in microseconds, as it was
    f"{A},{B},40000,443,6,2023-11-14 22:13:20,2.25,444.4,2.2222222222,2,3,100,900\n"
    f"{A},{B},40000,443,6,2023-11-14 22:13:20,2250000.0,444.4,2.2222222222,2,3,100,900\n"
    f"{A},{B},40000,443,6,2023-11-14 22:13:20,0,0,0,2,3,100,900\n"
)
CIC_WHOLE = (1_700_000_000_000, A, B, 40000, 443, 6, 100, 900, 2, 3, 2250.0)
NFSTREAM = (
    "id,expiration_id,src_ip,src_mac,src_oui,src_port,dst_ip,dst_mac,dst_oui,dst_port,protocol,ip_version,"
    "bidirectional_first_seen_ms,bidirectional_last_seen_ms,bidirectional_duration_ms,bidirectional_packets,"
    "bidirectional_bytes,src2dst_packets,src2dst_bytes,dst2src_packets,dst2src_bytes,application_name\n"
    f"0,0,{A},02:00:00:00:00:01,02:00:00,40000,{B},02:00:00:00:00:02,02:00:00,443,6,4,{START},{START + 2250},"
    "2250,5,1000,2,100,3,900,TLS\n"
)
PMACCT = (
    "SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,TOS,TIMESTAMP_START,TIMESTAMP_END,PACKETS,BYTES\n"
    "--START (1700000000+60)--\n"
    f"{A},{B},40000,443,tcp,0,1700000000.500000,1700000002.750000,2,100\n"
    f"{A},{B},40000,443,tcp,0,2023-11-14 22:13:20.500000,0.000000,2,100\n"
    "--END--\n"
)


def unsw(sport: str = "40000", label: str = ",0", tail: str = "") -> str:
    """A record of the files without a header: 49 values."""
    return (
        f"{A},{sport},{B},443,tcp,FIN,2.250000,100,900,31,29,0,0,-,355.5,3200.0,2,3,255,255,1,2,50,300,0,0,"
        f"0.1,0.2,1700000000,1700000002,0.017,0.013,0,0,0,0,0,{tail},0,0,3,7,1,3,1,1,1,{label}\n"
    )


UNSW_NAMES = (
    "srcip,sport,dstip,dsport,proto,state,dur,sbytes,dbytes,spkts,dpkts,stime,ltime,attack_cat,label\n"
    f"{A},40000,{B},443,tcp,FIN,2.25,100,900,2,3,1700000000,1700000002, Fuzzers ,1\n"
)
TON = (
    "ts,src_ip,src_port,dst_ip,dst_port,proto,service,duration,src_bytes,dst_bytes,conn_state,missed_bytes,"
    "src_pkts,src_ip_bytes,dst_pkts,dst_ip_bytes,label,type\n"
    f"1700000000,{A},40000,{B},443,tcp,-,2.25,20,700,SF,0,2,100,3,900,1,ddos\n"
    f"1700000000,{A},40000,{B},443,tcp,-,2.25,100,900,SF,0,2,0,3,0,0,normal\n"
    f"1700000000,{A},40000,{B},443,tcp,-,-,0,0,S0,0,1,63,0,0,0,normal\n"
)
_BOT_NAMES = "pkSeqID,stime,flgs,proto,saddr,sport,daddr,dport,pkts,bytes,state,ltime,seq,dur,mean,stddev,"
BOT = (
    _BOT_NAMES + "sum,min,max,spkts,dpkts,sbytes,dbytes,rate,srate,drate,attack,category,subcategory\n"
    f"1,1700000000.5,e,tcp,{A},40000,{B},0x01bb,5,1000,CON,1700000002.75,1,2.25,0,0,0,0,0,2,3,100,900,0,0,0,1,"
    "DDoS,TCP\n"
)
BOT_RAW = (
    f"1,1700000000.5,e,tcp,{A},40000,{B},443,5,1000,CON,1700000002.75,1,2.25,0,0,,,0,0,0,,,,,2,3,100,900,0,0,0,0,"
    "Normal,Normal\n"
)
_IOT_NAMES = [k for k in ZEEK if k != "uid"]
IOT = (
    "#separator \\x09\n#path\tconn\n#fields\t" + "\t".join(_IOT_NAMES)
    + "\ttunnel_parents   label   detailed-label\n#types\t" + "\t".join("x" for _ in _IOT_NAMES)
    + "\tset[string]   string   string\n"
    + "\t".join(str(ZEEK[k]) for k in _IOT_NAMES) + "\t-   Malicious   PartOfAHorizontalPortScan\n"
    + "\t".join(str(ZEEK[k]) for k in _IOT_NAMES) + "\t(empty)   Benign   -\n"
    + "\t".join(str(ZEEK[k]) for k in _IOT_NAMES) + "\t-   Malicious   -\n"
    + "#close\t2019-03-15-14-50-49\n"
)  # fmt: skip
CTU = (
    BINETFLOW.replace(",x\n", ",flow=From-Botnet-V42-TCP-CC1\n", 1)
    .replace(",x\n", ",flow=From-Normal-V42-Grill\n", 1)
    .replace(",x\n", ",flow=To-Background-UDP-CVUT-DNS-Server\n", 1)
)
VPC = (
    f"2 123456789010 eni-1 {A} {B} 40000 443 6 2 100 1700000000 1700000002 ACCEPT OK\n"
    "2 123456789010 eni-1 - - - - - - - 1700000000 1700000060 - NODATA\n"
)
VPC_WANT = [(1_700_000_000_000, *ONE[1:10], 2000)]
ECS_NETWORK = {
    "event": {"start": "2023-11-14T22:13:20.500Z", "end": "2023-11-14T22:13:22.750Z", "duration": 2250000000},
    "source": {"ip": A, "port": 40000},
    "destination": {"ip": B, "port": 443},
    "network": {"bytes": 100, "packets": 2, "transport": "tcp", "iana_number": 6},
}

SAMPLES = [
    Sample("cicflowmeter", ".csv", CIC_2018, [CIC_WHOLE, (*CIC_WHOLE[:10], 0.0)], skipped=1, name="2018"),
    Sample(
        "cicflowmeter",
        ".csv",
        CIC_2017,
        [CIC_WHOLE, (1_498_899_300_000, *CIC_WHOLE[1:10], None)],
        skipped=1,
        name="2017",
    ),
    Sample("cicflowmeter", ".csv", CIC_V4, [(START, *CIC_WHOLE[1:])], name="version 4"),
    Sample(
        "cicflowmeter",
        ".csv",
        CIC_PYTHON,
        [CIC_WHOLE, CIC_WHOLE, (*CIC_WHOLE[:10], 0.0)],
        name="Python",
    ),
    Sample("nfstream", ".csv", NFSTREAM, [BOTH]),
    Sample("pmacct", ".csv", PMACCT, [ONE, (*ONE[:10], None)], one_way=True, name="print"),
    Sample("unsw-nb15", ".csv", unsw() + unsw("0x000b"), [WHOLE, (*WHOLE[:3], 11, *WHOLE[4:])]),
    Sample("unsw-nb15", ".csv", UNSW_NAMES, [WHOLE], name="with names"),
    Sample("ton-iot", ".csv", TON, [WHOLE, WHOLE, (*WHOLE[:6], 63, 0, 1, 0, None)]),
    Sample("bot-iot", ".csv", BOT, [BOTH]),
    Sample("bot-iot", ".csv", BOT_RAW, [BOTH], name="raw"),
    Sample("iot23", ".labeled", IOT, [BOTH, BOTH, BOTH]),
    Sample(
        "iot23",
        ".json",
        lines({**ZEEK, "label": "Malicious", "detailed-label": "C&C"}),
        [BOTH],
        name="json",
    ),
    Sample(
        "ctu13",
        ".binetflow",
        CTU,
        [
            (START, A, B, 40000, 443, 6, 100, 900, None, None, 2250),
            (START, A, B, 40000, 443, 6, 100, 900, None, None, 2250),
            (START, A, B, 8, 0x7208, 1, 98, 98, None, None, 0),
        ],
        skipped=1,
    ),
    Sample("aws-vpc", ".log", VPC, VPC_WANT, one_way=True, skipped=1, name="no header"),
    Sample(
        "aws-vpc",
        ".log",
        "".join(f"2023-11-14T22:13:20.000Z {line}\n" for line in VPC.splitlines()),
        VPC_WANT,
        one_way=True,
        skipped=1,
        name="CloudWatch",
    ),
    Sample("ecs", ".json", lines(ECS_NETWORK), [ONE], one_way=True, name="network.bytes"),
]
"""Samples, with their labels in ``LABELS``."""

LABELS = {
    "cicflowmeter 2018": [(0, "Benign"), (1, "DoS attacks-Hulk")],
    "cicflowmeter 2017": [(0, "Benign"), (1, "Web Attack – XSS")],
    "cicflowmeter version 4": [(None, None)],
    "cicflowmeter Python": None,
    "nfstream": None,
    "unsw-nb15": [(0, "Benign"), (0, "Benign")],
    "unsw-nb15 with names": [(1, "Fuzzers")],
    "ton-iot": [(1, "ddos"), (0, "Benign"), (0, "Benign")],
    "bot-iot": [(1, "DDoS")],
    "bot-iot raw": [(0, "Benign")],
    "iot23": [(1, "PartOfAHorizontalPortScan"), (0, "Benign"), (1, "Malicious")],
    "iot23 json": [(1, "C&C")],
    "ctu13": [(1, "From-Botnet-V42-TCP-CC1"), (0, "Benign"), (None, None)],
}
"""``Label`` and ``Attack`` of each flow of a sample; None where there are no such columns."""
