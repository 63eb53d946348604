"""Match: finds the first rule that suppresses each flagged flow or incident."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.suppress.networks import Networks
from morpheus_gae.suppress.rule import Rule

if TYPE_CHECKING:
    from morpheus_gae.incidents.incident import Incident
    from morpheus_gae.suppress.rows import Rows

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

NONE = -1
MANY = 16
"""Number of single-host rules from which a prefilter by present hosts pays off."""


def which(rules: Sequence[Rule], rows: Rows, now: datetime) -> I64:
    """Return the index of the rule that suppresses each flow.

    Parameters
    ----------
    rules
        In order; incident rules and expired ones never match.
    rows
        E flagged flows.
    now
        With a time zone.

    Returns
    -------
    int64 [E]
        ``NONE`` where no rule matches.
    """
    found = np.full(len(rows), NONE, np.int64)
    if not len(rows):
        return found
    free = np.arange(len(rows))
    named = sum(rule.hosts is not None for rule in rules)
    there = _present(rows) if named > MANY else None
    for i, rule in enumerate(rules):
        if there is not None and rule.hosts is not None and rule.hosts.isdisjoint(there):
            continue
        if rule.kinds is None and not rule.expired(now):
            held = fits(rule, rows, free)
            if held.size:
                found[held] = i
                free = np.flatnonzero(found == NONE)
    return found


def fits(rule: Rule, rows: Rows, among: I64) -> I64:
    """Find the flows that match a rule.

    Parameters
    ----------
    rule
        Rule; the cheapest conditions are tested first, each on the remaining flows.
    rows
        E flagged flows.
    among
        int64 [K] positions of the flows to test.

    Returns
    -------
    int64 [L]
        Positions of the matches, in order.
    """
    left = among
    if rule.protocols is not None:
        left = left[np.isin(rows.protocol[left], list(rule.protocols))]
    if rule.ports is not None:
        left = left[_in_ranges(rows.port[left], rule.ports)]
    if rule.why is not None:
        why = rows.why[left]
        left = left[(why != 0) & (why & ~rule.why == 0)]
    if rule.least is not None:
        left = left[rows.surprise[left] >= rule.least]
    if rule.most is not None:
        left = left[rows.surprise[left] <= rule.most]
    if rule.source is not None:
        left = left[rule.source.hold(rows.src_hi[left], rows.src_lo[left])]
    if rule.destination is not None:
        left = left[rule.destination.hold(rows.dst_hi[left], rows.dst_lo[left])]
    if rule.pair is not None:
        one, other = rule.pair
        src, dst = (rows.src_hi[left], rows.src_lo[left]), (rows.dst_hi[left], rows.dst_lo[left])
        left = left[(one.hold(*src) & other.hold(*dst)) | (other.hold(*src) & one.hold(*dst))]
    return left


def which_incident(rules: Sequence[Rule], incident: Incident, kind: str, now: datetime) -> int:
    """Return the index of the rule that suppresses an incident, or ``NONE``.

    Parameters
    ----------
    rules
        In order; only those with ``kind`` are tested.
    incident
        Current state: all its hosts and services must match. An incident with truncated lists matches no rule
        on them. Its surprise is the pooled one.
    kind
        Name of its kind.
    now
        With a time zone.
    """
    for i, rule in enumerate(rules):
        if rule.kinds is not None and kind in rule.kinds and not rule.expired(now) and holds(rule, incident):
            return i
    return NONE


def _present(rows: Rows) -> set[tuple[int, int]]:
    """Return the addresses of both sides."""
    hi, lo = np.concatenate([rows.src_hi, rows.dst_hi]), np.concatenate([rows.src_lo, rows.dst_lo])
    return set(zip(hi.tolist(), lo.tolist(), strict=True))


def holds(rule: Rule, incident: Incident) -> bool:
    """Whether all hosts and services of an incident, and its pooled surprise, match a rule."""
    if rule.least is not None and incident.pooled < rule.least:
        return False
    if rule.most is not None and incident.pooled > rule.most:
        return False
    services = [name.partition("/") for name in incident.services.counts]
    if (rule.protocols is not None or rule.ports is not None) and incident.services.beyond:
        return False
    if rule.protocols is not None and not all(int(p) in rule.protocols for p, _, _ in services):
        return False
    ports = np.array([int(port) for _, _, port in services], np.int64)
    if rule.ports is not None and not bool(_in_ranges(ports, rule.ports).all()):
        return False
    hosts = (incident.sources, incident.targets)
    asked = any(networks is not None for networks in (rule.source, rule.destination, rule.pair))
    if asked and any(side.beyond for side in hosts):
        return False
    sources, targets = (list(side.counts) for side in hosts)
    if rule.source is not None and not _all_in(rule.source, sources):
        return False
    if rule.destination is not None and not _all_in(rule.destination, targets):
        return False
    if rule.pair is None:
        return True
    one, other = rule.pair
    return (_all_in(one, sources) and _all_in(other, targets)) or (
        _all_in(other, sources) and _all_in(one, targets)
    )


def _all_in(networks: Networks, hosts: Sequence[str]) -> bool:
    import pyarrow as pa

    from morpheus_gae.flows.addresses.text import parse_addresses

    hi, lo, ok = parse_addresses(pa.array(hosts, pa.string()))
    return bool((ok & networks.hold(hi, lo)).all())


def _in_ranges(values: I64, ranges: Sequence[tuple[int, int]]) -> Bool:
    found = np.zeros(values.shape[0], bool)
    for first, last in ranges:
        found |= (values >= first) & (values <= last)
    return found
