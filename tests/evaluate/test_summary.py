from __future__ import annotations

import pytest

from morpheus_gae.evaluate.summary import summary


def test_summary_of_a_stream_that_lacks_a_class() -> None:
    told = {"tpr": 0.5, "fpr": 0.1, "precision": 0.5, "supported": True}
    run = {
        "roc_auc": 0.9,
        "average_precision": 0.8,
        "macro_f1": 0.7,
        "youden": None,
        "budgets": dict.fromkeys(("0.001", "0.01", "0.02"), told),
        "per_attack": {},
    }
    other = {**run, "roc_auc": 0.7, "per_attack": {"x": {"flows": 3, "tpr": 1.0}}}
    found = summary([run, other])
    assert found["roc_auc"] == {"mean": pytest.approx(0.8), "sd": pytest.approx(0.2 / 2**0.5)}
    assert found["youden_tpr"] is None
    assert found["per_attack"] == {"x": {"flows": 3, "tpr": {"mean": 1.0, "sd": None}}}
