"""Grow: adds the flows of one group to their incident."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morpheus_gae.incidents.flagged import Flagged, split_service
from morpheus_gae.incidents.incident import MEMBERS, SIZES, TIMES, Incident

I64 = npt.NDArray[np.int64]


def grow(incident: Incident, flows: Flagged, rows: I64) -> None:
    """Add flows to an incident.

    Parameters
    ----------
    incident
        Incident, updated in place.
    flows
        Flagged flows of one window.
    rows
        int64 [N] rows of this incident, in order of time.
    """
    timed = rows[flows.timed[rows]]
    if timed.size:
        first, last = int(flows.start[timed].min()), int(flows.end[timed].max())
        incident.first = first if incident.first is None else min(incident.first, first)
        incident.last = last if incident.last is None else max(incident.last, last)
    surprise = flows.surprise[rows]
    up, down = flows.up[rows], flows.down[rows]
    incident.flows += len(rows)
    incident.up += float(up.sum())
    incident.down += float(down.sum())
    incident.top = max(incident.top, float(surprise.max()))
    incident.excess += float((surprise - flows.threshold[rows]).clip(0.0).sum())
    a, b, c = flows.parts[rows].sum(0).tolist()
    incident.parts = incident.parts[0] + a, incident.parts[1] + b, incident.parts[2] + c
    for tally, hosts in ((incident.sources, flows.src[rows]), (incident.targets, flows.dst[rows])):
        numbers, counts = np.unique(hosts, return_counts=True)
        # by name: host numbers depend on the order of the flows
        named = sorted(zip(flows.hosts[numbers].tolist(), counts.tolist(), strict=True))
        tally.add(*zip(*named, strict=True))
    services, counts = np.unique(flows.service[rows], return_counts=True)
    names = ["{}/{}".format(*split_service(number)) for number in services.tolist()]
    incident.services.add(names, counts.tolist())
    for size, count in enumerate(np.bincount(powers(up + down), minlength=SIZES).tolist()):
        incident.sizes[size] += count
    top = np.lexsort((flows.ids[rows].astype("U16"), -surprise))[:MEMBERS]
    members = [(float(surprise[i]), str(flows.ids[rows[i]])) for i in top]
    incident.remember(flows.start[timed[-TIMES:]].tolist(), members)


def powers(octets: npt.NDArray[np.float64]) -> I64:
    """Return the index of each flow's bytes in ``Incident.sizes``, int64 [N]."""
    return np.minimum(np.ceil(np.log2(np.maximum(octets, 0.5) + 1)), SIZES - 1).astype(np.int64)
