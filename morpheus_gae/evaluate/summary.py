"""Summary: mean and standard deviation of metrics over seeds."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

BUDGETS = ("0.001", "0.01", "0.02")
SUMMARY = ("roc_auc", "average_precision", "macro_f1", "youden_tpr", "youden_fpr")


def of_stream(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The runs of one stream by detector.

    Returns
    -------
    dict
        ``flows``, ``attacks``, ``prevalence`` (means over the runs) and ``detectors``: for each its
        ``summary``.
    """
    names = list(dict.fromkeys(r["detector"] for r in runs))
    known = {key: [r[key] for r in runs if r[key] is not None] for key in ("flows", "attacks", "prevalence")}
    return {
        **{key: mean(values) if values else None for key, values in known.items()},
        "detectors": {name: summary([r for r in runs if r["detector"] == name]) for name in names},
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over seeds of one detector's figures.

    Returns
    -------
    dict
        ``roc_auc``, ``average_precision``, ``macro_f1``, ``youden_tpr``, ``youden_fpr``; ``budgets``: for
        each budget ``tpr``, ``fpr`` and ``precision``, None where a run had too few validation flows for
        that budget; ``per_attack``: ``flows`` (mean) and ``tpr`` at the 1 % budget, None likewise. A value
        is ``{mean, sd}``; sd is None for one seed. ``own``: ``tpr`` and ``fpr`` at the detector's own
        threshold, if it has one.
    """
    flat = [{**r, **{f"youden_{k}": (r["youden"] or {}).get(k) for k in ("tpr", "fpr")}} for r in runs]
    classes = list(dict.fromkeys(name for r in runs for name in r["per_attack"]))
    refused = not all(r["budgets"]["0.01"]["supported"] for r in runs)
    budgets: dict[str, Any] = {}
    for budget in BUDGETS:
        of = [r["budgets"][budget] for r in runs]
        budgets[budget] = (
            {key: spread([b[key] for b in of]) for key in ("tpr", "fpr", "precision")}
            if all(b["supported"] for b in of)
            else None
        )
    per_attack = {}
    for name in classes:
        # a stream that samples the attacks may lack a rare class now and then
        of = [r["per_attack"][name] for r in runs if name in r["per_attack"]]
        per_attack[name] = {
            "flows": mean(c["flows"] for c in of),
            "tpr": None if refused else spread([c["tpr"] for c in of]),
        }
    out: dict[str, Any] = {key: spread([r[key] for r in flat]) for key in SUMMARY}
    if refused:
        # it is taken at the 1 % budget
        out["macro_f1"] = None
    own = [r["own"] for r in runs if "own" in r]
    if own:
        out["own"] = {key: spread([o[key] for o in own]) for key in ("tpr", "fpr")}
    return {**out, "budgets": budgets, "per_attack": per_attack}


def spread(values: list[float | None]) -> dict[str, float | None] | None:
    """``{mean, sd}`` of the values that are known; None if none is."""
    known = [v for v in values if v is not None]
    if not known:
        return None
    return {"mean": mean(known), "sd": stdev(known) if len(known) > 1 else None}
