"""Incidents: what training found in its flows, told: training is also a hunt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.addresses.text import format_addresses
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.window_graph import WindowGraph

if TYPE_CHECKING:
    import pyarrow as pa

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

KINDS = np.array(["one pair", "one source, many destinations", "many sources, one destination", "many hosts"])
"""By whether there are several destinations, plus 2 for several sources."""


def incidents(
    flows: Flows, graph: WindowGraph, of: I32, surprise: F32, learnt: Bool, attack: Bool | None = None
) -> pa.Table:
    """One row for each incident, the one with most surprise first.

    Parameters
    ----------
    flows, graph
        All training flows.
    of
        int32 [E] incident of each flow, numbered from 0 without gaps; -1 for none.
    surprise
        float32 [E].
    learnt
        bool [E]: the flow was learnt from.
    attack
        bool [E]: somebody has told that the flow is one of an attack.

    Returns
    -------
    pyarrow.Table
        ``first``, ``last`` (start time in UTC, null without times), ``first_row``, ``last_row`` (in the
        source), ``kind`` (who with whom), ``strange`` (what about it), ``source``, ``destination`` (those
        with most flows), ``sources``, ``destinations``, ``flows``, ``surprise`` (the mean, in nats),
        ``total``.
    """
    import pyarrow as pa

    rows = np.flatnonzero(of >= 0)
    rows = rows[np.argsort(of[rows], kind="stable")]
    at, pair = of[rows].astype(np.int64), graph.pair[rows]
    count = int(at[-1]) + 1 if rows.size else 0
    size = np.bincount(at, minlength=count)
    start = np.cumsum(size) - size
    total = np.bincount(at, surprise[rows], count).astype(np.float64)
    order = np.argsort(-total, kind="stable")

    def ends(values: I64, which: np.ufunc) -> I64:
        return which.reduceat(values[rows], start)[order] if count else np.zeros(0, np.int64)

    ids, most = zip(*(_hosts(at, end[pair], count) for end in (graph.pair_src, graph.pair_dst)), strict=True)
    kind = (ids[1] > 1) + 2 * (ids[0] > 1)
    known = np.bincount(at, learnt[rows], count) > 0.5 * size
    columns: dict[str, pa.Array] = {}
    for name, which in (("first", np.minimum), ("last", np.maximum)):
        columns[name] = _times(None if flows.time_ms is None else ends(flows.time_ms, which), count)
    for name, which in (("first_row", np.minimum), ("last_row", np.maximum)):
        columns[name] = pa.array(ends(flows.rows, which))
    columns["kind"] = pa.array(KINDS[kind[order]].tolist(), pa.string())
    strange = np.where(known, "strange flows", "burst of hosts that do not meet again")
    if attack is not None:
        strange = np.where(np.bincount(at, attack[rows], count) > 0.5 * size, "told to be an attack", strange)
    columns["strange"] = pa.array(strange[order].tolist(), pa.string())
    for name, host, number in (("source", most[0], ids[0]), ("destination", most[1], ids[1])):
        columns[name] = format_addresses(graph.host_hi[host[order]], graph.host_lo[host[order]])
        columns[f"{name}s"] = pa.array(number[order])
    columns["flows"] = pa.array(size[order])
    columns["surprise"] = pa.array(np.round(total / np.maximum(size, 1), 3)[order])
    columns["total"] = pa.array(np.round(total, 1)[order])
    return pa.table(columns)


def _hosts(at: I64, host: npt.NDArray[np.integer], count: int) -> tuple[I64, I64]:
    """Number of hosts of each incident, and the host with most flows of it."""
    size = int(host.max()) + 1 if host.size else 1
    key, flows = np.unique(at * size + host, return_counts=True)
    incident = key // size
    number = np.bincount(incident, minlength=count)
    # the last of each incident has most flows
    order = np.lexsort((-key, flows, incident))
    return number, (key[order] % size)[np.cumsum(number) - 1]


def _times(ms: I64 | None, count: int) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if ms is None:
        return pa.nulls(count, pa.string())
    text = pc.strftime(pa.array(ms).cast(pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(text, "Z", "")


def table_text(found: pa.Table, most: int) -> str:
    """The first rows as a table for a terminal.

    Parameters
    ----------
    found
        See ``incidents``.
    most
        Rows at most.
    """
    lines = [("first", "last", "kind", "source", "destination", "flows", "surprise")]
    for row in found.slice(0, most).to_pylist():
        hosts = [
            row[name] if row[f"{name}s"] == 1 else f"{row[name]} and {row[f'{name}s'] - 1:,} more"
            for name in ("source", "destination")
        ]
        when = [
            f"row {row[f'{end}_row']:,}" if row[end] is None else f"{row[end][:19]}Z"
            for end in ("first", "last")
        ]
        lines.append((*when, row["kind"], *hosts, f"{row['flows']:,}", f"{row['surprise']:.1f}"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    aligned = (
        [w.rjust(n) if i > 4 else w.ljust(n) for i, (w, n) in enumerate(zip(line, widths, strict=True))]
        for line in lines
    )
    return "\n".join("  ".join(line) for line in aligned)
