"""Records: incidents as rows of a table, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from morpheus_gae.incidents.facts import facts, lasting
from morpheus_gae.incidents.fold import Change
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.kinds import FLOOD, FLOODS, Kind, kind_of, period, rate
from morpheus_gae.incidents.severity import false_a_day, severity

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES = (1 << 63) - 1
"""Range of an int64."""
NAMED = 10
"""Maximum number of sources, targets and services listed in a record, beside their counts."""

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp"}


def record(change: Change, model: str) -> dict[str, Any]:
    """Convert one incident to plain values.

    Parameters
    ----------
    change
        The incident and its state.
    model
        ``name@hash``.

    Returns
    -------
    dict
        By the names of ``schema``: times are RFC 3339 text in UTC.
    """
    found = change.incident
    (kind, beat), expected = _looks(found), false_a_day(found.pooled, change.daily)
    return {
        "id": found.id,
        "state": change.state,
        "kind": kind.name,
        "technique": kind.technique or None,
        "technique_name": kind.title or None,
        "tactic": kind.tactic or None,
        "tactic_name": kind.tactic_title or None,
        "severity": severity(expected),
        "false_a_day": float(f"{expected:.3g}"),
        "first_seen": iso(found.first),
        "last_seen": iso(found.last),
        "seconds": found.seconds if found.first is not None else None,
        "flows": found.flows,
        "windows": found.windows,
        "sources": found.sources.most(NAMED),
        "source_count": len(found.sources),
        "targets": found.targets.most(NAMED),
        "target_count": len(found.targets),
        "services": [service_name(name) for name in found.services.most(NAMED)],
        "service_count": len(found.services),
        "counts_are_least": bool(found.sources.beyond or found.targets.beyond or found.services.beyond),
        "bytes_out": min(int(found.up), MOST_BYTES),
        "bytes_in": min(int(found.down), MOST_BYTES),
        "median_bytes": found.size,
        "period_seconds": None if beat is None else round(beat, 3),
        "surprise": round(found.top, 4),
        "surprise_pooled": round(found.pooled, 4),
        **dict(zip(("share_pair", "share_flow", "share_graph"), shares(found), strict=True)),
        "summary": _sentence(found, kind, beat),
        "facts": facts(found),
        "alerts": [member for _, member in found.members],
        "alerts_named": len(found.members),
        "model": model,
    }


def schema() -> pa.Schema:
    """Return the columns of incident records, with their types."""
    import pyarrow as pa

    text, whole, number, names = pa.string(), pa.int64(), pa.float64(), pa.list_(pa.string())
    types: dict[str, pa.DataType] = {
        **dict.fromkeys(
            ("id", "state", "kind", "technique", "technique_name", "tactic", "tactic_name"), text
        ),
        **{"severity": text, "false_a_day": number, "first_seen": text, "last_seen": text},
        **{"seconds": number, "flows": whole, "windows": whole},
        **{"sources": names, "source_count": whole, "targets": names, "target_count": whole},
        **{"services": names, "service_count": whole, "counts_are_least": pa.bool_()},
        **{"bytes_out": whole, "bytes_in": whole, "median_bytes": whole, "period_seconds": number},
        **dict.fromkeys(("surprise", "surprise_pooled", "share_pair", "share_flow", "share_graph"), number),
        **{"summary": text, "facts": names, "alerts": names, "alerts_named": whole, "model": text},
    }
    return pa.schema(list(types.items()))


def table(changes: Sequence[Change], model: str) -> pa.Table:
    """Convert incidents to a table, one row each, in the given order.

    Parameters
    ----------
    changes
        See ``incidents.fold.Fold``.
    model
        ``name@hash``.
    """
    import pyarrow as pa

    return pa.Table.from_pylist([record(change, model) for change in changes], schema=schema())


def shares(found: Incident) -> tuple[float, float, float]:
    """Return the shares of pair, flow and other flows in the surprise; they sum to 1.

    The shares are proportional to the total of each part over all flows of the incident. All 0 where a model
    has no parts.
    """
    whole = sum(found.parts)
    if whole <= 0.0:
        return 0.0, 0.0, 0.0
    a, b, c = (round(part / whole, 3) for part in found.parts)
    return a, b, c


def summary(found: Incident) -> str:
    """Summarise an incident in one sentence."""
    return _sentence(found, *_looks(found))


def _looks(found: Incident) -> tuple[Kind, float | None]:
    """Return the kind, and the period in seconds of a beacon."""
    kind = kind_of(found)
    return kind, period(found) if kind.name == "beacon" else None


def _sentence(found: Incident, kind: Kind, beat: float | None) -> str:
    who = _hosts(found.sources.most(1)[0], len(found.sources), "sources")
    whom = _hosts(found.targets.most(1)[0], len(found.targets), "targets")
    what = _services(found)
    when = f" in {lasting(found.seconds)}" if found.first is not None and found.flows > 1 else ""
    every = f", every {beat:.3g} s" if beat is not None else ""
    if kind in (FLOOD, FLOODS) and found.first is not None:
        every = f", {rate(found):.3g} a second where they are dense"
    flows = f"{found.flows:,} flow{'' if found.flows == 1 else 's'}"
    carried = f"{_size(found.up)} out, {_size(found.down)} in"
    name = f"{kind.name} ({found.policy})" if found.policy else kind.name
    return f"{name}: {who} to {whom}, {what}: {flows}{when}{every}; {carried}"


def lines(changes: Sequence[Change], most: int) -> str:
    """Format incidents as a table for a terminal, in the given order.

    Parameters
    ----------
    changes
        Incidents.
    most
        Maximum number of rows.
    """
    rows: list[tuple[str, ...]] = [
        ("severity", "kind", "source", "targets", "service", "flows", "first seen", "surprise")
    ]
    for change in changes[:most]:
        found = change.incident
        hosts = [_hosts(tally.most(1)[0], len(tally), "") for tally in (found.sources, found.targets)]
        rows.append(
            (
                severity(false_a_day(found.pooled, change.daily)),
                kind_of(found).name,
                *hosts,
                _services(found),
                f"{found.flows:,}",
                (iso(found.first) or "-")[:19],
                f"{found.pooled:.1f}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    right = {5, 7}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def ranked(changes: Sequence[Change]) -> list[Change]:
    """Sort by severity, then by evidence, descending."""
    return sorted(changes, key=lambda c: (-c.incident.pooled, c.incident.id))


def service_name(name: str) -> str:
    """Format ``6/443`` as ``tcp/443``; an unknown port or protocol is left out."""
    protocol, _, port = name.partition("/")
    number = int(protocol)
    told = PROTOCOLS.get(number, "ip" if number < 0 else f"proto {number}")
    return told if int(port) < 0 else f"{told}/{port}"


def iso(ms: int | None) -> str | None:
    """Format as RFC 3339 in UTC to the millisecond; None for None and for times out of range."""
    if ms is None:
        return None
    try:
        when = datetime.fromtimestamp(ms / 1000, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _services(found: Incident) -> str:
    """Return the single service, or the number of services."""
    count = len(found.services)
    return service_name(found.services.most(1)[0]) if count == 1 else f"{count:,} services"


def _hosts(first: str, count: int, word: str) -> str:
    return first if count == 1 else f"{first} +{count - 1:,}" if not word else f"{count:,} {word}"


def _size(octets: float) -> str:
    for name, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= size:
            return f"{octets / size:.3g} {name}"
    return f"{octets:.0f} B"
