"""Services: distribution of the flows of each kind of traffic, as a table of data.

A service is a mixture of kinds of flows. Sizes and durations are hierarchical log-normals,
``median * exp(pair * z_pair + flow * z_flow)``: ``z_pair`` is fixed for a pair of hosts (its habit),
``z_flow`` is drawn for each flow. ``flow = 0`` gives every flow of a pair the same size, an exact atom as
machines produce it. Payload bytes become IP bytes and packets in :mod:`morpheus_gae.simulate.network.draw`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
EPHEMERAL, SAME = -1, -2
"""Source ports: any high port, or the destination's port; a number >= 0 is a fixed port."""

Spread = tuple[float, float, float]
"""Median, spread between pairs, spread between flows of one pair (both standard deviations of the log)."""


class Mode(IntEnum):
    """How payload becomes packets."""

    CONNECTION = 0  # a whole TCP connection: handshake, data, acknowledgements, close
    UNANSWERED = 1  # SYN only, sent 1 to 4 times
    REFUSED = 2  # SYN answered by RST
    DATAGRAMS = 3  # UDP or ICMP: `count` datagrams each way


@dataclass(frozen=True)
class Kind:
    """One kind of flow within a service; sizes are payload bytes (per datagram for DATAGRAMS)."""

    share: float
    mode: Mode = Mode.CONNECTION
    forward: Spread = (0.0, 0.0, 0.0)
    backward: Spread = (0.0, 0.0, 0.0)
    milliseconds: Spread = (1.0, 0.0, 0.0)
    count: tuple[float, float] = (1.0, 0.0)


@dataclass(frozen=True)
class Service:
    """One service: protocol, destination ports (a pair keeps to one of them), and its kinds of flows."""

    protocol: int
    ports: tuple[int, ...]
    kinds: tuple[Kind, ...]
    source_port: int = EPHEMERAL


C, D = Mode.CONNECTION, Mode.DATAGRAMS
_SILENT = Kind(0.012, Mode.UNANSWERED, milliseconds=(3000.0, 0.0, 0.4))
_CLOSED = Kind(0.006, Mode.REFUSED, milliseconds=(0.4, 0.3, 0.3))

