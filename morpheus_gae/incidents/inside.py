"""Inside: which addresses belong to the network that is watched."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=1 << 14)
def is_inside(address: str) -> bool:
    """Private, or nothing that a router passes on: groups, broadcasts and links stay where they are."""
    host = ipaddress.ip_address(address)
    return host.is_private or host.is_multicast or host.is_link_local or host.is_unspecified
