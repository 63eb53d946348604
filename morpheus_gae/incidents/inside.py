"""Inside: which addresses are internal to the monitored network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

SITE = 48
"""Length of the prefix that one site has in IPv6 (RFC 6177)."""


@lru_cache(maxsize=1 << 14)
def is_inside(address: str) -> bool:
    """Whether an address is private or not routed (multicast, broadcast, link-local)."""
    host = ipaddress.ip_address(address)
    return host.is_private or host.is_multicast or host.is_link_local or host.is_unspecified


def insiders(sources: Iterable[str], targets: Iterable[str]) -> set[str]:
    """Return the hosts that are inside, among sources and targets.

    Public IPv6 addresses are inside as well where both sides have some of one site: what they send each other
    does not leave it.
    """
    sides = [{host: _site(host) for host in side} for side in (sources, targets)]
    both = set(sides[0].values()) & set(sides[1].values()) - {None}
    return {host for side in sides for host, site in side.items() if site in both or is_inside(host)}


@lru_cache(maxsize=1 << 14)
def _site(address: str) -> int | None:
    """First bits of a public IPv6 address; None for others."""
    host = ipaddress.ip_address(address)
    return int(host) >> 128 - SITE if host.version == 6 and host.is_global else None
