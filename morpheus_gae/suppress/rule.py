"""Rule: what is known and needs no alert, who says so until when, and why."""

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
"""Names of protocol numbers (IANA) that rules may use; any number is as good."""

KINDS = tuple(kind.name for kind in vars(kinds).values() if isinstance(kind, kinds.Kind))
"""Names of the kinds of incidents."""


@dataclass(frozen=True)
class Rule:
    """One rule: a flow is held back if all that is told fits; what is None was not told.

    Attributes
    ----------
    name
        In metrics and summary.
    reason
        For whoever asks later.
    line
        Where the rule begins in its file, 1 for the first line; 0 if unknown.
    until
        Moment from which it counts no more, with a time zone.
    source, destination
        Networks.
    pair
        Networks of the two hosts, whichever is the source.
    ports
        First and last of each range, of the service's port.
    protocols
        IANA numbers.
    why
        Bits of ``WHY``: all reasons that the alert names are among them.
    kinds
        Of incidents; such a rule holds no single flow back.
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
        """Addresses of which a flow must have one, if the rule names single hosts; else None."""
        pair = self.pair or (None, None)
        for networks in (self.source, self.destination, *pair):
            if networks is not None and networks.hosts is not None:
                return networks.hosts
        return None

    def expired(self, now: datetime) -> bool:
        """Whether it counts no more."""
        return self.until is not None and now >= self.until
