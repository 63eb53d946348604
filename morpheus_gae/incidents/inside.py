"""Inside: which addresses are internal to the monitored network."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=1 << 14)
def is_inside(address: str) -> bool:
    """Whether an address is private or not routed (multicast, broadcast, link-local)."""
    host = ipaddress.ip_address(address)
    return host.is_private or host.is_multicast or host.is_link_local or host.is_unspecified