SERVICES: dict[str, Service] = {
    # names and time
    "dns": Service(UDP, (53,), (
        Kind(0.80, D, (40, 0.05, 0.14), (95, 0.10, 0.45), (1.2, 0.5, 1.1)),
        Kind(0.15, D, (42, 0.05, 0.14), (110, 0.10, 0.40), (3.0, 0.5, 1.0), (2, 0.0)),
        Kind(0.04, D, (45, 0.05, 0.15), (60, 0.0, 0.1), (28.0, 0.3, 0.9)),
        Kind(0.01, D, (40, 0.05, 0.14), (0, 0, 0), (5000.0, 0.0, 0.1), (2, 0.0)),
    )),
    "ntp": Service(UDP, (123,), (
        Kind(0.97, D, (48, 0, 0), (48, 0, 0), (0.6, 0.5, 0.2)),
        Kind(0.03, D, (48, 0, 0), (0, 0, 0), (0, 0, 0)),
    ), SAME),
    "icmp_echo": Service(ICMP, (2048,), (
        Kind(0.97, D, (56, 0, 0), (56, 0, 0), (4.0, 0.1, 0.3), (3, 0.0)),
        Kind(0.03, D, (56, 0, 0), (0, 0, 0), (2001.0, 0, 0.001), (3, 0.0)),
    ), 0),
    "snmp": Service(UDP, (161,), (
        Kind(0.70, D, (43, 0.08, 0.0), (46, 0.15, 0.02), (2.0, 0.6, 0.4), (1, 0.0)),
        Kind(0.28, D, (78, 0.10, 0.02), (260, 0.30, 0.15), (60.0, 0.6, 0.4), (18, 0.3)),
        Kind(0.02, D, (43, 0.08, 0.0), (0, 0, 0), (5004.0, 0, 0.001), (3, 0.0)),
    )),
    "syslog": Service(UDP, (514,), (
        Kind(1.0, D, (180, 0.25, 0.35), (0, 0, 0), (900.0, 0.8, 1.2), (3, 1.0)),
    ), SAME),
    # directory, files, mail, databases, printing
    "kerberos": Service(TCP, (88,), (
        Kind(0.55, C, (1650, 0.05, 0.06), (1620, 0.05, 0.06), (2.4, 0.3, 0.4)),
        Kind(0.45, C, (240, 0.05, 0.03), (190, 0.02, 0.02), (1.8, 0.3, 0.4)),
        _CLOSED,
    )),
    "ldap": Service(TCP, (389, 389, 636), (
        Kind(0.75, C, (2100, 0.2, 0.25), (3300, 0.2, 0.5), (25.0, 0.4, 1.1)),
        Kind(0.25, C, (5200, 0.2, 0.5), (24000, 0.3, 0.9), (120000.0, 0.1, 0.6)),
    )),
    "smb": Service(TCP, (445,), (
        Kind(0.55, C, (3200, 0.2, 0.5), (3900, 0.2, 0.5), (12000.0, 0.5, 1.0)),
        Kind(0.30, C, (9000, 0.3, 0.9), (420000, 0.6, 1.9), (30000.0, 0.5, 1.2)),
        Kind(0.13, C, (260000, 0.6, 1.8), (8000, 0.3, 0.8), (28000.0, 0.5, 1.2)),
        _SILENT, _CLOSED,
    )),
    "mail_client": Service(TCP, (443, 993), (
        Kind(0.70, C, (1500, 0.2, 0.25), (3800, 0.25, 0.45), (180.0, 0.4, 0.9)),
        Kind(0.20, C, (2400, 0.2, 0.4), (46000, 0.4, 1.5), (900.0, 0.4, 1.1)),
        Kind(0.10, C, (3100, 0.2, 0.5), (6200, 0.3, 0.6), (900000.0, 0.05, 0.4)),
    )),
    "smtp": Service(TCP, (25, 587), (
        Kind(0.88, C, (9500, 0.5, 1.5), (720, 0.1, 0.2), (900.0, 0.4, 0.9)),
        Kind(0.10, C, (120, 0.1, 0.2), (310, 0.1, 0.2), (400.0, 0.3, 0.8)),
        _SILENT,
    )),
    "database": Service(TCP, (1433, 3306, 5432), (
        Kind(0.72, C, (900, 0.4, 0.5), (2700, 0.5, 0.8), (18.0, 0.6, 1.1)),
        Kind(0.25, C, (6200, 0.5, 0.9), (61000, 0.8, 1.6), (2600.0, 0.8, 1.5)),
        Kind(0.03, C, (240, 0.1, 0.1), (420, 0.1, 0.1), (9.0, 0.3, 0.4)),
    )),
    "print": Service(TCP, (9100, 631), (
        Kind(0.80, C, (310000, 0.5, 1.4), (260, 0.2, 0.3), (3900.0, 0.4, 0.9)),
        Kind(0.18, C, (230, 0.1, 0.05), (410, 0.2, 0.05), (60.0, 0.4, 0.5)),
        _SILENT,
    )),
    "backup": Service(TCP, (10000, 9102), (
        Kind(0.75, C, (26e6, 0.9, 1.6), (42000, 0.5, 0.9), (210000.0, 0.6, 0.9)),
        Kind(0.25, C, (1900, 0.2, 0.3), (2300, 0.2, 0.3), (900.0, 0.4, 0.6)),
    )),
    # web
    "web": Service(TCP, (443, 443, 443, 443, 443, 443, 80), (
        Kind(0.52, C, (1150, 0.25, 0.40), (5200, 0.40, 0.70), (900.0, 0.5, 1.6)),
        Kind(0.25, C, (2600, 0.30, 0.70), (42000, 0.60, 1.60), (5200.0, 0.5, 1.4)),
        Kind(0.10, C, (690, 0.10, 0.06), (330, 0.20, 0.10), (160.0, 0.5, 0.5)),
        Kind(0.05, C, (46000, 0.60, 1.70), (5400, 0.40, 0.90), (9000.0, 0.5, 1.3)),
        Kind(0.05, C, (2900, 0.30, 0.60), (7900, 0.40, 0.80), (120000.0, 0.05, 0.7)),
        Kind(0.02, Mode.UNANSWERED, milliseconds=(3000.0, 0.0, 0.4)),
        Kind(0.01, Mode.REFUSED, milliseconds=(18.0, 0.5, 0.3)),
    )),
    "quic": Service(UDP, (443,), (
        Kind(0.70, D, (560, 0.15, 0.35), (860, 0.10, 0.25), (21000.0, 0.3, 1.0), (14, 0.9)),
        Kind(0.30, D, (160, 0.20, 0.30), (1180, 0.03, 0.08), (38000.0, 0.3, 1.0), (160, 1.5)),
    )),
    "web_internal": Service(TCP, (443, 80, 8080, 8443), (
        Kind(0.68, C, (880, 0.20, 0.35), (4600, 0.35, 0.70), (55.0, 0.5, 1.3)),
        Kind(0.29, C, (2200, 0.30, 0.70), (39000, 0.50, 1.30), (5100.0, 0.3, 0.7)),
        _SILENT, _CLOSED,
    )),
    "proxy": Service(TCP, (3128, 8080), (
        Kind(0.60, C, (1400, 0.10, 0.45), (6100, 0.20, 0.90), (1300.0, 0.3, 1.6)),
        Kind(0.34, C, (3300, 0.20, 0.80), (58000, 0.30, 1.80), (14000.0, 0.3, 1.3)),
        Kind(0.05, C, (240, 0.05, 0.05), (160, 0.02, 0.02), (2.0, 0.2, 0.6)),
        _CLOSED,
    )),
    "push": Service(TCP, (443, 5228, 5223), (
        Kind(0.85, C, (1150, 0.20, 0.0), (3900, 0.15, 0.01), (90000.0, 0.4, 0.05)),
        Kind(0.15, C, (1310, 0.20, 0.10), (5200, 0.20, 0.30), (140.0, 0.4, 0.5)),
    )),
    # remote work
    "ssh": Service(TCP, (22,), (
        Kind(0.70, C, (4800, 0.3, 0.9), (9800, 0.4, 1.1), (95000.0, 0.8, 1.8)),
        Kind(0.30, C, (2600, 0.1, 0.1), (3300, 0.1, 0.15), (900.0, 0.3, 0.5)),
    )),
    "rdp": Service(TCP, (3389,), (
        Kind(1.0, C, (410000, 0.5, 1.4), (5.1e6, 0.5, 1.5), (900000.0, 0.4, 1.0)),
    )),
    # telephony
    "sip": Service(UDP, (5060,), (
        Kind(0.92, D, (560, 0.06, 0.0), (470, 0.06, 0.0), (3.0, 0.3, 0.3), (2, 0.0)),
        Kind(0.08, D, (810, 0.06, 0.05), (640, 0.06, 0.05), (9500.0, 0.2, 0.8), (6, 0.3)),
    ), SAME),
    "rtp": Service(UDP, (16384, 16390, 16402, 16420, 16444, 16480), (
        Kind(0.95, D, (172, 0, 0), (172, 0, 0), (0.0, 0.0, 0.0), (4600, 1.0)),
        Kind(0.05, D, (172, 0, 0), (0, 0, 0), (0.0, 0.0, 0.0), (600, 1.0)),
    ), 16386),
    # local chatter
    "mdns": Service(UDP, (5353,), (
        Kind(0.7, D, (46, 0.25, 0.0), (0, 0, 0), (0.0, 0.0, 0.0)),
        Kind(0.3, D, (160, 0.35, 0.2), (0, 0, 0), (3800.0, 0.1, 0.3), (4, 0.4)),
    ), SAME),
    "ssdp": Service(UDP, (1900,), (Kind(1.0, D, (174, 0.05, 0), (0, 0, 0), (3003.0, 0.0, 0.002), (4, 0.0)),)),
    "netbios": Service(UDP, (137, 138), (
        Kind(0.6, D, (50, 0, 0), (0, 0, 0), (1500.0, 0, 0.01), (3, 0.0)),
        Kind(0.4, D, (201, 0.02, 0.0), (0, 0, 0), (0, 0, 0)),
    ), SAME),
    "dhcp": Service(UDP, (67,), (
        Kind(0.6, D, (300, 0.03, 0), (300, 0, 0), (3.0, 0.3, 0.5)),
        Kind(0.4, D, (308, 0.03, 0), (0, 0, 0), (0, 0, 0)),
    ), 68),
    "dhcp6": Service(UDP, (547,), (
        Kind(1.0, D, (98, 0.1, 0), (0, 0, 0), (1050.0, 0.1, 0.4), (2, 0.5)),
    ), 546),
    "neighbour": Service(ICMP6, (0,), (
        Kind(0.7, D, (24, 0, 0), (0, 0, 0), (0, 0, 0)),
        Kind(0.3, D, (24, 0, 0), (0, 0, 0), (2000.0, 0, 0.3), (3, 0.2)),
    ), 135),
    # things
    "mqtt": Service(TCP, (8883, 1883), (
        Kind(0.93, C, (620, 0.35, 0.0), (210, 0.30, 0.0), (210.0, 0.4, 0.15)),
        Kind(0.05, C, (2900, 0.35, 0.05), (4100, 0.10, 0.02), (900.0, 0.4, 0.3)),
        _SILENT,
    )),
    "telemetry": Service(UDP, (5683, 8125), (
        Kind(0.96, D, (96, 0.50, 0.01), (24, 0.3, 0.0), (38.0, 0.5, 0.3)),
        Kind(0.04, D, (96, 0.50, 0.01), (0, 0, 0), (0, 0, 0)),
    )),
    "cloud_heartbeat": Service(TCP, (443, 8443), (
        Kind(0.95, C, (810, 0.25, 0.004), (3700, 0.15, 0.004), (240.0, 0.4, 0.2)),
        Kind(0.04, C, (1900, 0.30, 0.2), (62000, 0.5, 1.0), (2900.0, 0.4, 0.8)),
        _SILENT,
    )),
    "camera_stream": Service(TCP, (554, 8554), (
        Kind(0.96, C, (5.4e6, 0.5, 0.18), (2100, 0.1, 0.03), (60000.0, 0.0, 0.003)),
        Kind(0.04, C, (980, 0.1, 0.05), (1200, 0.1, 0.05), (300.0, 0.3, 0.4)),
    )),
    "probe": Service(TCP, (443, 80, 22), (
        Kind(0.60, C, (120, 0.10, 0.0), (340, 0.40, 0.0), (6.0, 0.6, 0.4)),
        Kind(0.25, C, (0, 0, 0), (0, 0, 0), (1.0, 0.6, 0.4)),
        Kind(0.10, Mode.REFUSED, milliseconds=(0.6, 0.5, 0.3)),
        Kind(0.05, Mode.UNANSWERED, milliseconds=(3000.0, 0.0, 0.1)),
    )),
    # what attackers do
    "syn_probe": Service(TCP, (445,), (
        Kind(0.55, Mode.UNANSWERED, milliseconds=(1000.0, 0.0, 0.4)),
        Kind(0.35, Mode.REFUSED, milliseconds=(0.5, 0.2, 0.5)),
        Kind(0.10, C, (0, 0, 0), (60, 0.0, 0.6), (5.0, 0.2, 0.9)),
    )),
    "udp_probe": Service(UDP, (161,), (
        Kind(0.85, D, (12, 0.0, 0.9), (0, 0, 0), (0, 0, 0)),
        Kind(0.15, D, (40, 0.0, 0.2), (90, 0.2, 0.5), (1.0, 0.3, 0.8)),
    )),
    "syn_flood": Service(TCP, (443, 80), (
        Kind(0.8, Mode.UNANSWERED, milliseconds=(400.0, 0.0, 1.0)),
        Kind(0.2, Mode.REFUSED, milliseconds=(30.0, 0.2, 0.9)),
    )),
    "http_flood": Service(TCP, (443, 80), (
        Kind(0.8, C, (420, 0.05, 0.25), (1900, 0.3, 0.6), (700.0, 0.3, 1.1)),
        Kind(0.2, C, (380, 0.05, 0.2), (0, 0, 0), (9000.0, 0.1, 0.5)),
    )),
    "udp_flood": Service(UDP, (53, 123, 443), (
        Kind(1.0, D, (900, 0.4, 0.3), (0, 0, 0), (900.0, 0.3, 0.8), (60, 1.1)),
    )),
    "guess_ssh": Service(TCP, (22,), (
        Kind(0.8, C, (1900, 0.04, 0.10), (2400, 0.04, 0.08), (2600.0, 0.2, 0.4)),
        Kind(0.2, C, (900, 0.04, 0.15), (1200, 0.04, 0.1), (310.0, 0.2, 0.5)),
    )),
    "guess_rdp": Service(TCP, (3389,), (
        Kind(1.0, C, (1400, 0.05, 0.12), (1650, 0.05, 0.1), (640.0, 0.2, 0.4)),
    )),
    "guess_web": Service(TCP, (443, 80), (
        Kind(1.0, C, (1250, 0.04, 0.06), (4300, 0.2, 0.06), (210.0, 0.2, 0.5)),
    )),
    "upload": Service(TCP, (443, 443, 22, 8443), (
        Kind(0.9, C, (7.5e6, 0.8, 1.1), (21000, 0.5, 0.8), (45000.0, 0.5, 0.9)),
        Kind(0.1, C, (1300, 0.2, 0.3), (4200, 0.2, 0.3), (400.0, 0.3, 0.6)),
    )),
    "beacon": Service(TCP, (443, 80, 8443), (
        Kind(0.88, C, (530, 0.35, 0.012), (310, 0.35, 0.02), (170.0, 0.4, 0.25)),
        Kind(0.12, C, (900, 0.35, 0.8), (2600, 0.5, 1.2), (600.0, 0.4, 0.8)),
    )),
    "lateral": Service(TCP, (445, 135, 3389, 5985, 22), (
        Kind(0.45, C, (4100, 0.3, 0.7), (4600, 0.3, 0.7), (2900.0, 0.5, 1.3)),
        Kind(0.20, C, (900000, 0.5, 1.1), (12000, 0.4, 0.8), (9000.0, 0.5, 1.0)),
        Kind(0.20, Mode.REFUSED, milliseconds=(0.5, 0.2, 0.5)),
        Kind(0.15, Mode.UNANSWERED, milliseconds=(3000.0, 0.0, 0.3)),
    )),
    "worm": Service(TCP, (445, 23, 2323), (
        Kind(0.76, Mode.UNANSWERED, milliseconds=(1500.0, 0.0, 0.6)),
        Kind(0.14, Mode.REFUSED, milliseconds=(0.6, 0.3, 0.5)),
        Kind(0.10, C, (68000, 0.03, 0.25), (3100, 0.05, 0.15), (2100.0, 0.3, 0.7)),
    )),
    "hidden_upload": Service(TCP, (443,), (
        Kind(1.0, C, (1.8e6, 0.6, 0.9), (5200, 0.4, 0.6), (16000.0, 0.5, 0.9)),
    )),
    "hidden_tunnel": Service(UDP, (53,), (
        Kind(1.0, D, (190, 0.10, 0.12), (240, 0.15, 0.25), (35.0, 0.3, 0.7), (2, 0.7)),
    )),
    "hidden_beacon": Service(TCP, (443,), (
        Kind(0.9, C, (410, 0.3, 0.008), (170, 0.3, 0.015), (1100.0, 0.5, 0.12)),
        Kind(0.1, C, (760, 0.3, 0.8), (11000, 0.4, 1.0), (2600.0, 0.4, 0.7)),
    )),
}  # fmt: skip

