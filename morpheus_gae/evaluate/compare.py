"""Compare: agreement of two models, and of their alerts, on the same flows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.labels import Labels, join, labels_of
from morpheus_gae.evaluate.metrics import figures
from morpheus_gae.flows.columns import ATTACK, LABEL

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.frame import Flows

Real = npt.NDArray[np.floating]


def compare(batches: Iterable[Flows], one: Executor, other: Executor, graph_size: int) -> dict[str, Any]:
    """Score a stream with two models.

    Parameters
    ----------
    batches
        Valid flows; labels are read only for ``quality``, if present.
    one, other
        Executors with their models.
    graph_size
        Flows of a window.

    Returns
    -------
    dict
        ``flows``; ``models``: name and hash of both; ``rank_correlation``: Spearman's, of the surprise;
        ``budgets``: for each budget that both have, the flows that ``both``, ``one``, ``other`` alone or
        ``neither`` would alert on at their own thresholds, and ``common``, the share of both among all
        alerts (Jaccard), None without alerts; ``quality``: ``evaluate.metrics.figures`` of each, or None
        without labels.

    Raises
    ------
    InputError
        If there are no flows.
    """
    from morpheus_gae.evaluate.score import scored

    surprise: tuple[list[Real], list[Real]] = ([], [])
    labels: list[Labels] = []
    for window, value in scored(batches, one, graph_size):
        surprise[0].append(value)
        (_, second), *_ = scored([window], other, len(window))
        surprise[1].append(second)
        if {LABEL, ATTACK} & set(window.table.column_names):
            labels.append(labels_of(window.table))
    if not surprise[0]:
        raise InputError("no well-formed flow in the input: nothing to compare by")
    values = [np.concatenate(s) for s in surprise]
    artifacts = [one.artifact, other.artifact]
    thresholds = [a.thresholds for a in artifacts]
    budgets = {}
    for budget in (b for b in thresholds[0] if b in thresholds[1]):
        first, second = (v >= np.float32(t[budget]) for v, t in zip(values, thresholds, strict=True))
        both, either = int((first & second).sum()), int((first | second).sum())
        budgets[budget] = {
            "both": both,
            "one": int((first & ~second).sum()),
            "other": int((second & ~first).sum()),
            "neither": first.size - either,
            "common": both / either if either else None,
        }
    labelled = len(labels) == len(surprise[0]) and any(part.labelled.any() for part in labels)
    quality = None
    if labelled:
        truth = join(labels)
        quality = [
            figures(truth, v, a.thresholds, supported=a.supported_budgets)
            for v, a in zip(values, artifacts, strict=True)
        ]
    return {
        "flows": values[0].size,
        "models": [f"{a.name}@{a.hash}" for a in artifacts],
        "rank_correlation": rank_correlation(*values),
        "budgets": budgets,
        "quality": quality,
    }


def worse(found: dict[str, Any]) -> list[str]:
    """Describe why the other model is worse than the first; empty if it is not.

    With labels: its ROC AUC is lower by more than 0.005, or it finds fewer attacks at a budget (by more than
    0.01) without flagging fewer benign flows. In any case: it flags more than the first, and more than 1.5
    times the budget (of benign flows, if known).

    Parameters
    ----------
    found
        See ``compare``.
    """
    from morpheus_gae.evaluate.tables import budget_name, percent

    reasons = []
    quality = found["quality"]
    if quality is not None:
        one, other = (q["roc_auc"] for q in quality)
        if one is not None and other is not None and other < one - 0.005:
            reasons.append(f"ROC AUC {other:.4f}, was {one:.4f}")
    for budget, counts in found["budgets"].items():
        shares = [(counts["both"] + counts[k]) / found["flows"] for k in ("one", "other")]
        if quality is not None:
            cells = [q["budgets"][budget] for q in quality]
            if all(c["fpr"] is not None for c in cells):
                shares = [c["fpr"] for c in cells]
            before, after = (c["tpr"] for c in cells)
            if None not in (before, after) and after < before - 0.01 and shares[1] >= shares[0]:
                reasons.append(f"finds {percent(after)} at {budget_name(budget)}, was {percent(before)}")
        if shares[1] > max(shares[0], 1.5 * float(budget)):
            reasons.append(f"flags {percent(shares[1])} at {budget_name(budget)}, was {percent(shares[0])}")
    return reasons


def rank_correlation(one: Real, other: Real) -> float | None:
    """Return Spearman's rho (1904) with mid-ranks for ties; None if one is constant."""
    a, b = (_ranks(v) for v in (one, other))
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else None


def _ranks(values: Real) -> npt.NDArray[np.float64]:
    _, at, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[at.reshape(-1)], np.float64)


def lines(found: dict[str, Any]) -> list[str]:
    """Format the comparison for a terminal."""
    from morpheus_gae.evaluate.tables import aligned, budget_name, percent

    rho = found["rank_correlation"]
    out = [
        f"one    {found['models'][0]}",
        f"other  {found['models'][1]}",
        f"{found['flows']:,} flows; rank correlation of the surprise {'-' if rho is None else f'{rho:.4f}'}",
        "",
    ]
    rows = [["alerts at the budget", "of both", "of one alone", "of the other", "in common"]]
    rows += [
        [budget_name(b), *(f"{v[k]:,}" for k in ("both", "one", "other")), percent(v["common"])]
        for b, v in found["budgets"].items()
    ]
    out += aligned(rows)
    if found["quality"] is None:
        return [*out, "", "No labels: which of them finds more is not told."]
    rows = [["", "one", "other"]]
    one, other = found["quality"]
    for title, key in (("ROC AUC", "roc_auc"), ("average precision", "average_precision")):
        rows.append([title, *("-" if q[key] is None else f"{q[key]:.4f}" for q in (one, other))])
    for budget in found["budgets"]:
        cells = [q["budgets"][budget] for q in (one, other)]
        rows.append(
            [
                f"found / flagged at {budget_name(budget)}",
                *(f"{percent(c['tpr'])} / {percent(c['fpr'])}" for c in cells),
            ]
        )
    return [*out, "", *aligned(rows)]
