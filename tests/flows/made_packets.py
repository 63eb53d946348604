"""Packets and the files that hold them, byte by byte."""

from __future__ import annotations

import ipaddress
import struct

ETHERNET = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
SYN, SYN_ACK, PUSH_ACK, FIN_ACK = 0x02, 0x12, 0x18, 0x11
MICROS, NANOS = 0xA1B2C3D4, 0xA1B23C4D

Packet = tuple[int, bytes]
"""Microseconds since 1970, and the bytes from the link layer on."""


def ethernet(payload: bytes, kind: int = 0x0800, vlan: int | None = None) -> bytes:
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return ETHERNET + tag + struct.pack(">H", kind) + payload


def ipv4(src: str, dst: str, protocol: int, payload: bytes) -> bytes:
    ends = ipaddress.IPv4Address(src).packed + ipaddress.IPv4Address(dst).packed
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + ends + payload


def ipv6(src: str, dst: str, protocol: int, payload: bytes) -> bytes:
    ends = ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address(dst).packed
    return struct.pack(">IHBB", 0x60000000, len(payload), protocol, 64) + ends + payload


def tcp(sport: int, dport: int, flags: int, data: bytes = b"") -> bytes:
    return struct.pack(">HHIIBBHHH", sport, dport, 0, 0, 0x50, flags, 1000, 0, 0) + data


def udp(sport: int, dport: int, data: bytes = b"") -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data


def icmp(kind: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBHHH", kind, 0, 0, 1, 1) + data


def pcap(packets: list[Packet], *, order: str = "<", magic: int = MICROS, link: int = 1) -> bytes:
    """A pcap file, in either byte order, with microseconds or nanoseconds."""
    out = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, link)]
    scale = 1000 if magic == NANOS else 1
    for time, data in packets:
        seconds, micros = divmod(time, 1_000_000)
        out += [struct.pack(f"{order}IIII", seconds, micros * scale, len(data), len(data)), data]
    return b"".join(out)


def pcapng(packets: list[Packet], *, order: str = "<", links: tuple[int, ...] = (1,)) -> bytes:
    """A pcapng file of one section; all packets are of its first interface."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = len(body) + 12
        return struct.pack(f"{order}II", kind, length) + body + struct.pack(f"{order}I", length)

    out = [block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out += [block(1, struct.pack(f"{order}HHI", link, 0, 65_535)) for link in links]
    for time, data in packets:
        head = struct.pack(f"{order}IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
        out.append(block(6, head + data))
    return b"".join(out)


START = 1_700_000_000_000_000
A, B, NAMES = "10.0.0.1", "10.0.0.2", "10.0.0.53"
A6, B6 = "2001:db8::1", "2001:db8::2"

#: A page over TCP, a name, a ping, IPv6, one datagram with a VLAN tag, and ARP, which is no flow.
PACKETS: list[Packet] = [
    (START, ethernet(ipv4(A, B, 6, tcp(4000, 80, SYN)))),
    (START + 10_000, ethernet(ipv4(B, A, 6, tcp(80, 4000, SYN_ACK)))),
    (START + 20_000, ethernet(ipv4(A, B, 6, tcp(4000, 80, PUSH_ACK, b"x" * 100)))),
    (START + 250_000, ethernet(ipv4(B, A, 6, tcp(80, 4000, PUSH_ACK, b"y" * 1000)))),
    (START + 1_000_000, ethernet(ipv4(A, NAMES, 17, udp(5353, 53, b"q" * 30)))),
    (START + 1_005_000, ethernet(ipv4(NAMES, A, 17, udp(53, 5353, b"r" * 60)))),
    (START + 2_000_000, ethernet(ipv4(A, B, 1, icmp(8, b"p" * 56)))),
    (START + 2_001_000, ethernet(ipv4(B, A, 1, icmp(0, b"p" * 56)))),
    (START + 3_000_000, ethernet(ipv6(A6, B6, 17, udp(1000, 2000, b"z" * 10)), 0x86DD)),
    (START + 3_500_000, ethernet(ipv6(B6, A6, 17, udp(2000, 1000, b"z" * 20)), 0x86DD)),
    (START + 4_000_000, ethernet(ipv4("10.0.1.1", "10.0.1.2", 17, udp(7, 7, b"v" * 5)), vlan=42)),
    (START + 5_000_000, ethernet(bytes(28), 0x0806)),
]

#: Of each flow: ends, ports, protocol, start, bytes and packets there and back, milliseconds; bytes as IP has
#: them, header and all.
FLOWS = [
    (A, B, 4000, 80, 6, 0, 40 + 140, 40 + 1040, 2, 2, 250),
    (A, NAMES, 5353, 53, 17, 1000, 58, 88, 1, 1, 5),
    (A, B, 0, 0, 1, 2000, 84, 84, 1, 1, 1),
    (A6, B6, 1000, 2000, 17, 3000, 58, 68, 1, 1, 500),
    ("10.0.1.1", "10.0.1.2", 7, 7, 17, 4000, 33, 0, 1, 0, 0),
]
