"""Contamination: which training flows thresholds and calibration leave out, by incident.

By default those of the bursts that `recurrence` finds: none on clean traffic. Whoever knows better gives the
share: then the largest bursts count first, as far as they fit in, and after training the strangest flows of
the sources and destinations with the most surprise on them fill the rest up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.train.recurrence import BLOCKS, Bursts, blocks_of, find_bursts

F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]


def suspects(
    flows: Flows, graph: WindowGraph, contamination: float | None, known: Bool | None = None
) -> Bursts:
    """Bursts that are not to be learnt from.

    Parameters
    ----------
    flows
        All training flows.
    graph
        Of them.
    contamination
        Most that may be set aside, a share of the flows; None: whatever stands apart.
    known
        bool [P]: pairs that were there before.
    """
    if contamination == 0:
        return Bursts(np.full(len(flows), -1, np.int32), 0)
    found = find_bursts(flows, graph, known)
    if contamination is None or not found.count:
        return found
    size = np.bincount(found.of[found.of >= 0], minlength=found.count)
    order = np.argsort(-size, kind="stable")
    fits = fitting(size, order, int(contamination * len(flows)))
    return renumbered(np.where((found.of >= 0) & fits[found.of], found.of, -1))


def strangest(surprise: F32, flows: Flows, graph: WindowGraph, found: Bursts, room: int) -> Bursts:
    """The incidents found so far, and about ``room`` more flows: the strangest, by incident.

    Flows of the strangest ``2 room`` are pooled by source, and by destination, in each block of time. What an
    incident weighs is the surprise in it beyond that of the least strange of them.

    Parameters
    ----------
    surprise
        float32 [E], of flows that the model does not remember.
    flows, graph
        All training flows.
    found
        What is set aside already.
    room
        Flows that may join it; none or fewer: nothing does.
    """
    rest = np.flatnonzero(found.of < 0)
    room = min(room, rest.size // 2)
    if room < 1:
        return found
    floor = np.partition(surprise[rest], rest.size - 2 * room)[rest.size - 2 * room]
    rows = rest[surprise[rest] >= floor]
    weight = (surprise[rows] - floor).astype(np.float64)
    block = blocks_of(flows)[rows].astype(np.int64)
    pair = graph.pair[rows]
    keys = [end[pair].astype(np.int64) * BLOCKS + block for end in (graph.pair_src, graph.pair_dst)]
    pooled = []
    for key in keys:
        _, at = np.unique(key, return_inverse=True)
        at = at.reshape(-1)
        pooled.append(np.bincount(at, weight)[at])
    by_source = pooled[0] >= pooled[1]
    # keys of destinations beyond those of sources
    key = np.where(by_source, keys[0], keys[1] + graph.hosts * BLOCKS)
    _, at = np.unique(key, return_inverse=True)
    at = at.reshape(-1)
    size, evidence = np.bincount(at), np.bincount(at, weight)
    order = np.argsort(-evidence, kind="stable")
    of = found.of.copy()
    take = fitting(size, order, room)[at]
    of[rows[take]] = found.count + at[take]
    return renumbered(of)


def fitting(size: I64, order: I64, room: int) -> Bool:
    """Bool [U]: units taken in order, passing over those that do not fit into what is left of the room."""
    taken = np.zeros(size.shape[0], np.bool_)
    left = order[size[order] <= room]
    while left.size:
        filled = np.cumsum(size[left])
        end = int(np.searchsorted(filled, room, "right"))
        taken[left[:end]] = True
        room -= int(filled[end - 1])
        left = left[end:]
        left = left[size[left] <= room]
    return taken


def renumbered(of: npt.NDArray[np.integer]) -> Bursts:
    """Incidents numbered by their first flow."""
    inside = np.flatnonzero(of >= 0)
    ids, first = np.unique(of[inside], return_index=True)
    number = np.empty(ids.shape[0], np.int64)
    number[np.argsort(first)] = np.arange(ids.shape[0])
    out = np.full(of.shape[0], -1, np.int32)
    out[inside] = number[np.searchsorted(ids, of[inside])]
    return Bursts(out, int(ids.shape[0]))
