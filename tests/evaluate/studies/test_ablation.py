from __future__ import annotations

import json
from typing import Any

import pytest

from morpheus_gae.evaluate.detectors import RULES
from morpheus_gae.evaluate.studies.ablation import ANEW, BASE, SAME, ablated, lines, variants, weights_of
from morpheus_gae.evaluate.studies.protocols import parse
from morpheus_gae.evaluate.studies.suite import SuitePlan, Watch, run_suite
from morpheus_gae.evaluate.studies.suite_tables import page
from morpheus_gae.flows.frame import concat
from morpheus_gae.model.spec import ModelSpec, preset
from tests.evaluate.make import campaign_flows, timed_benign


def test_each_variant_differs_from_the_default_in_one_part() -> None:
    base = preset(BASE)
    for name, spec in variants().items():
        a, b = spec.as_dict(), base.as_dict()
        differ = {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)}
        # activity is added where evidence is, lift is told by flow types
        along = {
            "without evidence": {"activity", "partners"},
            "without activity": {"partners"},
            "without flow types": {"lift"},
        }
        (part,) = differ - along.get(name, set())
        assert name.startswith("with ") == bool(a.get(part)), name
    assert {"without evidence", "without prefixes", "without flow types"} <= variants().keys()
    # nothing to take out, nothing that may be put in
    plain = variants(ModelSpec(evidence=False))
    assert "without evidence" not in plain
    assert "without activity" in variants(ModelSpec(evidence=True, activity=True))
    assert "with partners" in variants(ModelSpec(evidence=True, activity=True))
    assert not {"with partners", "without partners"} & variants(ModelSpec(evidence=True)).keys()
    assert weights_of("with activity") == weights_of("without evidence") == weights_of("without lift") == SAME
    assert weights_of("without prefixes") == ANEW


def run(detector: str, auc: float | None, found: float, supported: bool = True) -> dict[str, Any]:
    budget = {"tpr": found, "fpr": 0.01, "precision": 0.5, "supported": supported}
    return {
        "set": "one", "protocol": "as_is", "stream": "camo", "attackers": "all", "seed": 0,
        "detector": detector, "flows": 10, "attacks": 5, "prevalence": 0.5, "roc_auc": auc,
        "average_precision": auc, "macro_f1": None, "youden": None, "per_attack": {},
        "budgets": dict.fromkeys(("0.001", "0.01", "0.02"), budget),
    }  # fmt: skip


def test_change_is_over_what_both_have() -> None:
    runs = [run(BASE, 0.9, 0.5), run("without prefixes", 0.8, 0.25), run("unseen pair", 0.1, 0.1)]
    more = [run(BASE, None, 0.5, False), run("without prefixes", None, 0.1, False), run(BASE, 0.9, 0.5)]
    more[0]["set"] = more[1]["set"] = "two"
    more[2]["set"] = "three"
    found = ablated(runs + more)
    assert list(found["parts"]) == ["without prefixes"]
    change = found["parts"]["without prefixes"]["change"]
    assert change["roc_auc"] == pytest.approx(-0.1)
    assert change["budgets"]["0.01"] == {"tpr": pytest.approx(-0.25), "fpr": pytest.approx(0)}
    text = "\n".join(lines(found, 1))
    assert "| one, as_is, camo | AUC | 0.900 | 0.800 |" in text
    assert "|  | 1 % | 50.0 / 1.00 | 25.0 / 1.00 |" in text
    assert "| two, as_is, camo | AUC | - | - |" in text
    assert "| three, as_is, camo | AUC | 0.900 | - |" in text
    assert "| without prefixes | fitted anew | -0.1000 | -0.1000 | -25.0, +0.00 | -25.0, +0.00 |" in text
    assert ablated([run(BASE, 0.9, 0.5)]) == {}


def test_in_a_suite() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    steps: list[str] = []
    plan = SuitePlan(
        parse(["temporal"]), ("default",), ("burst20",), seeds=1, epochs=1, ablation=True, graph_size=2000
    )

    def flows() -> Any:
        return concat([timed_benign(3000, 150.0), campaign_flows(first_row=3000)])

    found = run_suite({"one": flows}, plan, watch=Watch(step=steps.append))
    assert found["failures"] == []
    assert len(steps) == plan.steps(1) == 1 + len(variants()) + len(RULES)
    assert list(found["results"][0]["detectors"]) == [BASE, *RULES]
    assert list(found["ablation"]["parts"]) == list(variants())
    assert list(found["ablation"]["results"][0]["detectors"]) == [BASE, *variants()]
    json.dumps(found, allow_nan=False)
    text = page(found)
    assert text.index("## Overview") < text.index("## Ablation: one seed") < text.index("## one")
