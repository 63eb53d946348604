"""Two models on the same flows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.compare import compare, lines, rank_correlation, worse
from morpheus_gae.executors.open import open_executor
from morpheus_gae.model.artifact import Artifact
from tests.evaluate.make import make_flows as labelled_flows
from tests.support import make_flows

finite = st.floats(-100, 100, allow_nan=False, width=32)


@given(st.lists(finite, min_size=2, max_size=40))
def test_rank_correlation_knows_order_alone(values: list[float]) -> None:
    v = np.array(values)
    if np.unique(v).size == 1:
        assert rank_correlation(v, v) is None
        return
    assert rank_correlation(v, v**3) == pytest.approx(1.0)
    assert rank_correlation(v, -v) == pytest.approx(-1.0)


def test_ties_are_at_their_middle_rank() -> None:
    # by hand: ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4
    got = rank_correlation(np.array([0.0, 1, 1, 2]), np.array([0.0, 1, 2, 3]))
    assert got == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_a_model_agrees_with_itself_and_not_with_another(tiny_models: dict[str, Artifact]) -> None:
    flows = make_flows(900)
    default, published = (open_executor(tiny_models[n].path, "cpu") for n in ("default", "published"))
    same = compare([flows], default, default, 400)
    assert same["flows"] == 900
    assert same["rank_correlation"] == pytest.approx(1.0)
    assert all(b["one"] == b["other"] == 0 for b in same["budgets"].values())
    other = compare([flows.slice(0, 500), flows.slice(500, 900)], default, published, 400)
    assert abs(other["rank_correlation"]) < 0.999
    for budget in other["budgets"].values():
        assert budget["both"] + budget["one"] + budget["other"] + budget["neither"] == 900
    assert "no labels" in "\n".join(lines(other)).lower()


def test_quality_is_told_where_there_are_labels(tiny_models: dict[str, Artifact]) -> None:
    attack = ["Benign"] * 300 + ["dos"] * 60
    flows = labelled_flows(np.arange(360) % 7, 8 + np.arange(360) % 5, attack=attack)
    executor = open_executor(tiny_models["default"].path, "cpu")
    found = compare([flows], executor, executor, 200)
    assert found["quality"][0]["attacks"] == 60
    assert found["quality"][0]["roc_auc"] == found["quality"][1]["roc_auc"]
    assert "ROC AUC" in "\n".join(lines(found))


def test_nothing_to_compare_by(tiny_models: dict[str, Artifact]) -> None:
    executor = open_executor(tiny_models["default"].path, "cpu")
    with pytest.raises(InputError, match="nothing to compare"):
        compare([], executor, executor, 200)


def found(flagged: tuple[int, int], quality: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    budget = {"both": 0, "one": flagged[0], "other": flagged[1], "neither": 0, "common": None}
    return {"flows": 1000, "budgets": {"0.01": budget}, "quality": quality}


def figures_of(auc: float, tpr: float, fpr: float) -> dict[str, Any]:
    return {"roc_auc": auc, "budgets": {"0.01": {"tpr": tpr, "fpr": fpr}}}


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        (found((10, 15)), 0),
        (found((10, 16)), 1),
        (found((40, 30)), 0),
        # labels: attacks are flagged, which is no fault
        (found((10, 50), [figures_of(0.99, 0.9, 0.01), figures_of(0.99, 0.9, 0.01)]), 0),
        (found((10, 10), [figures_of(0.99, 0.9, 0.01), figures_of(0.98, 0.9, 0.01)]), 1),
        (found((10, 10), [figures_of(0.99, 0.9, 0.01), figures_of(0.99, 0.8, 0.01)]), 1),
        (found((10, 10), [figures_of(0.99, 0.9, 0.03), figures_of(0.99, 0.8, 0.01)]), 0),
        (found((10, 10), [figures_of(0.9, 0.9, 0.01), figures_of(0.8, 0.5, 0.2)]), 3),
    ],
)
def test_what_is_worse(values: dict[str, Any], reasons: int) -> None:
    assert len(worse(values)) == reasons