SERVICE_ID: dict[str, int] = {name: i for i, name in enumerate(SERVICES)}

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ServiceArrays:
    """The table above as arrays for the kernels.

    Attributes
    ----------
    protocol, source_port
        int64 [S].
    ports, port_first
        int64 [sum of ports], int64 [S + 1].
    kind_first
        int64 [S + 1]: first kind of each service.
    kind_cdf
        float64 [K]: cumulative share within the service.
    kind_mode
        int64 [K].
    kind
        float64 [K, 11]: forward, backward, milliseconds as (median, pair, flow), then count (median, flow).
    """

    protocol: I64
    source_port: I64
    ports: I64
    port_first: I64
    kind_first: I64
    kind_cdf: F64
    kind_mode: I64
    kind: F64


def service_arrays() -> ServiceArrays:
    """Flatten :data:`SERVICES`, in its order."""
    services = list(SERVICES.values())
    shares = [np.array([k.share for k in s.kinds]) for s in services]
    return ServiceArrays(
        protocol=np.array([s.protocol for s in services], np.int64),
        source_port=np.array([s.source_port for s in services], np.int64),
        ports=np.concatenate([np.array(s.ports, np.int64) for s in services]),
        port_first=np.cumsum([0] + [len(s.ports) for s in services]).astype(np.int64),
        kind_first=np.cumsum([0] + [len(s.kinds) for s in services]).astype(np.int64),
        kind_cdf=np.concatenate([np.cumsum(s) / s.sum() for s in shares]),
        kind_mode=np.array([int(k.mode) for s in services for k in s.kinds], np.int64),
        kind=np.array(
            [[*k.forward, *k.backward, *k.milliseconds, *k.count] for s in services for k in s.kinds],
            np.float64,
        ),
    )
