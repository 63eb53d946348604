"""Passes: what is summed or numbered over all training flows, compiled, a block of flows at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.train.spool import Spool, blocks

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.integer[Any]]


@njit(cache=True, nogil=True)
def add_sums(index: Ids, x: F32, out: F64) -> None:
    """Add flows, x (3) and x squared (3) to row ``index`` of ``out``, float64 [R, 7]."""
    for i in range(index.shape[0]):
        row = out[index[i]]
        row[0] += 1.0
        for c in range(3):
            v = np.float64(x[i, c])
            row[1 + c] += v
            row[4 + c] += v * v


@njit(cache=True, nogil=True)
def add_rows(index: Ids, values: F32, out: F64) -> None:
    """Add rows of numbers to row ``index`` of ``out``."""
    for i in range(index.shape[0]):
        row = out[index[i]]
        for c in range(values.shape[1]):
            row[c] += values[i, c]


@njit(cache=True, nogil=True)
def add_beyond(x: F32, centre: F64, total: F64, square: F64) -> None:
    """Add what each column of x has beyond its centre, and the square of that, to float64 sums."""
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            v = np.float64(x[i, c]) - centre[c]
            total[c] += v
            square[c] += v * v


@njit(cache=True, nogil=True)
def note_blocks(pair: I32, block: U8, first: U8, last: U8) -> None:
    """Earliest and latest block of each pair."""
    for i in range(pair.shape[0]):
        first[pair[i]] = min(first[pair[i]], block[i])
        last[pair[i]] = max(last[pair[i]], block[i])


@njit(cache=True, nogil=True)
def _renumber(ids: I32, chosen: Bool, number: I32, old: I32, count: int, out: I32) -> int:
    """Number the ids of chosen rows by first appearance, from ``count``; how many there are afterwards.

    ``number`` is -1 for ids without one; ``old`` gets the id behind each number.
    """
    at = 0
    for i in range(ids.shape[0]):
        if chosen[i]:
            k = ids[i]
            if number[k] < 0:
                number[k] = count
                old[count] = k
                count += 1
            out[at] = number[k]
            at += 1
    return count


def kept_graph(graph: WindowGraph, kept: Bool, spool: Spool) -> WindowGraph:
    """The graph that `graph.build` makes of some of the flows.

    Parameters
    ----------
    graph
        Of all flows.
    kept
        bool [E].
    spool
        Gets the columns of the flows.
    """
    if kept.all():
        return graph
    pair = spool.zeros((int(kept.sum()),), np.int32)
    number, old = np.full(graph.pairs, -1, np.int32), np.empty(graph.pairs, np.int32)
    count = at = 0
    for part in blocks(graph.flows):
        size = int(kept[part].sum())
        count = _renumber(graph.pair[part], kept[part], number, old, count, pair[at : at + size])
        at += size
    old = old[:count]
    number, host = np.full(graph.hosts, -1, np.int32), np.empty(graph.hosts, np.int32)
    every, ends, hosts = np.ones(count, np.bool_), [], 0
    for end in (graph.pair_src[old], graph.pair_dst[old]):
        out = np.empty(count, np.int32)
        hosts = _renumber(end, every, number, host, hosts, out)
        ends.append(out)
    return replace(
        graph,
        pair=pair,
        pair_src=ends[0],
        pair_dst=ends[1],
        pair_flows=np.bincount(pair, minlength=count).astype(np.int32),
        host_hi=graph.host_hi[host[:hosts]],
        host_lo=graph.host_lo[host[:hosts]],
        attributes=spool.taken(graph.attributes, kept),
        duration_missing=spool.taken(graph.duration_missing, kept),
        extra=None if graph.extra is None else spool.taken(graph.extra, kept),
    )
