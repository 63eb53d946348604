"""Suite tables: formats a suite as one page of Markdown, with the summary first."""

from __future__ import annotations

from typing import Any

from morpheus_gae.evaluate.detectors import ADAPTIVE, LEARNING
from morpheus_gae.evaluate.studies import ablation
from morpheus_gae.evaluate.studies.over_time import TENTHS
from morpheus_gae.evaluate.summary import BUDGETS
from morpheus_gae.evaluate.tables import NONE, budget_name, marked, of_detectors, over, percent, spread, table

SHORT = ("0.001", "0.01")
"""Budgets of the first tables."""
FOLLOW = {LEARNING: "as it learns", ADAPTIVE: "as it follows"}
"""Detectors that have one threshold alone, and what it does."""


def page(found: dict[str, Any]) -> str:
    """A suite as Markdown.

    Parameters
    ----------
    found
        As ``suite.run_suite`` gives it.
    """
    lines = ["# Evaluation", "", *_sets(found)]
    if found["results"]:
        lines += _overview(found)
    if "ablation" in found:
        lines += ablation.lines(found["ablation"], found["seeds"])
    for name in found["sets"]:
        mine = [r for r in found["results"] if r["set"] == name]
        if mine:
            lines += [f"## {marked(name)}", ""]
        for result in mine:
            lines += _result(result)
    if found["failures"]:
        lines += ["## Not measured", ""]
        for f in found["failures"]:
            where = " ".join(filter(None, (f["set"], f["protocol"], f["detector"])))
            lines.append(f"- {marked(where)}: {marked(f['reason'])}")
        lines.append("")
    return "\n".join(lines)


def _sets(found: dict[str, Any]) -> list[str]:
    rows = [["set", "flows", "attacks", "prevalence", "hours", "classes"]]
    for name, s in found["sets"].items():
        classes = ", ".join(f"{marked(k)} {n:,}" for k, n in s["classes"].items())
        hours = NONE if s["hours"] is None else f"{s['hours']:,.1f}"
        rows.append(
            [
                marked(name),
                f"{s['flows']:,}",
                f"{s['attacks']:,}",
                percent(s["prevalence"], 1),
                hours,
                classes,
            ]
        )
    return [*table(rows), ""]


def _overview(found: dict[str, Any]) -> list[str]:
    """One table for the ranking and one for each of the budgets, a row for each set, protocol and stream."""
    names = list(dict.fromkeys(d for r in found["results"] for d in r["detectors"]))
    lines = [f"## Overview: {over(found['seeds'])}", ""]
    head = ["set, protocol, stream", *map(marked, names)]

    def rows_of(cell: Any) -> list[str]:
        return table(
            [head]
            + [
                [_where(r), *(cell(r["detectors"][n]) if n in r["detectors"] else NONE for n in names)]
                for r in found["results"]
            ]
        )

    lines += ["Area under the ROC curve.", "", *rows_of(lambda d: spread(d["roc_auc"], 1, 3)), ""]
    for budget in SHORT:
        lines += [
            f"Attacks found / benign flows flagged, in %, alert budget {budget_name(budget)}.",
            "",
            *rows_of(lambda d, budget=budget: _pair(d["budgets"][budget])),
            "",
        ]
    return lines


def _where(r: dict[str, Any]) -> str:
    attackers = {"all": "", "others": ", other attackers", "same": ", same attackers"}[r["attackers"]]
    return f"{marked(r['set'])}, {r['protocol']}, {r['stream']}{attackers}"


def _result(r: dict[str, Any]) -> list[str]:
    facts = r["facts"]
    attackers = {
        "all": "",
        "others": ", attackers other than those hidden in training",
        "same": ", other campaigns of the attackers hidden in training",
    }[r["attackers"]]
    trained = f"Trained on {facts.get('train_flows', 0):,.0f} flows"
    if r["trained_on"]:
        trained += " of " + ", ".join(marked(n) for n in r["trained_on"])
    elif not facts.get("train_flows"):
        trained = "Trained before"
    if "hidden_flows" in facts:
        trained += (
            f", {facts['hidden_flows']:,.0f} of them attacks ({percent(facts['hidden_share'])}) of "
            f"{facts['hidden_campaigns']:,.0f} campaigns"
        )
        if facts["cut"]:
            trained += ", the smallest cut short"
    lines = [
        f"### Protocol {r['protocol']}, stream {r['stream']}{attackers}: {r['flows']:,.0f} flows, "
        f"prevalence {percent(r['prevalence'], 1)}",
        "",
        f"{trained}; {over(r['seeds'])}.",
        "Attacks found / benign flows flagged, in %, at thresholds from validation flows; - where these are "
        "too few.",
        "",
        *of_detectors(r["detectors"]),
    ]
    if any("over_time" in d for d in r["detectors"].values()):
        lines += _over_time(r["detectors"])
    return lines


def _over_time(detectors: dict[str, Any]) -> list[str]:
    told = {name: d["over_time"] for name, d in detectors.items() if "over_time" in d}
    first = next(iter(told.values()))
    by = "spans of time" if first["by"] == "time" else "numbers of flows"
    lines = [f"Over time, in ten equal {by}; adaptive thresholds follow the stream.", ""]
    rows = [["detector", *(f"adaptive, budget {budget_name(b)}" for b in BUDGETS)]]
    rows += [[marked(n), *(_pair(t["adaptive"][b]) for b in BUDGETS)] for n, t in told.items()]
    lines += [*table(rows), ""]
    for budget in SHORT:
        lines += [f"Benign flows flagged in each tenth, in %, budget {budget_name(budget)}:", ""]
        rows = [["detector, threshold", *(str(i + 1) for i in range(TENTHS))]]
        rows.append(["benign flows", *(f"{t['benign']:,.0f}" for t in first["tenths"])])
        rows.append(["attacks", *(f"{t['attacks']:,.0f}" for t in first["tenths"])])
        for name, t in told.items():
            for way in ("fixed",) if name in FOLLOW else ("fixed", "adaptive"):
                refused = way == "fixed" and detectors[name]["budgets"][budget] is None
                cells = [
                    NONE if refused else spread(part[way][budget]["fpr"], 100, 2) for part in t["tenths"]
                ]
                how = FOLLOW.get(name, way)
                rows.append([f"{marked(name)}, {how}", *cells])
        lines += [*table(rows), ""]
    return lines


def _pair(b: dict[str, Any] | None) -> str:
    return NONE if b is None else f"{spread(b['tpr'])} / {spread(b['fpr'], 100, 2)}"
