"""Bench: run a plan, the variants taking turns with each workload."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from morpheus_gae.benchmark.cell import START_SECONDS, Cell
from morpheus_gae.benchmark.machine import machine
from morpheus_gae.benchmark.measure import exponents, ratios, row
from morpheus_gae.benchmark.plan import FLOWS, HOSTS, Plan
from morpheus_gae.benchmark.process import Lost, Worker
from morpheus_gae.benchmark.status import NOT_AVAILABLE, NOT_TRIED, OUT_OF_MEMORY, OVER_TIME
from morpheus_gae.benchmark.traffic import Workload
from morpheus_gae.benchmark.variants import ALERT_TIME, Job, Variant
from morpheus_gae.benchmark.worker import PREPARE
from morpheus_gae.errors import GaeError

ALERT_FLOWS = 200_000


def benchmark(plan: Plan, done: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Measure everything a plan asks for.

    Parameters
    ----------
    plan
        What.
    done
        Told the name of each variant that has finished with a workload.

    Returns
    -------
    dict
        ``machine``, ``results``, ``ratios``, ``scaling``, ``time_to_alert``, and ``plan``.

    Raises
    ------
    GaeError
        If the traffic cannot be drawn or the model not be read. What a variant cannot do is a result.
    """
    before = machine()
    turns = _Turns(plan, done)
    rows = [r for workload, reasons in plan.workloads.items() for r in turns.measure(workload, reasons)]
    alerts = time_to_alert(plan) if plan.arrival_rate > 0 else None
    return {
        "machine": {**before, "load_average_after": machine()["load_average"]},
        "plan": _told(plan),
        "results": rows,
        "ratios": ratios(rows),
        "scaling": [*exponents(rows, FLOWS, "batch_size"), *exponents(rows, HOSTS, "hosts")],
        "time_to_alert": alerts,
    }


