"""The address plan: texts of all addresses of a simulated network, without collisions."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

GROUPS4 = ("224.0.0.251", "239.255.255.250", "255.255.255.255")
GROUPS6 = ("ff02::fb", "ff02::1:2", "ff02::16")
"""Group addresses: mDNS, SSDP and broadcast; mDNS, DHCPv6 servers, neighbour discovery."""

HOSTS_PER_SUBNET = 180
"""Inside hosts of each /24; the numbers above them stay dark until a scanner tries them."""

_PUBLIC_OCTETS = np.array(
    [o for o in range(1, 224) if o not in (10, 100, 127, 169, 172, 192, 198, 203)], np.int64
)
_PUBLIC = int(_PUBLIC_OCTETS.size) << 24
_STRIDE = 2_305_843_009  # prime, so index -> address is one to one modulo _PUBLIC


def inside_v4(hosts: int) -> list[str]:
    """Private addresses 10.site.net.number of that many hosts."""
    return [
        f"10.{i // HOSTS_PER_SUBNET // 24 + 1}.{i // HOSTS_PER_SUBNET % 24}.{i % HOSTS_PER_SUBNET + 10}"
        for i in range(hosts)
    ]


def broadcast_v4(hosts: int) -> list[str]:
    """The broadcast address of every subnet that ``inside_v4(hosts)`` uses."""
    return [f"10.{s // 24 + 1}.{s % 24}.255" for s in range(-(-hosts // HOSTS_PER_SUBNET))]


def dark_v4(hosts: int, per_subnet: int = 40) -> list[str]:
    """Unused private addresses in the same subnets."""
    subnets = -(-hosts // HOSTS_PER_SUBNET)
    return [f"10.{s // 24 + 1}.{s % 24}.{i + 200}" for s in range(subnets) for i in range(per_subnet)]


def public_v4(numbers: I64, salt: int) -> list[str]:
    """Public addresses by number, int64 [N] >= 0; different numbers have different addresses."""
    place = (numbers.astype(object) * _STRIDE + salt) % _PUBLIC
    place = place.astype(np.int64)
    value = (_PUBLIC_OCTETS[place >> 24] << 24) | (place & 0xFFFFFF)
    raw = value.astype(">u4").tobytes()
    return [socket.inet_ntop(socket.AF_INET, raw[i : i + 4]) for i in range(0, len(raw), 4)]


def _text_v6(high: Iterable[int], low: I64) -> list[str]:
    ntop, six = socket.inet_ntop, socket.AF_INET6
    return [
        ntop(six, (h << 64 | lo & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(16, "big"))
        for h, lo in zip(high, low.tolist(), strict=True)
    ]


def _interface_ids(numbers: I64, salt: int) -> I64:
    """64-bit interface identifiers, one to one with the numbers (a product with an odd constant)."""
    with np.errstate(over="ignore"):
        mixed = (numbers.astype(np.uint64) + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    return mixed.astype(np.int64)


def inside_v6(hosts: int, salt: int) -> list[str]:
    """Unique local (odd subnets) or global (even subnets) addresses of the inside hosts."""
    number = np.arange(hosts, dtype=np.int64)
    subnet = (number // HOSTS_PER_SUBNET).tolist()
    high = [(0xFD5C_0A91_77E2 << 16 | s) if s % 2 else (0x2A05_D018_0C4F << 16 | s) for s in subnet]
    return _text_v6(high, _interface_ids(number, salt))


def link_local_v6(hosts: int, salt: int) -> list[str]:
    """Link-local addresses of the inside hosts."""
    number = np.arange(hosts, dtype=np.int64)
    return _text_v6([0xFE80 << 48] * hosts, _interface_ids(number, salt + 1_000_003))


def public_v6(numbers: I64, salt: int) -> list[str]:
    """Global addresses by number, int64 [N] >= 0; different numbers have different addresses."""
    spread = ((numbers * 2_654_435_761 + salt) & 0xFFFF_FFFF).tolist()
    prefix = (0x2600_1F18, 0x2A00_1450, 0x2606_4700, 0x2620_01EC, 0x2001_41D0, 0x2A02_26F0)
    high = [prefix[s % 6] << 32 | (s >> 8) << 8 for s in spread]
    return _text_v6(high, (numbers << 20) | 1)
