"""Kinds: classifies incidents by the shape of their graph and flows.

The first matching rule applies; rules are simple enough for an analyst to check. They describe what the flows
look like, not what they are: a backup to a new host looks like exfiltration.
"""

from __future__ import annotations

from collections.abc import Set
from itertools import pairwise
from typing import NamedTuple

from morpheus_gae.incidents.anchors import LOGIN_PORTS, LOGINS, MANY, MANY_SERVICES, REMOTE_PORTS
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.inside import insiders
from morpheus_gae.incidents.rhythm import BEATS, period_ms
from morpheus_gae.incidents.tally import Tally

SMALL_BYTES = 1_024
"""Bytes both ways below which a flow is at most an answer to a probe."""
FEW_EACH = 3.0
"""Flows per target from which a source does more than probe."""
ALONE = 0.8
"""Share of the flows from which a source counts as acting alone."""
FLOOD_FLOWS = 200
FLOOD_RATE = 2.0
"""Flows per second."""
LOGIN_BYTES = 1 << 15
"""Flows below it, both ways, are attempts to log in rather than work."""
EVEN = 0.9
"""Share of the flows in two neighbouring powers of two of bytes from which they are of one size."""
TRY_RATE = 0.05
"""Flows of one size a second from which a program tries: a person does not."""
LARGE_BYTES = 4_000_000.0
ONE_SIDED = 4.0
"""Ratio of bytes up to bytes down from which a transfer is one-way."""

WORK_PORTS = frozenset(REMOTE_PORTS)
WEB_PORTS = frozenset({80, 443, 8000, 8080, 8443})
"""Services that may have a login; many flows per second are rather a flood."""


class Kind(NamedTuple):
    """Kind of an incident.

    Attributes
    ----------
    name
        Common name.
    technique, title
        ATT&CK technique that it suggests (attack.mitre.org), empty if none.
    tactic, tactic_title
        ATT&CK tactic of the technique.
    """

    name: str
    technique: str = ""
    title: str = ""
    tactic: str = ""
    tactic_title: str = ""


HORIZONTAL = Kind("horizontal scan", "T1046", "Network Service Discovery", "TA0007", "Discovery")
VERTICAL = Kind("vertical scan", "T1046", "Network Service Discovery", "TA0007", "Discovery")
PROBE = Kind("scan from outside", "T1595", "Active Scanning", "TA0043", "Reconnaissance")
BRUTE_FORCE = Kind("brute force", "T1110", "Brute Force", "TA0006", "Credential Access")
FLOOD = Kind("flood from one", "T1499", "Endpoint Denial of Service", "TA0040", "Impact")
FLOODS = Kind("flood from many", "T1498", "Network Denial of Service", "TA0040", "Impact")
BEACON = Kind("beacon", "T1071", "Application Layer Protocol", "TA0011", "Command and Control")
EXFILTRATION = Kind(
    "exfiltration", "T1048", "Exfiltration Over Alternative Protocol", "TA0010", "Exfiltration"
)
LATERAL = Kind("lateral spread", "T1021", "Remote Services", "TA0008", "Lateral Movement")
OUTSIDE = Kind("remote access from outside", "T1133", "External Remote Services", "TA0001", "Initial Access")
POLICY = Kind("policy break")
NEW_SERVICE = Kind("new service")
UNKNOWN = Kind("unknown")


def kind_of(incident: Incident) -> Kind:
    """Return the kind of an incident, by the first matching rule."""
    if incident.policy:
        return POLICY
    # asked several times a window: by rules, for news, and for the record
    told = incident.kind
    if told is None or told[0] != incident.flows:
        told = incident.kind = incident.flows, _kind(incident)
    return told[1]


def _kind(incident: Incident) -> Kind:
    ours = insiders(incident.sources.counts, incident.targets.counts)
    inside = _mostly(ours, incident.sources), _mostly(ours, incident.targets)
    if incident.anchor.side == "destination":
        return _into(incident, inside)
    targets, services = len(incident.targets), len(incident.services)
    each = incident.flows / max(targets * max(services, 1), 1)
    if not inside[1] and _leaves(incident):
        # regardless of other activity of the source
        return EXFILTRATION
    if services >= MANY_SERVICES and each <= FEW_EACH:
        return VERTICAL if targets < MANY else _looking(inside)
    if targets >= MANY:
        return _out(incident, inside, each)
    return _between(incident, inside)


