"""Tables: the figures for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from morpheus_gae.benchmark.machine import LIBRARIES
from morpheus_gae.benchmark.status import NOT_AVAILABLE, OK

Row = Mapping[str, Any]
NONE = "-"
REASON = 90


def text(found: Mapping[str, Any]) -> str:
    """Everything a benchmark found, as lines.

    Parameters
    ----------
    found
        As ``bench.benchmark`` gives it.
    """
    lines = [*machine_lines(found["machine"]), "", *result_lines(found["results"])]
    for title, part in (
        ("Ratios of throughput: median of the rounds (least to most)", ratio_lines(found["ratios"])),
        ("Time of a batch grows like size^x (1: linear)", scaling_lines(found["scaling"])),
    ):
        if part:
            lines += ["", title, *part]
    if found["time_to_alert"] is not None:
        lines += ["", alert_line(found["time_to_alert"])]
    return "\n".join(lines)


def machine_lines(m: Row) -> list[str]:
    """The machine in a few lines."""
    versions = "  ".join(f"{name} {m[name]}" for name in ("python", *LIBRARIES) if m[name])
    busy = f"load {m['load_average'][0]:g} before, {m['load_average_after'][0]:g} after"
    memory = NONE if m["memory_bytes"] is None else size(m["memory_bytes"])
    gpu = m["gpu"]
    card = "no NVIDIA GPU" if gpu is None else f"{gpu['name']}, driver {gpu['driver']}"
    return [
        f"{m['cpu']}, {m['cores']} of {m['cores_of_machine']} cores, {memory}, {card}; {busy}",
        f"morpheus-gae {m['morpheus_gae']}  {versions}  {m['system']}",
    ]


def result_lines(rows: Sequence[Row]) -> list[str]:
    """One line a variant and workload; what could not be measured says why."""
    energy = any(r["joules"] is not None for r in rows)
    head = ["regime", "batch", "hosts", "pairs", "variant", "batches", "flows/s", "least to most"]
    head += ["p50 ms", "p99 ms", "memory", *(["J/Mflow"] if energy else []), ""]
    cells, last = [head], None
    for r in rows:
        shape = [r["regime"], f"{r['batch_size']:,}", f"{r['hosts']:,}", f"{r['pairs']:,}"]
        # the workload is told once, above its variants
        line = [*([""] * 4 if shape == last else shape), r["variant"]]
        last = shape
        if r["status"] == OK:
            line += [
                f"{r['batches']}" + ("*" if r["warm_up_counts"] else ""),
                rate(r["flows_per_second"]),
                f"{rate(r['flows_per_second_min'])} to {rate(r['flows_per_second_max'])}",
                f"{r['p50_ms']:.4g}",
                f"{r['p99_ms']:.4g}",
                size(r["peak_memory_bytes"]),
            ]
            line += [joules(r)] * energy + [notes(r)]
        else:
            line += [*[NONE] * (len(head) - 6), f"{r['status']}: {shortened(r['reason'])}"]
        cells.append(line)
    lines = aligned(cells, left=(0, 4, len(head) - 1))
    if any(r["warm_up_counts"] for r in rows):
        lines.append("* one batch, the first: another did not fit into the time limit")
    return lines


def shortened(reason: str) -> str:
    """A reason that leaves the table readable; JSON has all of it."""
    return reason if len(reason) <= REASON else f"{reason[: REASON - 3]}..."


def notes(r: Row) -> str:
    """What a reader of the row should know."""
    told = []
    if r["non_finite_scores"]:
        told.append(f"{r['non_finite_scores']:,} scores are not numbers")
    if r.get("gpu_peak_memory_bytes"):
        told.append(f"GPU memory {size(r['gpu_peak_memory_bytes'])}")
    return "; ".join(told)


def ratio_lines(rows: Sequence[Row]) -> list[str]:
    """One line a pair of variants and workload, then one a pair for the workloads without a ratio."""
    cells: list[list[str]] = []
    missing: dict[str, list[str]] = {}
    absent: set[str] = set()
    for r in rows:
        pair = f"{r['numerator']} / {r['denominator']}"
        if NOT_AVAILABLE in r["reason"]:
            # said in the table above already
            absent.add(pair)
        elif r["ratio"] is None:
            missing.setdefault(pair, []).append(f"{r['regime']} {r['batch_size']:,} ({r['reason']})")
        else:
            span = NONE if r["ratio_min"] is None else f"({times(r['ratio_min'])} to {times(r['ratio_max'])})"
            shape = [r["regime"], f"{r['batch_size']:,}", f"{r['asked_hosts']:,} hosts"]
            cells.append([pair, *shape, times(r["ratio"]), span])
    lines = aligned(cells, left=(0, 1)) if cells else []
    lines += [f"{pair}: none with {', '.join(dict.fromkeys(why))}" for pair, why in missing.items()]
    if absent:
        lines.append(f"not available: {', '.join(sorted(absent))}")
    return lines


def times(ratio: float) -> str:
    """A factor: ``2.31x``, ``1,312x``."""
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def scaling_lines(rows: Sequence[Row]) -> list[str]:
    """One line a variant and direction."""
    cells = []
    for r in rows:
        if r["missing"] == [NOT_AVAILABLE]:
            continue
        points = r["points"]
        span = f"{points[0]:,} to {points[-1]:,}" if len(points) > 1 else "too few points"
        exponent = NONE if r["exponent"] is None else f"x = {r['exponent']:.2f}"
        over = "flows" if r["over"] == "batch_size" else "hosts"
        cells.append([r["variant"], r["regime"], over, span, exponent, ", ".join(r["missing"])])
    return aligned(cells, left=(0, 1, 2, 5)) if cells else []


def alert_line(a: Row) -> str:
    """Time to alert as one line."""
    what = (
        f"Time to alert at {a['arrival_flows_per_second']:,.0f} flows/s, "
        f"windows of {a['window_seconds']:g} s ({a['regime']}, {a['hosts']:,} hosts)"
    )
    if a["status"] != OK:
        return f"{what}: {a['status']}: {a['reason']}"
    if not a["alerts"]:
        return f"{what}: no alert among {a['flows']:,} flows"
    figures = f"p50 {a['p50_ms']:.0f} ms, p99 {a['p99_ms']:.0f} ms, longest {a['max_ms']:.0f} ms"
    return f"{what}: {figures} ({a['alerts']:,} alerts of {a['flows']:,} flows)"


def rate(flows_per_second: float) -> str:
    """``2.92 M``."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if flows_per_second >= scale:
            return f"{flows_per_second / scale:.3g} {unit}"
    return f"{flows_per_second:.3g}"


def size(count: int) -> str:
    """Bytes as ``1.02 GB``."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def joules(r: Row) -> str:
    """Joules for a million flows."""
    return NONE if r["joules"] is None else f"{1e6 * r['joules'] / r['flows']:.3g}"


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    """Rows as lines, the columns named flush left and the others flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
