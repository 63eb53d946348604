from __future__ import annotations

import json
import math

import numpy as np
import pytest

from morpheus_gae.evaluate.labels import Labels
from morpheus_gae.evaluate.metrics import figures, macro_f1

THRESHOLDS = {"0.0001": 8.0, "0.001": 6.0, "0.01": 4.0, "0.02": 2.0}


def hand() -> tuple[Labels, np.ndarray]:
    """5 attacks (3 DoS, 2 scan) and 5 benign flows, and one flow without a label."""
    attack = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    labelled = np.arange(11) < 10
    kind = np.array([0, 0, 0, 1, 1, -1, -1, -1, -1, -1, -1], np.int32)
    surprise = np.array([9, 7, 5, 4, 1, 5, 3, 0.5, 0.4, 0.3, 99], np.float32)
    return Labels(attack, labelled, kind, ("DoS", "scan")), surprise


def test_hand_computed() -> None:
    found = figures(*hand(), THRESHOLDS, supported=("0.01", "0.02"), bad_records=3)
    assert (found["flows"], found["attacks"], found["benign"], found["unlabelled"]) == (11, 5, 5, 1)
    assert (found["bad_records"], found["prevalence"], found["notes"]) == (3, 0.5, [])
    one = found["budgets"]["0.01"]
    # a surprise of exactly the threshold is flagged
    assert (one["tpr"], one["fpr"], one["flagged"], one["surprise_threshold"]) == (0.8, 0.2, 5, 4.0)
    assert one["precision"] == 0.8
    assert one["threshold"] == pytest.approx(1 - math.exp(-4))
    assert [b["supported"] for b in found["budgets"].values()] == [False, False, True, True]
    assert [b["tpr"] for b in found["budgets"].values()] == [0.2, 0.4, 0.8, 0.8]
    assert [b["fpr"] for b in found["budgets"].values()] == [0.0, 0.0, 0.2, 0.4]
    # of both classes: 4 right, 1 flagged wrongly, 1 missed
    assert found["macro_f1"] == pytest.approx(0.8)
    assert (found["youden"]["tpr"], found["youden"]["fpr"]) == (0.8, 0.2)
    assert found["youden"]["surprise_threshold"] == 4
    # 25 pairs of attack and benign flow: 5 v 5 is a tie, 4 < 5, 1 < 5 and 1 < 3
    assert found["roc_auc"] == pytest.approx((25 - 3 - 0.5) / 25)
    assert found["per_attack"] == {
        "DoS": {
            "flows": 3,
            "tpr": 1.0,
            "tpr_by_budget": {"0.0001": 1 / 3, "0.001": 2 / 3, "0.01": 1.0, "0.02": 1.0},
        },
        "scan": {
            "flows": 2,
            "tpr": 0.5,
            "tpr_by_budget": {"0.0001": 0.0, "0.001": 0.0, "0.01": 0.5, "0.02": 0.5},
        },
    }
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("attacks", [0, 4])
def test_one_kind_only(attacks: int) -> None:
    attack = np.arange(4) < attacks
    labels = Labels(attack, np.ones(4, bool), np.where(attack, 0, -1).astype(np.int32), ("DoS",))
    found = figures(labels, np.array([1, 3, 5, 7], np.float32), THRESHOLDS)
    for name in ("roc_auc", "average_precision", "macro_f1", "youden"):
        assert found[name] is None
    one = found["budgets"]["0.01"]
    assert (one["tpr"], one["fpr"]) == ((0.5, None) if attacks else (None, 0.5))
    assert len(found["notes"]) == 1
    json.dumps(found, allow_nan=False)


def test_no_flow_at_all() -> None:
    nothing = np.zeros(0, bool)
    found = figures(Labels(nothing, nothing, np.zeros(0, np.int32)), np.zeros(0, np.float32), THRESHOLDS)
    assert found["prevalence"] is None
    assert found["budgets"]["0.01"]["tpr"] is None


def test_thresholds_are_compared_in_float32() -> None:
    labels = Labels(np.array([True, False]), np.ones(2, bool), np.full(2, -1, np.int32))
    found = figures(labels, np.array([0.1, 0.0], np.float32), {"0.01": 0.1})
    assert found["budgets"]["0.01"]["tpr"] == 1.0


def test_unnamed_classes_are_counted() -> None:
    labels = Labels(np.ones(3, bool), np.ones(3, bool), np.array([-1, 0, -1], np.int32), ("DoS",))
    found = figures(labels, np.array([9, 9, 0], np.float32), THRESHOLDS)
    assert {name: c["flows"] for name, c in found["per_attack"].items()} == {"unnamed": 2, "DoS": 1}
    assert found["per_attack"]["unnamed"]["tpr"] == 0.5


def test_macro_f1() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    attack, flagged = rng.random((2, 50)) < 0.3
    assert macro_f1(attack, flagged) == pytest.approx(metrics.f1_score(attack, flagged, average="macro"))
    assert macro_f1(np.array([True, False]), np.array([False, False])) == pytest.approx(1 / 3)