def _into(incident: Incident, inside: tuple[bool, bool]) -> Kind:
    """Return the kind for many sources with one destination."""
    each = incident.flows / max(len(incident.sources), 1)
    if each >= LOGINS and _share(incident, LOGIN_PORTS) > 0.5:
        return BRUTE_FORCE
    if incident.flows >= FLOOD_FLOWS and (incident.first is None or rate(incident) >= FLOOD_RATE):
        return FLOODS
    if not inside[1] and _leaves(incident):
        return EXFILTRATION
    return NEW_SERVICE if incident.parts[0] > incident.parts[1] else UNKNOWN


def _out(incident: Incident, inside: tuple[bool, bool], each: float) -> Kind:
    """Return the kind for one source with many destinations, or with several that continue it."""
    remote = _share(incident, WORK_PORTS) > 0.5
    alone = max(incident.sources.counts.values()) >= ALONE * incident.flows
    # where several hosts inside do so, it spreads, wherever they look for more
    spreads = len(incident.sources) >= MANY or inside[1]
    if remote and inside[0] and spreads and (not alone or incident.size >= SMALL_BYTES):
        return LATERAL
    if each <= FEW_EACH and incident.size < SMALL_BYTES and not _leaves(incident):
        return _looking(inside)
    if each >= LOGINS and _share(incident, LOGIN_PORTS) > 0.5:
        return BRUTE_FORCE
    return FLOOD if each >= FLOOD_FLOWS and rate(incident) >= FLOOD_RATE else UNKNOWN


def _between(incident: Incident, inside: tuple[bool, bool]) -> Kind:
    """Return the kind for one pair, or a few."""
    logins = _share(incident, LOGIN_PORTS) > 0.5
    if incident.flows >= FLOOD_FLOWS and rate(incident) >= FLOOD_RATE and not logins:
        return FLOOD
    if incident.flows >= LOGINS and logins and incident.size < LOGIN_BYTES:
        return BRUTE_FORCE
    if period(incident) is not None:
        return BEACON
    if incident.flows >= LOGINS and _share(incident, LOGIN_PORTS | WEB_PORTS) > 0.5 and _tries(incident):
        return BRUTE_FORCE
    new = incident.parts[0] > incident.parts[1]
    if _share(incident, WORK_PORTS) > 0.5 and inside[1] and (new or not inside[0]):
        # of hosts inside that have met before the bytes alone are strange: a large file, for one
        return LATERAL if inside[0] else OUTSIDE
    return NEW_SERVICE if new else UNKNOWN


def period(incident: Incident) -> float | None:
    """Return the period in seconds of a pair's regular flows; None if irregular (``rhythm``)."""
    if incident.anchor.side != "pair":
        return None
    found = period_ms(incident.times)
    return None if found is None else found / 1000.0


def rate(incident: Incident) -> float:
    """Flows a second where they are dense: of the middle half of the times that are kept."""
    times = incident.times
    if len(times) < BEATS:
        return 0.0
    low, high = len(times) // 4, (3 * len(times)) // 4
    return (high - low) * 1000.0 / max(times[high] - times[low], 1)


def _tries(incident: Incident) -> bool:
    """Whether flows come as from a program that tries: many a second, or many a minute of one size."""
    alike = max(a + b for a, b in pairwise(incident.sizes)) >= EVEN * incident.flows
    return rate(incident) >= (TRY_RATE if alike else 1.0)


def _looking(inside: tuple[bool, bool]) -> Kind:
    return HORIZONTAL if inside[0] else PROBE


def _leaves(incident: Incident) -> bool:
    return incident.up >= LARGE_BYTES and incident.up >= ONE_SIDED * incident.down


def _share(incident: Incident, ports: frozenset[int]) -> float:
    """Return the share of flows to one of these ports."""
    hits = sum(n for name, n in incident.services.counts.items() if int(name.partition("/")[2]) in ports)
    return hits / max(incident.flows, 1)


def _mostly(among: Set[str], hosts: Tally) -> bool:
    """Whether some hosts have most of the flows."""
    inside = sum(count for host, count in hosts.counts.items() if host in among)
    return 2 * inside > sum(hosts.counts.values())
