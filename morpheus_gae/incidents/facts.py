"""Facts: short sentences with the figures of an incident."""

from __future__ import annotations

from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.tally import Tally

PARTS = ("who talks to whom", "bytes and duration", "other flows and counts")
MOSTLY = 0.5
"""Minimum share of an incident's flows, or surprise, for a name, or part, to be mentioned."""


def facts(found: Incident) -> list[str]:
    """Describe the figures of an incident.

    Parameters
    ----------
    found
        Incident in its current state.

    Returns
    -------
    list of str
        Number of hosts and duration; main hosts; anomalous features. Counts of names are lower bounds where
        there were too many to keep.
    """
    flows = _number(found.flows, "flagged flow")
    sources, targets = (_hosts(tally) for tally in (found.sources, found.targets))
    span = f" in {lasting(found.seconds)}" if found.first is not None and found.flows > 1 else ""
    told = [f"{flows} from {sources} to {targets}{span}"]
    for word, tally in (("source", found.sources), ("target", found.targets)):
        name = tally.most(1)[0] if len(tally) > 1 else None
        if name is not None and tally.counts[name] >= MOSTLY * found.flows:
            told.append(f"{tally.counts[name]:,} of these flows have the {word} {name}")
    windows = f", they came in {found.windows:,} windows" if found.windows > 1 else ""
    told.append(f"the strangest has a surprise of {found.top:.1f} nats{windows}")
    whole = sum(found.parts)
    for part, word in zip(found.parts, PARTS, strict=True):
        if whole > 0 and part >= MOSTLY * whole:
            told.append(f"{int(100 * part / whole)} % of the surprise comes from {word}")
    return told


def lasting(seconds: float) -> str:
    """Format a duration in its largest fitting unit."""
    for name, size in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.3g} s"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _hosts(tally: Tally) -> str:
    least = "at least " if tally.beyond else ""
    return f"{least}{_number(len(tally), 'host')}"
