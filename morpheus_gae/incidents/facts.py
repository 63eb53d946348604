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
    span = f" in {found.seconds:,.3g} s" if found.first is not None and found.flows > 1 else ""
    told = [f"{flows} from {sources} to {targets}{span}"]
    for word, tally in (("source", found.sources), ("target", found.targets)):
        name = tally.most(1)[0] if len(tally) > 1 else None
        if name is not None and tally.counts[name] >= MOSTLY * found.flows:
            told.append(f"{tally.counts[name]:,} of these flows have the {word} {name}")
    windows = _number(found.windows, "window")
    told.append(f"the strangest has a surprise of {found.top:.1f} nats, all are in {windows}")
    whole = sum(found.parts)
    for part, word in zip(found.parts, PARTS, strict=True):
        if whole > 0 and part >= MOSTLY * whole:
            told.append(f"{int(100 * part / whole)} % of the surprise comes from {word}")
    return told


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _hosts(tally: Tally) -> str:
    least = "at least " if tally.beyond else ""
    return f"{least}{_number(len(tally), 'host')}"
