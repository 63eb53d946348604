from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.evaluate.metrics import figures
from morpheus_gae.report.rescored import BINS, WIDTH, Rescored
from tests.support import make_flows

KINDS = ("Benign", "scan", "leak")


def counted(kinds: list[int], surprise: np.ndarray, parts: int = 1, timed: bool = True) -> Rescored:
    flows = make_flows(len(kinds))
    table = pa.table({"Attack": [KINDS[k] for k in kinds]})
    flows = dataclasses.replace(flows, table=table, time_ms=flows.time_ms if timed else None)
    found = Rescored(5.0)
    for rows in np.array_split(np.arange(len(kinds)), parts):
        if rows.size:
            found.add(flows.slice(int(rows[0]), int(rows[-1]) + 1), surprise[rows])
    return found


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 900)), min_size=1, max_size=60), st.integers(1, 4)
)
def test_figures_are_those_of_evaluate(flows: list[tuple[int, int]], parts: int) -> None:
    kinds = [k for k, _ in flows]
    # in the middle of a bin, so that bins lose nothing
    surprise = (np.array([s for _, s in flows]) + 0.5) * WIDTH
    found = counted(kinds, surprise, parts)
    labels = labels_of(pa.table({"Attack": [KINDS[k] for k in kinds]}))
    told = figures(labels, surprise, {"0.01": 5.0})
    detection = found.detection()
    if told["roc_auc"] is None:
        assert detection is None
        return
    assert detection is not None
    assert found.flagged == told["budgets"]["0.01"]["flagged"]
    whole = detection["curves"][0]
    assert math.isclose(whole["roc_auc"], told["roc_auc"], abs_tol=1e-4)
    assert math.isclose(whole["average_precision"], told["average_precision"], abs_tol=1e-4)
    assert {c["name"]: c["flows"] for c in detection["curves"][1:]} == {
        name: kind["flows"] for name, kind in told["per_attack"].items()
    }
    for curve in detection["curves"]:
        assert curve["fpr"][-1] == curve["tpr"][-1] == 1
        assert curve["fpr"] == sorted(curve["fpr"])


@pytest.mark.parametrize("timed", [True, False])
def test_drift_and_distribution(timed: bool) -> None:
    surprise = np.r_[np.full(99, 1.01), 9.01]
    found = counted([0] * 100, surprise, 3, timed)
    drift = found.drift()
    assert drift["timed"] is timed
    assert sum(drift["flows"]) == 100
    assert sum(drift["flagged"]) == 1
    assert drift["median"][0] == 1.01
    told = found.distribution()
    assert told["surprise"] == [1.0, 9.0]
    assert told["share"] == [1.0, 0.01]
    assert found.detection() is None


def test_far_flows_are_counted() -> None:
    found = counted([0, 1], np.array([0.0, 1e9]))
    assert found.distribution()["surprise"] == [0.0, round((BINS - 1) * WIDTH, 2)]
    assert found.distribution()["share"] == [1.0, 0.5]
