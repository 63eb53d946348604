"""Parts: splits the open incidents into separately saved parts, so that a window writes only its changes.

A part is a list or an object of plain values, at most some hundred kilobytes as JSON:

``head``
    General state, and the number of the other parts.
``incident.<id>``
    An open incident, with its last record.
``reached.<number>``
    A segment of the hosts that incidents reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from morpheus_gae.incidents import kept
from morpheus_gae.incidents.fold import Fold

HEAD, INCIDENT, REACHED = "head", "incident.", "reached."
FORMAT = 1

Told = Mapping[str, tuple[int, str, str]]
"""Of each open incident that was written, by id: flows, kind and severity."""


def changed(fold: Fold, told: Told, model: str, every: bool = False) -> dict[str, Any]:
    """Return the parts changed since the last call; called once after each window.

    Parameters
    ----------
    fold
        Its ``reached.changed`` is cleared.
    told
        Last records.
    model
        ``name@hash``.
    every
        All parts, changed or not.
    """
    head = {"open": len(fold.open), "reached": len(fold.reached), "model": model, **fold.numbers()}
    out: dict[str, Any] = {HEAD: {"format": FORMAT, **head}}
    for window, incident in fold.touched(every):
        last = told.get(incident.id)
        out[INCIDENT + incident.id] = {
            "window": window,
            "told": None if last is None else list(last),
            "incident": incident.as_dict(),
        }
    for number in sorted(fold.reached.segments if every else fold.reached.changed):
        hosts = fold.reached.segments.get(number, {})
        if hosts:
            out[f"{REACHED}{number}"] = [[*host, *anchor] for host, anchor in hosts.items()]
    fold.reached.changed.clear()
    return out


def names(fold: Fold) -> set[str]:
    """Return the names of all parts."""
    incidents = {INCIDENT + incident.id for incident in fold.open.values()}
    return {HEAD, *incidents, *(f"{REACHED}{number}" for number in fold.reached.segments)}


def joined(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Join parts to the values for ``engine.incidents.IncidentStream.restore``, which validates them.

    Raises
    ------
    ValueError
        If parts are missing or invalid.
    """
    try:
        head = dict(parts[HEAD])
        if head.pop("format") != FORMAT:
            raise ValueError("the head is of another version")
        incidents = {name[len(INCIDENT) :]: part for name, part in parts.items() if name.startswith(INCIDENT)}
        numbers = {int(name[len(REACHED) :]): name for name in parts if name.startswith(REACHED)}
        reached = [
            host for number in sorted(numbers) for host in kept.listed(parts[numbers[number]], "hosts")
        ]
        if (len(incidents), len(reached)) != (head.pop("open"), head.pop("reached")):
            raise ValueError("some of it is missing")
        if any(part["incident"]["id"] != name for name, part in incidents.items()):
            raise ValueError("an incident has the name of another")
        told = [[i, *part["told"]] for i, part in incidents.items() if part["told"] is not None]
        opened = [[part["window"], part["incident"]] for part in incidents.values()]
        return {
            "model": head.pop("model"),
            "told": told,
            "fold": {**head, "open": opened, "reached": reached},
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
