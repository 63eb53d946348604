"""Captures: what a file of packets says of itself, from one record to the next, and where it breaks off.

NFStream ends at a record that it cannot read as if that were the end of the file; here it shows.
Sources: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from morpheus_gae.flows.files.stream import TruncatedError

PCAPNG = b"\x0a\x0d\x0d\x0a"
#: Little and big endian, with microseconds and with nanoseconds.
PCAP = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
MAGIC = (*PCAP, PCAPNG)

_HEADER = 24
#: The longest record that libpcap reads.
_LONGEST = 262_144
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_BYTE_ORDER = 0x1A2B3C4D
_LINKS = 16


@dataclass(frozen=True)
class Walked:
    """What was found in a file of packets.

    Attributes
    ----------
    packets
        Records that are whole.
    links
        Link types of its interfaces, each once, in order.
    whole_bytes
        Bytes up to the end of the last whole record.
    broken
        Why reading ends before the end of the file; empty if it does not.
    """

    packets: int
    links: tuple[int, ...]
    whole_bytes: int
    broken: str = ""


@njit(cache=True, nogil=True)
def _word(data: Any, at: int, big: bool) -> int:
    a, b = np.int64(data[at]), np.int64(data[at + 1])
    c, d = np.int64(data[at + 2]), np.int64(data[at + 3])
    return (a << 24) | (b << 16) | (c << 8) | d if big else (d << 24) | (c << 16) | (b << 8) | a


@njit(cache=True, nogil=True)
def _records(data: Any, big: bool) -> tuple[int, int, bool]:
    """Whole records of a pcap file, where the last one ends, and whether the next one is absurd."""
    at, packets = _HEADER, 0
    while at + 16 <= len(data):
        length = _word(data, at + 8, big)
        if length > _LONGEST:
            return packets, at, True
        if at + 16 + length > len(data):
            break
        at += 16 + length
        packets += 1
    return packets, at, False


@njit(cache=True, nogil=True)
def _blocks(data: Any, links: Any) -> tuple[int, int, bool, int]:
    """The same of a pcapng file, and how many link types were put into ``links``."""
    at, packets, kinds, big = 0, 0, 0, False
    while at + 12 <= len(data):
        kind = _word(data, at, big)
        # the same in both orders
        if kind == _SECTION:
            big = _word(data, at + 8, True) == _BYTE_ORDER
            if not big and _word(data, at + 8, False) != _BYTE_ORDER:
                return packets, at, True, kinds
        length = _word(data, at + 4, big)
        if length < 12 or length % 4:
            return packets, at, True, kinds
        if at + length > len(data):
            break
        if _word(data, at + length - 4, big) != length:
            return packets, at, True, kinds
        if kind == _INTERFACE and length >= 20:
            link = _word(data, at + 8, big)
            link = link >> 16 if big else link & 0xFFFF
            if kinds < len(links) and not (links[:kinds] == link).any():
                links[kinds] = link
                kinds += 1
        packets += kind in (_OLD_PACKET, _SIMPLE_PACKET, _PACKET)
        at += length
    return packets, at, False, kinds


def walk(path: str) -> Walked:
    """Go through a file of packets.

    Parameters
    ----------
    path
        A pcap or pcapng file, uncompressed.

    Raises
    ------
    TruncatedError
        If it is neither, or does not even have a header.
    """
    size = os.path.getsize(path)
    data = np.memmap(path, np.uint8, "r") if size else np.zeros(0, np.uint8)
    magic = bytes(data[:4])
    if magic not in MAGIC:
        shown = magic.hex(" ") if size else "none at all"
        raise TruncatedError(f"this is no capture of packets: its first bytes are {shown}")
    if magic == PCAPNG:
        links = np.zeros(_LINKS, np.int64)
        packets, at, absurd, kinds = _blocks(data, links)
        told = tuple(links[:kinds].tolist())
    else:
        if size < _HEADER:
            raise TruncatedError(f"the capture ends in its header, after {size} bytes")
        big = magic in (PCAP[1], PCAP[3])
        packets, at, absurd = _records(data, big)
        # the upper bits tell the length of a checksum
        told = (int(_word(data, 20, big)) & 0xFFFF,)
    broken = ""
    if absurd:
        broken = f"what follows packet {packets:,}, at byte {at:,}, is no packet"
    elif at < size:
        broken = f"the capture breaks off in the record after packet {packets:,}: {size - at:,} bytes of it"
    return Walked(packets, told, at, broken)
