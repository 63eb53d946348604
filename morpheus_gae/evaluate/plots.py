"""Plots: ROC, precision over recall, and the histogram of surprise, as PNG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.curves import Curve, average_precision, curve, roc_auc
from morpheus_gae.evaluate.tables import budget_name

if TYPE_CHECKING:
    from morpheus_gae.evaluate.labels import Labels

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, PercentFormatter
except ImportError:
    raise MissingExtraError("matplotlib", "plot", "drawing plots") from None

Real = npt.NDArray[np.floating]
F64 = npt.NDArray[np.float64]

BENIGN, ATTACK, CURVE, INK, MUTED, GRID = "#4c8bb5", "#d1495b", "#1b4965", "#222222", "#7a8089", "#e6e8eb"
MARKERS = (("o", "#f2c14e"), ("s", "#f08a4b"), ("^", "#d1495b"), ("D", "#7b2d43"))
POINTS = 4000


def draw(
    folder: str | Path, labels: Labels, surprise: Real, thresholds: Mapping[str, float], title: str
) -> list[Path]:
    """Draw all plots that the labels allow.

    Parameters
    ----------
    folder
        Made if need be; gets ``roc.png``, ``precision_recall.png`` and ``scores.png``.
    labels, surprise, thresholds
        As for ``metrics.figures``.
    title
        What was evaluated, told small above each plot.

    Returns
    -------
    list of Path
        Without attacks or without benign flows only the histogram.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    attack, value = labels.attack[labels.labelled], surprise[labels.labelled]
    plots: dict[str, Figure] = {}
    if attack.any() and not attack.all():
        c = curve(attack, value)
        plots["roc.png"] = roc(c, thresholds, title)
        plots["precision_recall.png"] = precision_recall(c, thresholds, title)
    plots["scores.png"] = histogram(value[~attack], value[attack], thresholds, title)
    for name, figure in plots.items():
        FigureCanvasAgg(figure).print_png(folder / name)
    return [folder / name for name in plots]


def roc(c: Curve, thresholds: Mapping[str, float], title: str) -> Figure:
    """ROC curve; inside it the low false-positive rates, where detectors are used, on a logarithmic axis."""
    figure, axes = _figure(f"ROC curve, area {roc_auc(c):.4f}", title)
    keep = _thinned(c.fpr, c.tpr)
    fpr, tpr = np.append(0, c.fpr[keep]), np.append(0, c.tpr[keep])
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (2, 3)))
    axes.plot(fpr, tpr, color=CURVE, lw=2)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.set_xlabel("benign flows flagged (false-positive rate)")
    axes.set_ylabel("attacks found (true-positive rate)")
    _shares(axes)
    inset = axes.inset_axes((0.37, 0.13, 0.60, 0.62))
    # a rate of 0 is drawn at half a flow
    low = 0.5 / int(c.false[-1])
    inset.plot(np.maximum(fpr, low), tpr, color=CURVE, lw=1.6, clip_on=False)
    marked = _mark(inset, {b: (max(x, low), y) for b, (x, y) in _points(c, thresholds, c.fpr, c.tpr).items()})
    inset.set_xscale("log")
    inset.set(xlim=(low, 1), ylim=(-0.02, 1.03))
    inset.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g}%"))
    inset.xaxis.set_minor_formatter(NullFormatter())
    inset.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    inset.tick_params(labelsize=7.5, colors=INK)
    inset.grid(color=GRID, lw=0.6)
    _legend(figure, marked, "inside: the same, low rates stretched; alert budgets:")
    return figure


def precision_recall(c: Curve, thresholds: Mapping[str, float], title: str) -> Figure:
    """Precision over recall; the dotted line is what guessing gives."""
    figure, axes = _figure(f"Precision and recall, average precision {average_precision(c):.4f}", title)
    prevalence = c.true[-1] / (c.true[-1] + c.false[-1])
    keep = _thinned(c.tpr, c.precision)
    axes.axhline(prevalence, color=MUTED, lw=1, ls=(0, (2, 3)))
    high = prevalence > 0.5
    axes.annotate(
        f"prevalence {100 * prevalence:.3g} %",
        (0.5, prevalence),
        xytext=(0, -4 if high else 4),
        textcoords="offset points",
        ha="center",
        va="top" if high else "bottom",
        fontsize=8.5,
        color=MUTED,
    )
    axes.plot(c.tpr[keep], c.precision[keep], color=CURVE, lw=2)
    marked = _mark(axes, _points(c, thresholds, c.tpr, c.precision))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
    axes.set_xlabel("attacks found (recall)")
    axes.set_ylabel("attacks among alerts (precision)")
    _shares(axes)
    _legend(figure, marked, "alert budgets:")
    return figure


