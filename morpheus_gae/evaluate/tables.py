"""Tables: formats metrics for a terminal, and studies as Markdown."""

from __future__ import annotations

import re
from typing import Any

from morpheus_gae.evaluate.summary import BUDGETS
from morpheus_gae.flows.tables.printable import printable

Cell = str
NONE = "-"
_ACTS_IN_MARKDOWN = re.compile(r"[\\`*|<>\[\]]")


def percent(value: float | None, digits: int = 2) -> Cell:
    """A share as text: ``98.31 %``."""
    return NONE if value is None else f"{100 * value:.{digits}f} %"


def budget_name(budget: str) -> str:
    """``"0.001"`` -> ``0.1 %``."""
    return f"{100 * float(budget):g} %"


def aligned(rows: list[list[Cell]]) -> list[str]:
    """Rows as lines: the first column flush left, the others flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]


def text(found: dict[str, Any]) -> str:
    """The figures of one stream, for people at a terminal.

    Parameters
    ----------
    found
        As ``metrics.figures`` gives them.
    """
    budgets = found["budgets"]
    youden = found["youden"] or {}
    lines = [
        f"flows {found['flows']:,}   attacks {found['attacks']:,}   "
        f"prevalence {percent(found['prevalence'])}   unlabelled {found['unlabelled']:,}   "
        f"bad records {found['bad_records']:,}",
        f"ROC AUC {_plain(found['roc_auc'])}   average precision {_plain(found['average_precision'])}   "
        f"macro F1 {_plain(found['macro_f1'])} (at the 1 % budget)",
        "",
    ]
    starred = any(not b["supported"] for b in budgets.values())
    names = [budget_name(b) + ("" if v["supported"] else "*") for b, v in budgets.items()]
    rows = [["", *[""] * len(names), "comparable with"], ["alert budget", *names, "published tables"]]
    for title, key in (("attacks found (TPR)", "tpr"), ("realised FPR", "fpr"), ("precision", "precision")):
        rows.append([title, *(percent(b[key]) for b in budgets.values()), percent(youden.get(key))])
    for title, key, form in (
        ("threshold, score", "threshold", ".6f"),
        ("threshold, nats", "surprise_threshold", ".3f"),
    ):
        cells = [b[key] for b in budgets.values()] + [youden.get(key)]
        rows.append([title, *(NONE if c is None else format(c, form) for c in cells)])
    classes = found["per_attack"]
    if classes:
        rows += [[""] * len(rows[0]), ["found by class", *[""] * (len(rows[0]) - 1)]]
        for name, c in classes.items():
            by = c["tpr_by_budget"]
            rows.append([f"{printable(name)} ({c['flows']:,})", *(percent(by.get(b)) for b in budgets), ""])
    lines += aligned(rows)
    lines.append("")
    if starred:
        lines.append("* extrapolated: the model had too few benign validation flows for this budget")
    lines.append(
        "Thresholds come from the model's benign validation flows. The last column is Youden's point, chosen "
        "with the labels: to compare with published tables, not to expect in use."
    )
    return "\n".join(lines + [f"note: {note}" for note in found["notes"]])


def markdown(found: dict[str, Any]) -> str:
    """A study as Markdown tables.

    Parameters
    ----------
    found
        As ``study.study`` gives it.
    """
    lines: list[str] = []
    seeds = found["seeds"]
    for name, s in found["streams"].items():
        lines += [
            f"### Stream {name}: {s['flows']:,.0f} flows, prevalence {percent(s['prevalence'], 1)}",
            "",
            f"Split {found['split']}, trained on {found['train_flows']:,} benign flows; {over(seeds)}.",
            "Attacks found / benign flows flagged, in %, at thresholds from benign validation flows.",
            "",
            *of_detectors(s["detectors"]),
        ]
    return "\n".join(lines)


def over(seeds: int) -> str:
    """What figures are taken over."""
    return f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"


def of_detectors(detectors: dict[str, Any]) -> list[str]:
    """Lines of the tables of one stream: figures of each detector, and what it finds of each class.

    Parameters
    ----------
    detectors
        ``summary.summary`` by name.
    """
    head = ["detector", "ROC AUC", "AP", *(f"budget {budget_name(b)}" for b in BUDGETS)]
    own = any("own" in d for d in detectors.values())
    rows = [[*head, *(["own threshold"] if own else []), "Youden (comparable with published tables)"]]
    for detector, d in detectors.items():
        cells = [detector, spread(d["roc_auc"], 1, 3), spread(d["average_precision"], 1, 3)]
        for budget in BUDGETS:
            b = d["budgets"][budget]
            cells.append(NONE if b is None else f"{spread(b['tpr'])} / {spread(b['fpr'])}")
        if own:
            cells.append(f"{spread(d['own']['tpr'])} / {spread(d['own']['fpr'])}" if "own" in d else NONE)
        rows.append([*cells, f"{spread(d['youden_tpr'])} / {spread(d['youden_fpr'])}"])
    lines = [*table(rows), ""]
    classes: dict[str, float] = {}
    for d in detectors.values():
        for attack, c in d["per_attack"].items():
            classes.setdefault(attack, c["flows"])
    if classes:
        lines += ["Share of each class found at the 1 % budget, in %:", ""]
        rows = [["class (flows)", *detectors]]
        for attack, flows in sorted(classes.items(), key=lambda item: -item[1]):
            of = [d["per_attack"].get(attack) for d in detectors.values()]
            rows.append(
                [f"{marked(attack)} ({flows:,.0f})", *(NONE if c is None else spread(c["tpr"]) for c in of)]
            )
        lines += [*table(rows), ""]
    return lines


def marked(name: str) -> Cell:
    """A name from outside in a cell of Markdown: nothing in it ends the cell, or is a tag, a link or code."""
    return _ACTS_IN_MARKDOWN.sub(r"\\\g<0>", printable(name))


def table(rows: list[list[Cell]]) -> list[str]:
    """Rows as a table in Markdown, the first as its head."""
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return ["| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]]]


def spread(value: dict[str, float | None] | None, scale: float = 100, digits: int = 1) -> Cell:
    """Mean and standard deviation as text: ``98.3 ± 0.4``."""
    if value is None or value["mean"] is None:
        return NONE
    middle = f"{scale * value['mean']:.{digits}f}"
    return middle if value["sd"] is None else f"{middle} ± {scale * value['sd']:.{digits}f}"


def _plain(value: float | None) -> Cell:
    return NONE if value is None else f"{value:.4f}"
