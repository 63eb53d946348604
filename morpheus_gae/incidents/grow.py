"""Grow: adds the flows of one group to their incident."""

from __future__ import annotations

from morpheus_gae.incidents.groups import Group
from morpheus_gae.incidents.incident import Incident


def grow(incident: Incident, group: Group) -> None:
    """Add flows to an incident.

    Parameters
    ----------
    incident
        Incident, updated in place.
    group
        Flagged flows of one window.
    """
    if group.seen is not None:
        first, last = group.seen
        incident.first = first if incident.first is None else min(incident.first, first)
        incident.last = last if incident.last is None else max(incident.last, last)
    incident.flows += len(group.ids)
    incident.up += group.up
    incident.down += group.down
    incident.top = max(incident.top, group.top)
    incident.excess += group.excess
    (a, b, c), (pair, flow, graph) = incident.parts, group.parts
    incident.parts = a + pair, b + flow, c + graph
    incident.sources.add(*group.sources)
    incident.targets.add(*group.destinations)
    incident.services.add(*group.services)
    for size, count in zip(*group.sizes, strict=True):
        incident.sizes[size] += count
    incident.remember(group.times, group.members)
