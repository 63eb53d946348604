"""The table of exporters, continued: programs that make data sets, and data sets as they were published."""

from __future__ import annotations

from dataclasses import replace

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.presets.table import ARGUS, ZEEK, Names, Preset, Skip, fields_of


def _spaced(*names: str) -> Names:
    """Names, and the same with the space that the files of 2017 have before most of them."""
    return (*names, *(f" {name}" for name in names))


CICFLOWMETER = Preset(
    name="cicflowmeter",
    marks=(
        ("Src IP", "Dst IP", "Flow Duration", "TotLen Fwd Pkts"),
        ("Src IP", "Dst IP", "Flow Duration", "Total Length of Fwd Packet"),
        ("Source IP", "Destination IP", "Flow Duration", "Total Length of Fwd Packets"),
        (" Source IP", " Destination IP", " Flow Duration", "Total Length of Fwd Packets"),
        ("src_ip", "dst_ip", "flow_duration", "totlen_fwd_pkts"),
        # without addresses: told apart from what nobody knows, and refused
        ("Dst Port", "Flow Duration", "TotLen Fwd Pkts"),
        ("Destination Port", "Flow Duration", "Total Length of Fwd Packets"),
        (" Destination Port", " Flow Duration", "Total Length of Fwd Packets"),
    ),
    fields=fields_of(
        src=(*_spaced("Src IP", "Source IP"), "src_ip"),
        dst=(*_spaced("Dst IP", "Destination IP"), "dst_ip"),
        sport=(*_spaced("Src Port", "Source Port"), "src_port"),
        dport=(*_spaced("Dst Port", "Destination Port"), "dst_port"),
        proto=(*_spaced("Protocol"), "protocol"),
        in_bytes=(
            *_spaced("TotLen Fwd Pkts", "Total Length of Fwd Packets", "Total Length of Fwd Packet"),
            "totlen_fwd_pkts",
        ),
        in_pkts=(*_spaced("Tot Fwd Pkts", "Total Fwd Packets", "Total Fwd Packet"), "tot_fwd_pkts"),
        out_bytes=(
            *_spaced("TotLen Bwd Pkts", "Total Length of Bwd Packets", "Total Length of Bwd Packet"),
            "totlen_bwd_pkts",
        ),
        out_pkts=(
            *_spaced("Tot Bwd Pkts", "Total Backward Packets", "Total Bwd packets", "Total Bwd Packets"),
            "tot_bwd_pkts",
        ),
        label=(*_spaced("Label"), "label"),
    ),
    start=(*_spaced("Timestamp"), "timestamp"),
    duration=(*((name, 1e-3) for name in _spaced("Flow Duration")), ("flow_duration", 1e-3)),
    # the Python port counts in seconds since version 0.2, in microseconds before
    pace="flow_pkts_s",
    # a file of 2017 ends in lines of commas alone
    skip=tuple(Skip(name, null=True) for name in (*_spaced("Src IP", "Source IP"), "src_ip")),
    text=_spaced("Timestamp"),
    # Web Attack – XSS
    encoding="cp1252",
    hint="all files of CSE-CIC-IDS2018 but one, and MachineLearningCSV of CIC-IDS2017, come without "
    "addresses, and no graph can be made of those; GeneratedLabelledFlows, or TrafficLabelling, has them",
)

NFSTREAM = Preset(
    name="nfstream",
    marks=(
        ("src_ip", "dst_ip", "bidirectional_first_seen_ms", "src2dst_bytes"),
        ("src_ip", "dst_ip", "src2dst_bytes", "dst2src_bytes"),
    ),
    fields=fields_of(
        src=("src_ip",),
        dst=("dst_ip",),
        sport=("src_port",),
        dport=("dst_port",),
        proto=("protocol",),
        in_bytes=("src2dst_bytes",),
        in_pkts=("src2dst_packets",),
        out_bytes=("dst2src_bytes",),
        out_pkts=("dst2src_packets",),
    ),
    start=("bidirectional_first_seen_ms",),
    end=("bidirectional_last_seen_ms",),
    duration=(("bidirectional_duration_ms", 1),),
)

_UNSW_HEADER = (
    *(
        "srcip",
        "sport",
        "dstip",
        "dsport",
        "proto",
        "state",
        "dur",
        "sbytes",
        "dbytes",
        "sttl",
        "dttl",
        "sloss",
    ),
    *("dloss", "service", "Sload", "Dload", "Spkts", "Dpkts", "swin", "dwin", "stcpb", "dtcpb", "smeansz"),
    *(
        "dmeansz",
        "trans_depth",
        "res_bdy_len",
        "Sjit",
        "Djit",
        "Stime",
        "Ltime",
        "Sintpkt",
        "Dintpkt",
        "tcprtt",
    ),
    *(
        "synack",
        "ackdat",
        "is_sm_ips_ports",
        "ct_state_ttl",
        "ct_flw_http_mthd",
        "is_ftp_login",
        "ct_ftp_cmd",
    ),
    *("ct_srv_src", "ct_srv_dst", "ct_dst_ltm", "ct_src_ltm", "ct_src_dport_ltm", "ct_dst_sport_ltm"),
    *("ct_dst_src_ltm", "attack_cat", "Label"),
)