class _Turns:
    """Takes the variants through the workloads, and remembers what they could not do."""

    def __init__(self, plan: Plan, done: Callable[[str], None]) -> None:
        self.plan, self.done = plan, done
        self._absent: dict[str, str] = {}
        self._beaten: dict[str, list[tuple[Workload, str]]] = {}

    def measure(self, workload: Workload, reasons: list[str]) -> list[dict[str, Any]]:
        """Rows of all variants with one workload."""
        plan = self.plan
        cells = [Cell(variant, plan.limit_seconds) for variant in plan.variants]
        with tempfile.TemporaryDirectory(prefix="morpheus-gae-benchmark-") as folder:
            size = prepare(plan, workload, folder)
            try:
                for cell in cells:
                    if self._worth_trying(cell, workload):
                        cell.start(_job(plan, cell.variant, folder))
                # nobody is measured while another one loads
                for cell in cells:
                    cell.ready()
                for cell in cells:
                    cell.warm_up()
                each = -(-plan.batches // plan.repeats)
                for number in range(plan.repeats):
                    batches = min(each, plan.batches - number * each)
                    # each round begins with another variant, so that none always follows the same one
                    at = number % len(cells)
                    for cell in (*cells[at:], *cells[:at]) if batches > 0 else ():
                        cell.measure(number, batches, plan.repeats - number)
                for cell in cells:
                    cell.finish()
                    self._remember(cell, workload)
                    self.done(cell.variant.name)
            finally:
                for cell in cells:
                    cell.close()
        return [row(workload, size, reasons, cell, plan.graph_size) for cell in cells]

    def _worth_trying(self, cell: Cell, workload: Workload) -> bool:
        """Whether a variant has not failed on an easier workload of the kind; if it has, its cell says so."""
        name = cell.variant.name
        if name in self._absent:
            cell.give_up(NOT_AVAILABLE, self._absent[name])
            return False
        for easier, status in self._beaten.get(name, []):
            like = easier.regime == workload.regime
            if like and easier.flows <= workload.flows and easier.hosts <= workload.hosts:
                told = f"{status} with {easier.flows:,} flows and {easier.hosts:,} hosts already"
                cell.give_up(NOT_TRIED, told)
                return False
        return True

    def _remember(self, cell: Cell, workload: Workload) -> None:
        if cell.status == NOT_AVAILABLE:
            self._absent[cell.variant.name] = cell.reason
        if cell.status in (OVER_TIME, OUT_OF_MEMORY):
            self._beaten.setdefault(cell.variant.name, []).append((workload, cell.status))


def prepare(plan: Plan, workload: Workload, folder: str, parquet: bool | None = None) -> dict[str, int]:
    """Draw a workload into a folder, in a process of its own: the memory it takes is nobody's.

    Returns
    -------
    dict
        ``hosts``, ``pairs``, ``distinct_batches``.

    Raises
    ------
    GaeError
        If it fails.
    """
    needed = any(":Sequential" in v.runner or ":Pipelined" in v.runner for v in plan.variants if not v.gpu)
    job = {
        PREPARE: True,
        "folder": folder,
        "workload": vars(workload),
        "batches": plan.batches,
        "model": str(Path(plan.model).absolute()),
        "known_share": plan.known_share,
        "parquet": needed if parquet is None else parquet,
    }
    worker = Worker()
    try:
        return dict(worker.ask({"job": job}, START_SECONDS + workload.flows / 10_000)["ready"])
    except Lost as lost:
        raise GaeError(f"the traffic could not be drawn: {lost.reason}") from None
    finally:
        worker.close()


def time_to_alert(plan: Plan) -> dict[str, Any]:
    """Seconds from a flow's arrival to its alert, at the plan's rate, through the embedded engine.

    Returns
    -------
    dict
        ``status``, ``reason``, ``arrival_flows_per_second``, ``window_seconds``, ``flows``, ``seconds``,
        ``alerts``, ``p50_ms``, ``p99_ms``, ``max_ms``; None where nothing was measured.
    """
    flows = max([s for s in plan.batch_sizes if s <= ALERT_FLOWS] or [min(plan.batch_sizes)])
    workload = Workload(plan.regimes[0], flows, plan.hosts, plan.seed)
    options = {
        "rate": plan.arrival_rate,
        "seconds": plan.arrival_seconds,
        "window_seconds": plan.window_seconds,
        "alert_rate": plan.alert_rate,
    }
    limit = plan.arrival_seconds + plan.window_seconds + plan.limit_seconds
    cell = Cell(ALERT_TIME, limit)
    with tempfile.TemporaryDirectory(prefix="morpheus-gae-benchmark-") as folder:
        size = prepare(plan, workload, folder, parquet=True)
        try:
            cell.start(Job(ALERT_TIME.name, folder, plan.graph_size, plan.limit_memory, options))
            cell.ready()
            # windows differ little, and the kernels are warm from the start
            cell.warm_up()
            cell.finish()
        finally:
            cell.close()
    found: dict[str, Any] = {
        "status": cell.status,
        "reason": cell.reason,
        "regime": workload.regime,
        "hosts": size["hosts"],
        "arrival_flows_per_second": plan.arrival_rate,
        "window_seconds": plan.window_seconds,
        **dict.fromkeys(("flows", "seconds", "alerts", "p50_ms", "p99_ms", "max_ms")),
    }
    timing = cell.rounds.get(0)
    if timing is None:
        return found
    found |= {"flows": timing["flows"], "seconds": timing["seconds"], "alerts": len(timing["latencies"])}
    if timing["latencies"]:
        waited = 1e3 * np.array(timing["latencies"])
        found |= {"p50_ms": float(np.percentile(waited, 50)), "p99_ms": float(np.percentile(waited, 99))}
        found["max_ms"] = float(waited.max())
    return found


def _job(plan: Plan, variant: Variant, folder: str) -> Job:
    return Job(variant.name, folder, plan.graph_size, plan.limit_memory)


def _told(plan: Plan) -> dict[str, Any]:
    """The plan as plain values."""
    told = {**vars(plan), "variants": [v.name for v in plan.variants]}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in told.items()}
