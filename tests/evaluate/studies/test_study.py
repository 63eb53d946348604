from __future__ import annotations

import json
from pathlib import Path

import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.studies.study import Plan, study
from morpheus_gae.evaluate.tables import markdown
from morpheus_gae.flows.frame import concat
from tests.evaluate.make import attack_flows, benign_flows

RULES = ("unseen host", "unseen pair", "attribute histogram")


def test_comparators_over_seeds() -> None:
    flows = concat([benign_flows(2000), attack_flows(400, first_row=2000)])
    names: list[str] = []
    plan = Plan(split="random", streams=("burst20", "camo"), presets=(), comparators=RULES, seeds=2)
    found = study(flows, plan, step=names.append)
    assert names == [*RULES, *RULES]
    assert len(found["runs"]) == 2 * 2 * 3
    assert found["train_flows"] == 1600
    burst20, camo = found["streams"]["burst20"], found["streams"]["camo"]
    assert burst20["prevalence"] == pytest.approx(0.2)
    # outsiders give themselves away, unless they come on benign pairs
    host = burst20["detectors"]["unseen host"]["per_attack"]["scan"]["tpr"]
    hidden = camo["detectors"]["unseen pair"]["roc_auc"]["mean"]
    assert hidden < 0.6
    # 1,200 training flows hold 240 back: only alert budgets of 5 % and more could be told
    assert host is None
    assert burst20["detectors"]["unseen pair"]["budgets"] == {"0.001": None, "0.01": None, "0.02": None}
    json.dumps(found, allow_nan=False)
    page = markdown(found)
    assert "| unseen pair | " in page
    assert " - | - | - | " in page
    assert "2 seeds" in page


def test_budget_that_is_told() -> None:
    flows = concat([benign_flows(10_000), attack_flows(1000, first_row=10_000)])
    plan = Plan(split="tail", streams=("burst20",), presets=(), comparators=("unseen host",), seeds=1)
    found = study(flows, plan)
    host = found["streams"]["burst20"]["detectors"]["unseen host"]
    assert host["budgets"]["0.001"] is None
    assert host["budgets"]["0.01"]["fpr"]["mean"] < 0.03
    assert host["budgets"]["0.01"]["fpr"]["sd"] is None
    assert host["per_attack"]["scan"]["tpr"]["mean"] == 1.0
    assert "| scan (" in markdown(found)
    assert "one seed" in markdown(found)


def test_needs_both_kinds() -> None:
    with pytest.raises(InputError, match="found 20 and 0 among 20"):
        study(benign_flows(20), Plan(presets=()))


def test_trains_presets(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    flows = concat([benign_flows(1200), attack_flows(200, first_row=1200)])
    plan = Plan(split="random", streams=("burst20",), presets=("default",), comparators=(), seeds=1, epochs=2)
    found = study(flows, plan, keep=tmp_path / "models")
    assert (tmp_path / "models" / "default-0" / "model.safetensors").is_file()
    assert found["streams"]["burst20"]["detectors"]["default"]["roc_auc"]["mean"] > 0.8
