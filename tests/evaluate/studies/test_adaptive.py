from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from morpheus_gae.cli.suite import plan_of
from morpheus_gae.detect.threshold import choose_threshold
from morpheus_gae.evaluate.detectors import ADAPTIVE, Setting
from morpheus_gae.evaluate.studies.adaptive import adaptive
from morpheus_gae.evaluate.studies.suite import run_suite
from morpheus_gae.evaluate.studies.suite_tables import page
from morpheus_gae.flows.frame import concat
from morpheus_gae.model.artifact import Artifact
from tests.evaluate.make import campaign_flows, timed_benign
from tests.support import make_flows


def test_thresholds_are_those_of_a_run(tiny_models: dict[str, Artifact]) -> None:
    model = tiny_models["default"]
    detector = adaptive(model.path, Setting(graph_size=100))
    flows = make_flows(250)
    assert detector.follow is not None
    surprise, flagged = detector.follow(flows)
    np.testing.assert_array_equal(surprise, detector.score(flows))
    rule = choose_threshold(model, alert_rate=0.01, adaptive=True)
    for start in (0, 100, 200):
        window = flows.slice(start, min(start + 100, 250))
        here = np.asarray(surprise[start : start + 100], np.float64)
        hits = here >= rule.of_window(here, window)
        assert flagged["0.01"][start : start + 100].tolist() == hits.tolist()


def test_it_is_a_row_of_the_suite(tmp_path: Path) -> None:
    def network() -> Any:
        return concat([timed_benign(3000, 300.0), campaign_flows(first_row=3000)])

    plan = plan_of(("drift", "as_is"), ("adaptive",), ("burst20",), seeds=1, epochs=1)
    found = run_suite({"one": network}, plan, keep=tmp_path / "kept")
    assert found["failures"] == []
    assert sum(r["detector"] == ADAPTIVE for r in found["runs"]) == 2
    text = page(found)
    assert "| adaptive, as it follows |" in text
    assert "| adaptive, fixed |" not in text
    # the model is the default's
    assert not list((tmp_path / "kept").rglob("adaptive"))
