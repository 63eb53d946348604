from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morpheus_gae.cli.suite import plan_of
from morpheus_gae.detect.learner import WINDOW
from morpheus_gae.errors import UsageError
from morpheus_gae.evaluate.detectors import LEARNING, Setting
from morpheus_gae.evaluate.studies.learning import learning
from morpheus_gae.evaluate.studies.suite import run_suite
from morpheus_gae.evaluate.studies.suite_tables import page
from morpheus_gae.flows.frame import concat
from morpheus_gae.model.artifact import Artifact
from tests.evaluate.make import campaign_flows, timed_benign
from tests.support import make_flows

pytest.importorskip("torch")


class Flood:
    """Flags every second window, and notes what it was given."""

    def __init__(self, executor: Any, rate: float) -> None:
        self.executor, self.rate, self.seen = executor, rate, []

    def take(self, graph: Any, time_ms: Any) -> Any:
        self.seen.append((graph.flows, time_ms))
        limit = np.float32(-1 if len(self.seen) % 2 else np.inf)
        return self.executor.score(graph), limit


def test_each_budget_is_a_run_of_its_own_and_thresholds_are_the_windows(
    tiny_models: dict[str, Artifact],
) -> None:
    made: list[Flood] = []

    def learns(executor: Any, rate: float) -> Any:
        made.append(Flood(executor, rate))
        return made[-1].take

    model = tiny_models["default"]
    detector = learning(model.path, Setting(graph_size=100), learns)
    assert (detector.name, detector.supported) == (LEARNING, tuple(model.thresholds))
    flows = make_flows(250)
    assert detector.follow is not None
    surprise, flagged = detector.follow(flows)
    runs = [m for m in made if m.seen]
    assert [m.rate for m in runs] == [float(b) for b in model.thresholds]
    for run in runs:
        assert [n for n, _ in run.seen] == [100, 100, 50]
        assert run.seen[1][1].tolist() == flows.time_ms[100:200].tolist()
    np.testing.assert_array_equal(surprise[:100], detector.score(flows)[:100])
    for hit in flagged.values():
        assert hit.tolist() == [True] * 100 + [False] * 100 + [True] * 50
    assert learning(model.path, Setting(), learns).follow.args[-1] == WINDOW
    assert detector.follow(flows.slice(0, 0))[0].shape == (0,)


def test_without_an_engine_or_a_memory_it_is_refused(tiny_models: dict[str, Artifact]) -> None:
    with pytest.raises(UsageError, match="--suite"):
        learning(tiny_models["default"].path, Setting(), None)
    learns = plan_of(("cold",), ("learning",), ("file",)).learns
    with pytest.raises(UsageError, match="memory"):
        learning(tiny_models["published"].path, Setting(), learns)


def test_it_is_a_row_of_the_suite(tmp_path: Path) -> None:
    def network() -> Any:
        return concat([timed_benign(3000, 300.0), campaign_flows(first_row=3000)])

    plan = plan_of(("drift", "cold", "as_is"), ("learning", "default"), ("burst20",), seeds=1, epochs=1)
    found = run_suite({"one": network, "two": network}, plan, keep=tmp_path / "kept")
    assert found["failures"] == []
    runs = [r for r in found["runs"] if r["detector"] == LEARNING]
    assert len(runs) == 2 * 3
    later = next(r for r in runs if r["protocol"] == "drift")
    assert all(t["fixed"] == t["adaptive"] for t in later["over_time"]["tenths"])
    text = page(found)
    assert "| learning, as it learns |" in text
    assert "| learning, adaptive |" not in text
    # the model that it begins as is trained once, whichever comes first
    assert not list((tmp_path / "kept").rglob("learning"))
    same = {r["set"]: r["roc_auc"] for r in found["runs"] if r["detector"] == "default"}
    assert same.keys() == {"one", "two"}
