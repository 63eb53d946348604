"""Rule: one suppression rule, with its conditions, reason and expiry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from morpheus_gae.incidents import kinds
from morpheus_gae.suppress.networks import Networks

UNLIKELY, PAIR, FLOW, OTHERS, COUNTS = 1, 2, 4, 8, 16
WHY = {"unlikely": UNLIKELY, "pair": PAIR, "flow": FLOW, "others": OTHERS, "counts": COUNTS}
"""Classes of an alert's ``why``, as bits."""

PROTOCOLS = {
    **{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51},
    **{"ipv6-icmp": 58, "sctp": 132},
}
"""Names of protocol numbers (IANA) that rules may use beside numbers."""

KINDS = tuple(kind.name for kind in vars(kinds).values() if isinstance(kind, kinds.Kind))
"""Names of the kinds of incidents."""


@dataclass(frozen=True)
class Rule:
    """One rule: suppresses flows that match all conditions; None: no condition.

    Attributes
    ----------
    name
        Name in metrics and summary.
    reason
        Documented reason.
    line
        Line of the rule in its file, from 1; 0 if unknown.
    until
        Expiry, with time zone.
    source, destination
        Networks.
    pair
        Networks of the two hosts, in either direction.
    ports
        First and last of each range, of the service's port.
    protocols
        IANA numbers.
    why
        Bits of ``WHY``, which must include all reasons of the alert.
    kinds
        Kinds of incidents; such a rule does not suppress flows.
    least, most
        Surprise (nats), both inclusive.
    """

    name: str
    reason: str
    line: int = 0
    until: datetime | None = None
    source: Networks | None = None
    destination: Networks | None = None
    pair: tuple[Networks, Networks] | None = None
    ports: tuple[tuple[int, int], ...] | None = None
    protocols: frozenset[int] | None = None
    why: int | None = None
    kinds: frozenset[str] | None = None
    least: float | None = None
    most: float | None = None

    @cached_property
    def hosts(self) -> frozenset[tuple[int, int]] | None:
        """Return the addresses of which a flow must have one, if the rule has only hosts; else None."""
        pair = self.pair or (None, None)
        for networks in (self.source, self.destination, *pair):
            if networks is not None and networks.hosts is not None:
                return networks.hosts
        return None

    def expired(self, now: datetime) -> bool:
        """Whether it has expired."""
        return self.until is not None and now >= self.until
