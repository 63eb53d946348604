from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from morpheus_gae.errors import InputError, MissingExtraError
from morpheus_gae.evaluate import detectors
from morpheus_gae.evaluate.detectors import RULES
from morpheus_gae.evaluate.studies.protocols import parse
from morpheus_gae.evaluate.studies.suite import SuitePlan, Watch, run_suite
from morpheus_gae.evaluate.studies.suite_tables import page
from morpheus_gae.flows.frame import Flows, concat
from tests.evaluate.make import benign_flows, campaign_flows, timed_benign


def good() -> Flows:
    return concat([timed_benign(6000, 300.0), campaign_flows(first_row=6000)])


def broken() -> Flows:
    raise InputError("no such file")


def plan(protocols: str, **rest: Any) -> SuitePlan:
    given = {"detectors": (), "streams": ("burst20",), "seeds": 2, **rest}
    return SuitePlan(parse([protocols]), **given)


def test_everything_by_everything() -> None:
    steps: list[str] = []
    sets = {
        "one": good,
        "two": lambda: concat([benign_flows(6000), campaign_flows(timed=False, first_row=6000)]),
    }
    asked = plan("as_is,random,dirty=1%,drift,cold", streams=("burst20", "camo"))
    found = run_suite(sets, asked, watch=Watch(step=steps.append))
    assert found["failures"] == []
    assert len(steps) == asked.steps(2) == 2 * 5 * 2 * 3
    assert {r["detector"] for r in found["runs"]} == set(RULES)
    # two streams by seeds and rules; dirty ones also by attackers, those over time are one stream
    assert len(found["runs"]) == 2 * 2 * 3 * (2 + 2 + 4 + 1 + 1)
    where = {(r["set"], r["protocol"], r["stream"], r["attackers"]) for r in found["results"]}
    assert len(where) == len(found["results"]) == 2 * (2 + 2 + 4 + 1 + 1)
    cold = next(r for r in found["results"] if r["protocol"] == "cold")
    assert cold["trained_on"] == ["two"]
    assert cold["detectors"]["unseen host"]["over_time"]["tenths"][9]["fixed"]["0.01"]["fpr"]["sd"] == 0
    assert found["sets"]["one"]["classes"] == {"scan": 180, "flood": 180}
    json.dumps(found, allow_nan=False)
    text = page(found)
    for part in (
        "| one, dirty=1%, camo, other attackers |",
        "### Protocol drift, stream file: ",
        "of them attacks (0.83 %) of 2 campaigns",
        "Trained on 4,800 flows of two",
        "| unseen pair, adaptive |",
        "mean ± standard deviation over 2 seeds",
    ):
        assert part in text
    # 1,200 validation flows hold no budget of 0.1 %
    assert "| one, as_is, burst20 | - | - | - |" in text


def test_what_fails_is_told_and_the_rest_goes_on() -> None:
    told: list[str] = []
    skipped: list[int] = []
    sets = {"broken": broken, "calm": lambda: benign_flows(400), "tiny": lambda: benign_flows(1), "one": good}
    watch = Watch(failed=told.append, skip=skipped.append)
    asked = plan("temporal,drift", seeds=1)
    parts: list[dict[str, Any]] = []
    watch.so_far = parts.append
    found = run_suite(sets, asked, watch=watch)
    assert [len(p["results"]) for p in parts] == [0, 1, 1, 3]
    assert parts[-1] == found
    assert told == [
        "broken: not measured: no such file",
        "calm temporal: not measured: no attack among 400 flows: protocol temporal tests with attacks",
        "tiny temporal: not measured: no attack among 1 flows: protocol temporal tests with attacks",
        "tiny drift: not measured: 1 benign flows: too few to train on a half of them",
    ]
    assert [(r["set"], r["protocol"]) for r in found["results"]] == [
        ("calm", "drift"),
        ("one", "temporal"),
        ("one", "drift"),
    ]
    # every step was done or told to be left out
    assert sum(skipped) + len(found["runs"]) == asked.steps(4)
    text = page(found)
    assert "## Not measured" in text
    assert "- broken: no such file" in text
    calm = next(r for r in found["results"] if r["set"] == "calm")
    assert calm["detectors"]["unseen pair"]["roc_auc"] is None


def test_a_detector_that_cannot_be_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, seed: int) -> None:
        if name == "isolation forest":
            raise MissingExtraError("scikit-learn", "train", "comparing")
        return build(name, seed)

    build = detectors.make
    monkeypatch.setattr(detectors, "make", refuse)
    told: list[str] = []
    found = run_suite(
        {"one": good}, plan("random", detectors=("isolation forest",)), watch=Watch(failed=told.append)
    )
    assert len(told) == 1
    assert told[0].startswith("isolation forest: not measured: comparing needs scikit-learn")
    assert len(found["runs"]) == 2 * 3


def test_too_few_flows_for_a_model(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    flows = concat([benign_flows(100), campaign_flows(timed=False, first_row=100)])
    found = run_suite({"small": lambda: flows}, plan("as_is", detectors=("default",), seeds=1))
    (failure,) = found["failures"]
    assert (failure["set"], failure["detector"]) == ("small", "default")
    assert "at least 200" in failure["reason"]
    assert len(found["runs"]) == 3


def test_models_are_kept_and_asked_cold(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    asked = plan("as_is", detectors=("default",), seeds=1, epochs=1)
    found = run_suite({"one": good}, asked, keep=tmp_path)
    model = tmp_path / "one" / "as_is" / "0" / "default"
    assert (model / "config.json").is_file()
    scored: list[dict[str, Any]] = []
    watch = Watch(scored=lambda run, *rest: scored.append(run))
    cold = run_suite({"one": good}, plan("cold", seeds=1, model=str(model)), watch=watch)
    assert [r["detector"] for r in cold["runs"]] == ["default"]
    assert cold["runs"][0]["flows"] == 6360
    assert len(scored) == 1
    assert found["runs"][0]["seconds"] > 0
