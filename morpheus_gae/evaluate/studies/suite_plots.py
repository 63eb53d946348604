"""Suite plots: attacks found over the share of attacks in training, and benign flows flagged over time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.studies.over_time import TENTHS
from morpheus_gae.evaluate.tables import budget_name

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter
except ImportError:
    raise MissingExtraError("matplotlib", "plot", "drawing plots") from None

BUDGETS = ("0.001", "0.01")
INK, MUTED, GRID = "#222222", "#7a8089", "#e6e8eb"
COLOURS = ("#1b4965", "#d1495b", "#edae49", "#00798c", "#7b2d43", "#66a182", "#8d96a3", "#5f0f40")
MARKERS = "os^Dvp*X"
FLOOR = 1e-5
"""Where no flow is flagged: as low as a logarithmic axis goes."""


def draw_suite(folder: str | Path, found: dict[str, Any]) -> list[Path]:
    """Draw the dirt curve of each set that was trained on dirty flows, and the drift of each over time.

    Parameters
    ----------
    folder
        Made if need be; gets ``dirt-...png`` and ``drift-...png``.
    found
        As ``suite.run_suite`` gives it.

    Returns
    -------
    list of Path
        In order of drawing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, Figure] = {}
    curves: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for r in found["results"]:
        base, dirty, _ = r["protocol"].rpartition("dirty=")
        if dirty:
            curves.setdefault((r["set"], base + "dirty", r["stream"], r["attackers"]), []).append(r)
        if any("over_time" in d for d in r["detectors"].values()):
            plots[filename("drift", r["set"], r["protocol"])] = drift_curve(r)
    for where, results in curves.items():
        plots[filename("dirt", *where)] = dirt_curve(results)
    for name, figure in plots.items():
        FigureCanvasAgg(figure).print_png(folder / name)
    return [folder / name for name in plots]


def dirt_curve(results: list[dict[str, Any]]) -> Figure:
    """Attacks found at each budget, over the share of attacks that was asked for in training."""
    share = [float(r["protocol"].rpartition("dirty=")[2].rstrip("%")) for r in results]
    first = results[0]
    attackers = {"others": "other attackers than those in training", "same": "attackers that are in training"}
    title = f"{first['set']}, stream {first['stream']}, {attackers.get(first['attackers'], '')}"
    figure, both = _figure("Attacks found, by the share of attacks in training", title)
    for axes, budget in zip(both, BUDGETS, strict=True):
        for i, name in enumerate(first["detectors"]):
            points = []
            for at, r in sorted(zip(share, results, strict=True), key=lambda p: p[0]):
                b = r["detectors"].get(name, {}).get("budgets", {}).get(budget)
                if b is not None and b["tpr"] is not None:
                    points.append((at, 100 * b["tpr"]["mean"], 100 * (b["tpr"]["sd"] or 0)))
            if points:
                x, y, error = zip(*points, strict=True)
                axes.errorbar(x, y, error, label=name, **_style(i))
        if not axes.has_data():
            axes.text(
                0.5, 0.5, "too few validation flows", transform=axes.transAxes, ha="center", color=MUTED
            )
        axes.set_title(f"alert budget {budget_name(budget)}", fontsize=9, color=MUTED)
        axes.set(ylim=(-2, 102))
        axes.set_xlabel("attacks among the training flows, %")
    both[0].set_ylabel("attacks found, %")
    _legend(figure, both)
    return figure


def drift_curve(result: dict[str, Any]) -> Figure:
    """Benign flows flagged in each tenth of the time, at each budget; broken: adaptive thresholds."""
    title = f"{result['set']}, protocol {result['protocol']}"
    figure, both = _figure("Benign flows flagged in each later tenth; broken: adaptive threshold", title)
    for axes, budget in zip(both, BUDGETS, strict=True):
        for i, (name, d) in enumerate(result["detectors"].items()):
            for way, line in (("fixed", "-"), ("adaptive", (0, (3, 2)))):
                if "over_time" not in d or (way == "fixed" and d["budgets"][budget] is None):
                    continue
                known = [(t["tenth"] + 1, t[way][budget]["fpr"]) for t in d["over_time"]["tenths"]]
                points = [(x, max(f["mean"], FLOOR)) for x, f in known if f is not None]
                if points:
                    named = name if way == "fixed" or d["budgets"][budget] is None else None
                    axes.plot(*zip(*points, strict=True), label=named, **{**_style(i), "ls": line})
        axes.axhline(float(budget), color=INK, lw=1, ls=(0, (1, 2)))
        axes.set_yscale("log")
        axes.set(ylim=(FLOOR / 1.5, 1.5), xlim=(0.5, TENTHS + 0.5))
        axes.set_title(f"alert budget {budget_name(budget)} (dotted)", fontsize=9, color=MUTED)
        axes.set_xlabel("tenth of the time after training")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    both[0].set_ylabel("benign flows flagged")
    _legend(figure, both)
    return figure


def filename(*parts: str) -> str:
    """A name that every file system takes."""
    return "-".join(re.sub(r"[^\w.=+%-]+", "_", part) for part in parts) + ".png"


def _figure(head: str, title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9.5, 4.6), dpi=150, layout="constrained")
    both = figure.subplots(1, len(BUDGETS), sharey=True)
    figure.suptitle(f"{head}\n{title}", fontsize=10.5, color=INK)
    for axes in both:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=INK)
        axes.grid(color=GRID, lw=0.7)
        axes.set_axisbelow(True)
    return figure, both


def _style(i: int) -> dict[str, Any]:
    return {
        "color": COLOURS[i % len(COLOURS)],
        "marker": MARKERS[i % len(MARKERS)],
        "ms": 5,
        "lw": 1.6,
    }


def _legend(figure: Figure, both: Any) -> None:
    named: dict[str, Any] = {}
    for axes in both:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    if named:
        figure.legend(
            list(named.values()),
            list(named),
            loc="outside lower center",
            frameon=False,
            fontsize=8.5,
            ncols=4,
        )
