"""Inside: which addresses are internal to the monitored network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

SITE = 48
"""Length of the prefix that one site has in IPv6 (RFC 6177)."""


def is_inside(address: str) -> bool:
    """Whether an address is private or not routed (multicast, broadcast, link-local)."""
    return _place(address)[0]


def insiders(sources: Iterable[str], targets: Iterable[str]) -> set[str]:
    """Return the hosts that are inside, among sources and targets.

    Public IPv6 addresses are inside as well where both sides have some of one site: what they send each other
    does not leave it.
    """
    sides = [{host: _place(host) for host in side} for side in (sources, targets)]
    one, other = ({site for _, site in side.values()} for side in sides)
    both = (one & other) - {None}
    return {host for side in sides for host, (inside, site) in side.items() if inside or site in both}


@lru_cache(maxsize=1 << 14)
def _place(address: str) -> tuple[bool, int | None]:
    """Whether an address is inside; and the first bits of a public IPv6 address, None for others."""
    host = ipaddress.ip_address(address)
    inside = host.is_private or host.is_multicast or host.is_link_local or host.is_unspecified
    return inside, int(host) >> 128 - SITE if host.version == 6 and host.is_global else None
