"""Measure: from timings to rows, ratios and exponents."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from morpheus_gae.benchmark.cell import Cell
from morpheus_gae.benchmark.status import OK
from morpheus_gae.benchmark.traffic import Workload
from morpheus_gae.benchmark.variants import RATIOS

SHAPE = ("regime", "batch_size", "asked_hosts")


def row(
    workload: Workload, size: Mapping[str, int], reasons: Sequence[str], cell: Cell, graph_size: int | None
) -> dict[str, Any]:
    """Result of one variant with one workload.

    Parameters
    ----------
    workload
        What it scored.
    size
        ``hosts``, ``pairs`` and ``distinct_batches`` as they were drawn.
    reasons
        Which parts of the benchmark it belongs to.
    cell
        Finished.
    graph_size
        Flows of a graph, None for the batch.

    Returns
    -------
    dict
        With the figures as None where there are none. ``flows`` are those of all batches; throughput is the
        median over the rounds, with the least and the most; latencies are over all windows.
    """
    found: dict[str, Any] = {
        "variant": cell.variant.name,
        "regime": workload.regime,
        "batch_size": workload.flows,
        "batches": sum(r["batches"] for r in cell.rounds.values()),
        "flows": sum(r["flows"] for r in cell.rounds.values()),
        "hosts": size["hosts"],
        "pairs": size["pairs"],
        "status": cell.status,
        "reason": cell.reason,
        **dict.fromkeys(("flows_per_second", "flows_per_second_min", "flows_per_second_max")),
        **dict.fromkeys(("p50_ms", "p99_ms", "joules", "peak_memory_bytes")),
        "asked_hosts": workload.hosts,
        "graph_size": graph_size or workload.flows,
        "distinct_batches": size["distinct_batches"],
        "part_of": list(reasons),
        "warm_up_counts": cell.warm_up_counts,
        "rounds": [],
    }
    if cell.status != OK:
        return found
    rates = [r["flows"] / r["seconds"] for r in cell.rounds.values()]
    latencies = [1e3 * x for r in cell.rounds.values() for x in r["latencies"]]
    joules = [r["joules"] for r in cell.rounds.values()]
    return {
        **found,
        **cell.facts,
        "flows_per_second": statistics.median(rates),
        "flows_per_second_min": min(rates),
        "flows_per_second_max": max(rates),
        "p50_ms": float(np.percentile(latencies, 50)),
        "p99_ms": float(np.percentile(latencies, 99)),
        "windows": len(latencies),
        "joules": None if None in joules else sum(joules),
        "non_finite_scores": sum(r["non_finite"] for r in cell.rounds.values()),
        "rounds": [
            {"round": n, **{k: r[k] for k in ("batches", "flows", "seconds")}} for n, r in cell.rounds.items()
        ],
    }


def ratios(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Throughput of one variant over that of another, wherever both were asked for.

    The variants took turns, so each round gives a ratio of its own: told are their median, least and most
    (the last two None where no round has both). A variant without a figure gives ratio None and the reason.
    """
    found = []
    shapes = list(dict.fromkeys(tuple(r[k] for k in SHAPE) for r in rows))
    for shape in shapes:
        by_name = {r["variant"]: r for r in rows if tuple(r[k] for k in SHAPE) == shape}
        for over, under in RATIOS:
            if over in by_name and under in by_name:
                names = {"numerator": over, "denominator": under, **dict(zip(SHAPE, shape, strict=True))}
                found.append({**names, **_ratio(by_name[over], by_name[under])})
    return found


def _ratio(over: Mapping[str, Any], under: Mapping[str, Any]) -> dict[str, Any]:
    nothing: dict[str, Any] = {"ratio": None, "ratio_min": None, "ratio_max": None, "reason": ""}
    missing = [f"{r['variant']}: {r['status']}" for r in (over, under) if r["status"] != OK]
    if missing:
        return {**nothing, "reason": "; ".join(missing)}
    rates = [{x["round"]: x["flows"] / x["seconds"] for x in r["rounds"]} for r in (over, under)]
    # a batch that warmed up ran beside nobody else's round
    alone = over["warm_up_counts"] or under["warm_up_counts"]
    each = [] if alone else [rates[0][n] / rates[1][n] for n in rates[0].keys() & rates[1].keys()]
    if not each:
        return {**nothing, "ratio": over["flows_per_second"] / under["flows_per_second"]}
    return {**nothing, "ratio": statistics.median(each), "ratio_min": min(each), "ratio_max": max(each)}


def exponents(rows: Sequence[Mapping[str, Any]], part: str, over: str) -> list[dict[str, Any]]:
    """How a batch's time grows: the slope of log seconds over log flows (or hosts); 1 is linear.

    Parameters
    ----------
    rows
        Results.
    part
        Which part of the benchmark.
    over
        ``batch_size`` or ``hosts``.
    """
    found = []
    for name in dict.fromkeys(r["variant"] for r in rows):
        mine = [r for r in rows if r["variant"] == name and part in r["part_of"]]
        points = {r[over]: r["batch_size"] / r["flows_per_second"] for r in mine if r["status"] == OK}
        missing = sorted({r["status"] for r in mine if r["status"] != OK})
        if not mine:
            continue
        slope = None
        if len(points) > 1:
            x, y = np.log(list(points)), np.log(list(points.values()))
            slope = float(np.polyfit(x, y, 1)[0])
            slope = None if math.isnan(slope) else slope
        found.append(
            {
                "variant": name,
                "over": over,
                "regime": mine[0]["regime"],
                "exponent": slope,
                "points": sorted(points),
                "missing": missing,
            }
        )
    return found