UNSW_NB15 = Preset(
    name="unsw-nb15",
    marks=(
        ("srcip", "dstip", "sbytes", "dbytes"),
        # training-set and testing-set: without addresses
        ("sbytes", "dbytes", "sttl", "attack_cat"),
    ),
    fields=fields_of(
        src=("srcip",),
        dst=("dstip",),
        sport=("sport",),
        dport=("dsport",),
        proto=("proto",),
        in_bytes=("sbytes",),
        in_pkts=("Spkts", "spkts"),
        out_bytes=("dbytes",),
        out_pkts=("Dpkts", "dpkts"),
        label=("Label", "label"),
        attack=("attack_cat",),
    ),
    start=("Stime", "stime"),
    end=("Ltime", "ltime"),
    duration=(("dur", 1000),),
    # hexadecimal in some records
    text=("sport", "dsport", "attack_cat", "ct_ftp_cmd"),
    header=_UNSW_HEADER,
    hint="the training-set and testing-set files of UNSW-NB15 come without addresses; "
    "UNSW-NB15_1.csv to _4.csv have them",
)

TON_IOT = Preset(
    name="ton-iot",
    marks=(
        ("src_ip", "dst_ip", "src_bytes", "dst_bytes", "conn_state"),
        ("src_ip", "dst_ip", "src_ip_bytes", "dst_ip_bytes"),
        # train_test of some editions: without addresses
        ("src_bytes", "dst_bytes", "conn_state", "label", "type"),
    ),
    fields=fields_of(
        src=("src_ip",),
        dst=("dst_ip",),
        sport=("src_port",),
        dport=("dst_port",),
        proto=("proto",),
        in_bytes=("src_ip_bytes", "src_bytes"),
        in_pkts=("src_pkts",),
        out_bytes=("dst_ip_bytes", "dst_bytes"),
        out_pkts=("dst_pkts",),
        label=("label",),
        attack=("type",),
    ),
    start=("ts",),
    duration=(("duration", 1000),),
    if_above_0=("src_ip_bytes", "dst_ip_bytes"),
    unset=("-",),
)

_BOT_HEADER = (
    *(
        "pkSeqID",
        "stime",
        "flgs",
        "proto",
        "saddr",
        "sport",
        "daddr",
        "dport",
        "pkts",
        "bytes",
        "state",
        "ltime",
    ),
    *(
        "seq",
        "dur",
        "mean",
        "stddev",
        "smac",
        "dmac",
        "sum",
        "min",
        "max",
        "soui",
        "doui",
        "sco",
        "dco",
        "spkts",
    ),
    *("dpkts", "sbytes", "dbytes", "rate", "srate", "drate", "attack", "category", "subcategory"),
)

BOT_IOT = Preset(
    name="bot-iot",
    marks=(("saddr", "daddr", "sbytes", "dbytes"), ("pkSeqID", "saddr", "daddr", "attack", "category")),
    fields=fields_of(
        src=("saddr",),
        dst=("daddr",),
        sport=("sport",),
        dport=("dport",),
        proto=("proto",),
        in_bytes=("sbytes",),
        in_pkts=("spkts",),
        out_bytes=("dbytes",),
        out_pkts=("dpkts",),
        label=("attack",),
        attack=("category",),
    ),
    start=("stime",),
    end=("ltime",),
    duration=(("dur", 1000),),
    text=("sport", "dport"),
    header=_BOT_HEADER,
    hint="the files with the 10 best features of Bot-IoT come without bytes",
)

CTU13 = replace(
    ARGUS,
    name="ctu13",
    marks=tuple((*mark, "Label") for mark in ARGUS.marks),
    fields={**ARGUS.fields, c.LABEL: ("Label",)},
    text=(*ARGUS.text, "Label"),
    # flow=From-Botnet-V42-TCP-CC16-..., flow=From-Normal-V42-Grill, flow=To-Background-UDP-CVUT-DNS-Server:
    # nobody has looked at what the background is. Backgrund is how one of the files spells it.
    parts=(
        *(("botnet", 1), ("malicious", 1), ("attack", 1), ("background", -1), ("backgrund", -1)),
        *(("normal", 0), ("legitimate", 0), ("benign", 0)),
    ),
)

GLUED = "tunnel_parents label detailed-label"
"""The last column of IoT-23: three in one, with spaces between them."""

IOT23 = replace(
    ZEEK,
    name="iot23",
    marks=tuple(
        (prefix + "id.orig_h", prefix + "id.resp_h", prefix + "orig_bytes", *label)
        for prefix in ZEEK.prefixes
        for label in ((GLUED,), ("label", "detailed-label"), ("label", "detailed_label"), ("label", "type"))
    ),
    fields={**ZEEK.fields, c.LABEL: ("label",), c.ATTACK: ("detailed-label", "detailed_label", "type")},
)
