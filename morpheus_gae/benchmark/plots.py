"""Plots: throughput over batch size, both on logarithmic axes, a panel for each regime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from morpheus_gae.benchmark.plan import SIZES
from morpheus_gae.benchmark.status import NOT_TRIED, OK
from morpheus_gae.benchmark.tables import rate
from morpheus_gae.benchmark.variants import VARIANTS
from morpheus_gae.errors import MissingExtraError, UsageError

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter
except ImportError:
    raise MissingExtraError("matplotlib", "plot", "drawing plots") from None

INK, MUTED, GRID = "#222222", "#7a8089", "#e6e8eb"
# CPU blue, published red, GPU green; a marker each, so that it reads without colour
STYLES = {
    "cpu": ("#1b4965", "o", "-"),
    "cpu-1core": ("#4c8bb5", "s", "-"),
    "cpu-sequential": ("#9a7aa0", "v", "--"),
    "cpu-pipelined": ("#5c3c75", "^", "-"),
    "cpu-published": ("#d1495b", "X", "-"),
    "gpu-sequential-published": ("#f08a4b", "P", "-"),
    "gpu-sequential": ("#8cb369", "D", "--"),
    "gpu-pipelined": ("#3c6e47", "d", "-"),
    "gpu-resident": ("#16302b", "*", "-"),
}
SUFFIXES = (".png", ".svg")


def check(path: str | Path) -> None:
    """Refuse a name that ``draw`` would not take.

    Raises
    ------
    UsageError
        If it ends in neither ``.png`` nor ``.svg``, or its folder does not exist.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--plot {path}: a plot is written as {' or '.join(SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--plot {path}: its folder does not exist")


def draw(path: str | Path, found: Mapping[str, Any]) -> None:
    """Draw throughput over batch size.

    Parameters
    ----------
    path
        See ``check``.
    found
        As ``bench.benchmark`` gives it. Bars reach from the slowest round to the fastest; the first size that
        a variant could not do is told in the legend.
    """
    rows = [r for r in found["results"] if SIZES in r["part_of"]]
    regimes = list(dict.fromkeys(r["regime"] for r in rows))
    across = min(len(regimes), 2)
    down = -(-len(regimes) // 2)
    figure = Figure(figsize=(1.8 + 5.2 * across, 2 + 4.4 * down), dpi=150, layout="constrained")
    panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    for unused in panels[len(regimes) :]:
        unused.set_axis_off()
    # one scale for all panels
    rates = [
        r[k] for r in rows if r["status"] == OK for k in ("flows_per_second_min", "flows_per_second_max")
    ]
    handles: dict[str, Any] = {}
    for axes, regime in zip(panels, regimes, strict=False):
        here = [r for r in rows if r["regime"] == regime]
        _panel(axes, here, rates, handles)
        hosts = max(r["hosts"] for r in here)
        axes.set_title(f"{regime}, up to {hosts:,} hosts", loc="left", fontsize=11, color=INK)
        axes.set_xlabel("flows of a batch", fontsize=9.5)
        axes.set_ylabel("flows per second", fontsize=9.5)
    m = found["machine"]
    card = "" if m["gpu"] is None else f"; {m['gpu']['name']}"
    figure.suptitle(f"{m['cpu']}, {m['cores']} cores{card}", x=0.01, ha="left", fontsize=8.5, color=MUTED)
    told = [(handle, _legend(name, rows)) for name, handle in handles.items()]
    if told:
        figure.legend(
            *zip(*told, strict=True), loc="outside lower left", ncols=across, frameon=False,
            fontsize=8,
        )  # fmt: skip
    canvas = FigureCanvasSVG if Path(path).suffix.lower() == ".svg" else FigureCanvasAgg
    canvas(figure).print_figure(str(path))


def _panel(
    axes: Any, rows: Sequence[Mapping[str, Any]], rates: Sequence[float], handles: dict[str, Any]
) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = [r["batch_size"] for r in rows]
    # told before anything is drawn: the automatic scale divides by nothing where there is one rate alone
    axes.set(xlim=_bounds(sizes), ylim=_bounds(rates or [2, 5]))
    if not any(r["status"] == OK for r in rows):
        axes.text(0.5, 0.5, "nothing could be measured", transform=axes.transAxes, ha="center", color=MUTED)
    for name, (colour, marker, line) in STYLES.items():
        points = [r for r in rows if r["variant"] == name and r["status"] == OK]
        if not points:
            continue
        y = [r["flows_per_second"] for r in points]
        spread = [
            [a - r["flows_per_second_min"] for a, r in zip(y, points, strict=True)],
            [r["flows_per_second_max"] - a for a, r in zip(y, points, strict=True)],
        ]
        handles[name] = axes.errorbar(
            [r["batch_size"] for r in points], y, yerr=spread, color=colour, marker=marker, ls=line,
            ms=6, lw=1.8, elinewidth=1, capsize=2, mec="white", mew=0.6,
        )  # fmt: skip
        last = points[-1]
        axes.annotate(
            rate(last["flows_per_second"]), (last["batch_size"], last["flows_per_second"]), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=colour,
        )  # fmt: skip
    axes.xaxis.set_major_locator(FixedLocator(sorted({r["batch_size"] for r in rows})))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: rate(x)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: rate(y)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5, colors=INK)
    axes.grid(color=GRID, lw=0.7, which="both")
    axes.set_axisbelow(True)


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """Of a logarithmic axis: a margin around all values, some room around one value alone."""
    low, high = min(values), max(values)
    room = max((high / low) ** 0.12, 1.5)
    return low / room, high * room


def _legend(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The variant, what it does, and what it could not do."""
    mine = [r for r in rows if r["variant"] == name and r["status"] != OK]
    tried = [r for r in mine if r["status"] != NOT_TRIED]
    first = min(tried or mine, key=lambda r: r["batch_size"], default=None)
    told = f"{name}: {VARIANTS[name].about}"
    return told if first is None else f"{told}\n({first['status']} at {first['batch_size']:,} flows)"
