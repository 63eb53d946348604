"""Metrics: detection quality of the surprise, at thresholds that are independent of labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.threshold import score_of_surprise
from morpheus_gae.evaluate.curves import average_precision, curve, roc_auc, youden
from morpheus_gae.evaluate.labels import UNNAMED, Labels

Bool = npt.NDArray[np.bool_]
Real = npt.NDArray[np.floating]

F1_BUDGET = "0.01"
"""Alert budget at which ``macro_f1`` and a class's ``tpr`` are taken."""


def figures(
    labels: Labels,
    surprise: Real,
    thresholds: Mapping[str, float],
    *,
    supported: Collection[str] | None = None,
    bad_records: int = 0,
    decided: Mapping[str, Bool] | None = None,
) -> dict[str, Any]:
    """Compute all metrics of one stream, as plain values for JSON.

    Parameters
    ----------
    labels
        Of E flows; unlabelled ones are left out.
    surprise
        float [E], finite, in nats. Figures are taken on it rather than on the score, which saturates.
    thresholds
        Threshold on the surprise for each alert budget (a fraction, as text).
    supported
        Budgets backed by enough validation flows; None: all.
    bad_records
        Number of records that could not be scored; copied to the result.
    decided
        bool [E] flagged flows at each budget, if not by a fixed threshold.

    Returns
    -------
    dict
        ``flows``, ``attacks``, ``benign``, ``unlabelled``, ``bad_records``, ``prevalence``;
        ``roc_auc``, ``average_precision``;
        ``budgets``: for each budget ``tpr``, ``fpr`` (realised), ``precision``, ``flagged``, ``threshold``
        (score), ``surprise_threshold``, ``supported``;
        ``macro_f1``: mean of the F1 of attacks and of benign flows, at the 1 % budget;
        ``youden``: the same without ``supported``, and ``macro_f1``, at the threshold that the labels
        choose: only for comparison with published tables;
        ``per_attack``: for each class ``flows``, ``tpr`` (1 % budget), ``tpr_by_budget``;
        ``notes``: why figures are None. A figure that needs attacks or benign flows is None without them.
    """
    keep = labels.labelled
    attack, kind, value = labels.attack[keep], labels.kind[keep], surprise[keep]
    attacks = int(attack.sum())
    benign = int(attack.shape[0]) - attacks
    both = attacks > 0 and benign > 0
    out: dict[str, Any] = {
        "flows": len(labels),
        "attacks": attacks,
        "benign": benign,
        "unlabelled": int((~keep).sum()),
        "bad_records": bad_records,
        "prevalence": attacks / (attacks + benign) if attacks + benign else None,
        "roc_auc": None,
        "average_precision": None,
        "macro_f1": None,
        "youden": None,
        "budgets": {},
        "per_attack": {},
        "notes": [],
    }
    flagged = {b: value >= np.float32(t) for b, t in thresholds.items()}
    if decided is not None:
        flagged = {b: decided[b][keep] for b in thresholds}
    for budget, limit in thresholds.items():
        out["budgets"][budget] = {
            **_at(attack, flagged[budget], limit),
            "supported": supported is None or budget in supported,
        }
    if not both:
        out["notes"].append(
            f"{attacks:,} attacks and {benign:,} benign flows: figures that need both are not given"
        )
    else:
        c = curve(attack, value)
        best = youden(c)
        limit = float(c.threshold[best])
        hit = value >= c.threshold[best]
        out["roc_auc"], out["average_precision"] = roc_auc(c), average_precision(c)
        out["youden"] = {**_at(attack, hit, limit), "macro_f1": macro_f1(attack, hit)}
        if F1_BUDGET in flagged:
            out["macro_f1"] = macro_f1(attack, flagged[F1_BUDGET])
    out["per_attack"] = _per_attack(kind[attack], labels.kinds, {b: f[attack] for b, f in flagged.items()})
    return out


def macro_f1(attack: Bool, flagged: Bool) -> float:
    """Return the mean F1 of both classes, attacks and benign flows; bool [E] each."""
    true, false = int((attack & flagged).sum()), int((~attack & flagged).sum())
    missed, left = int((attack & ~flagged).sum()), int((~attack & ~flagged).sum())
    wrong = false + missed
    return (_ratio(2 * true, 2 * true + wrong) or 0.0) / 2 + (_ratio(2 * left, 2 * left + wrong) or 0.0) / 2


def _at(attack: Bool, flagged: Bool, limit: float) -> dict[str, Any]:
    """Compute the metrics at one threshold."""
    true, all_flagged, attacks = int((attack & flagged).sum()), int(flagged.sum()), int(attack.sum())
    return {
        "tpr": _ratio(true, attacks),
        "fpr": _ratio(all_flagged - true, int(attack.shape[0]) - attacks),
        "precision": _ratio(true, all_flagged),
        "flagged": all_flagged,
        "threshold": float(score_of_surprise(limit)),
        "surprise_threshold": float(limit),
    }


def _per_attack(
    kind: npt.NDArray[np.int32], kinds: tuple[str, ...], flagged: Mapping[str, Bool]
) -> dict[str, Any]:
    """Return the flagged share of each class, most frequent first; ``kind`` and ``flagged`` of attacks."""
    names = (*kinds, UNNAMED)
    # an unnamed class is -1, and so the last bin
    index = np.where(kind < 0, len(kinds), kind)
    flows = np.bincount(index, minlength=len(names))
    hits = {b: np.bincount(index[f], minlength=len(names)) for b, f in flagged.items()}
    out = {}
    for i in np.argsort(-flows, kind="stable"):
        if not flows[i] or (not kinds and i == len(kinds)):
            continue
        by_budget = {b: _ratio(int(h[i]), int(flows[i])) for b, h in hits.items()}
        out[names[i]] = {
            "flows": int(flows[i]),
            "tpr": by_budget.get(F1_BUDGET),
            "tpr_by_budget": by_budget,
        }
    return out


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