def histogram(benign: Real, attack: Real, thresholds: Mapping[str, float], title: str) -> Figure:
    """Surprise of benign flows and of attacks, each as shares of its own kind, with the thresholds."""
    figure, axes = _figure("Surprise of benign flows and of attacks", title)
    kinds = [
        (values, colour, name)
        for values, colour, name in ((benign, BENIGN, "benign"), (attack, ATTACK, "attacks"))
        if values.size
    ]
    # most of both kinds; what lies beyond counts in the last bin
    high = max(
        [1.12 * t for t in thresholds.values()] + [float(np.quantile(v, 0.995)) * 1.05 for v, *_ in kinds]
    )
    edges = np.linspace(0, high, 91)
    lowest = 1.0
    for values, colour, name in kinds:
        share = np.histogram(np.minimum(values, high * (1 - 1e-6)), edges)[0] / values.size
        lowest = min(lowest, float(share[share > 0].min()))
        label = f"{name}, {values.size:,} flows"
        axes.stairs(share, edges, fill=True, color=colour, alpha=0.4)
        axes.stairs(share, edges, color=colour, lw=1.3, label=label)
    axes.set_yscale("log")
    # room for the labels above 100 %
    axes.set(xlim=(0, high), ylim=(lowest / 2, 12))
    axes.yaxis.set_major_locator(FixedLocator([10.0**k for k in range(int(np.log10(lowest)) - 1, 1)]))
    for i, (budget, limit) in enumerate(sorted(thresholds.items(), key=lambda item: item[1])):
        height = 0.83 + 0.045 * (i % 4)
        axes.axvline(limit, color=INK, lw=1, ls=(0, (4, 3)), ymax=height + 0.03)
        axes.annotate(
            budget_name(budget),
            (limit, height),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=8.5,
            color=INK,
        )
    axes.set_xlabel("surprise in nats (dashed: thresholds of the alert budgets)")
    axes.set_ylabel("share of the flows of each kind")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
    figure.legend(loc="outside lower center", frameon=False, fontsize=8.5, ncols=2)
    return figure


def _figure(head: str, title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7, 4.9), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.set_title(f"{head}\n", loc="left", fontsize=12, color=INK)
    axes.text(0, 1.02, title, transform=axes.transAxes, fontsize=8.5, color=MUTED)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, colors=INK)
    axes.grid(color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _mark(axes: Any, points: dict[str, tuple[float, float]]) -> list[Any]:
    """Markers of the budgets, and handles for the legend."""
    out = []
    for i, (budget, (x, y)) in enumerate(points.items()):
        shape, colour = MARKERS[i % len(MARKERS)]
        out += axes.plot(
            x, y, shape, ms=6, color=colour, mec="white", mew=0.7, zorder=3, clip_on=False, ls="none",
            label=budget_name(budget),
        )  # fmt: skip
    return out


def _legend(figure: Figure, handles: list[Any], title: str) -> None:
    if not handles:
        return
    # the title as an entry without a marker, so that all stands in one line
    head = Line2D([], [], ls="none", label=title)
    legend = figure.legend(
        handles=[head, *handles], loc="outside lower center", frameon=False, fontsize=8.5, handletextpad=0.2,
        columnspacing=1.2, ncols=1 + len(handles),
    )  # fmt: skip
    legend.set_in_layout(True)


def _shares(axes: Any) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _points(c: Curve, thresholds: Mapping[str, float], x: F64, y: F64) -> dict[str, tuple[float, float]]:
    """Where each budget's threshold lies on a curve; budgets that flag nothing are left out."""
    flagged = {
        b: int(np.searchsorted(-c.threshold, -np.float32(t), side="right")) for b, t in thresholds.items()
    }
    return {b: (float(x[n - 1]), float(y[n - 1])) for b, n in flagged.items() if n}


def _thinned(x: F64, y: F64) -> npt.NDArray[np.int64]:
    """Positions of a curve's points that a picture can show: a few thousand, evenly along the curve."""
    if x.shape[0] <= POINTS:
        return np.arange(x.shape[0])
    along = np.cumsum(np.abs(np.diff(x, prepend=0)) + np.abs(np.diff(y, prepend=0)))
    even = np.searchsorted(along, np.linspace(0, along[-1], POINTS))
    # the low false-positive rates are drawn on a logarithmic axis: the first points all count
    return np.unique(np.concatenate([np.arange(POINTS), np.minimum(even, x.shape[0] - 1)]))
