"""Suppression on the host: the same alerts, counts and file as on the embedded engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from tests.suppress.make import KINDS, RULES, flows_file

pytest.importorskip("pandas")


@pytest.mark.parametrize("keep", [False, True])
def test_as_on_the_embedded_engine(host: Any, toy: Any, tmp_path: Path, keep: bool) -> None:
    path, rules = flows_file(tmp_path / "flows.csv"), tmp_path / "rules.toml"
    rules.write_text(RULES)
    outs = [str(tmp_path / f"{name}.jsonl") for name in ("one", "two")]
    kept = [str(tmp_path / f"{name}.held.jsonl") if keep else None for name in ("one", "two")]
    told: dict[str, Any] = {"threshold": 0.5, "suppress": str(rules)}
    settings = Settings(input=(path,), output=outs[0], model="toy", graph_size=10, suppressed=kept[0], **told)
    embedded = build_pipeline(USUAL, settings, say=lambda line: None)
    embedded.run()
    c = host.config()
    pipeline = host.linear(
        c,
        host.stages.FromNetflowStage(c, [path], batch_size=7),
        host.stages.BuildGraphStage(c, 10),
        host.stages.InferGaeStage(c, "toy"),
        host.stages.FlagAnomaliesStage(c, suppressed=kept[1], **told),
        host.stages.ToAlertsStage(c, outs[1]),
    )
    pipeline.run()
    assert Path(outs[1]).read_bytes() == Path(outs[0]).read_bytes() != b""
    facts = [run.as_dict() for run in (embedded.metrics, host.run_of(pipeline).metrics)]
    for name in ("alerts", "suppressed", "labels"):
        assert facts[0][name] == facts[1][name]
    assert min(facts[0]["suppressed"].values()) > 0
    if keep:
        one, two = ([json.loads(line) for line in Path(str(name)).read_text().splitlines()] for name in kept)
        assert one == two
        assert len(one) == sum(facts[0]["suppressed"].values())


def test_rules_of_kinds_hold_incidents_back(host: Any, toy: Any, tmp_path: Path) -> None:
    path, rules = flows_file(tmp_path / "flows.csv"), tmp_path / "rules.toml"
    rules.write_text(KINDS)
    counts = []
    for suppress in (None, str(rules)):
        c = host.config()
        incidents = str(tmp_path / "incidents.jsonl")
        pipeline = host.linear(
            c,
            host.stages.FromNetflowStage(c, [path]),
            host.stages.BuildGraphStage(c, 10),
            host.stages.InferGaeStage(c, "toy"),
            host.stages.FlagAnomaliesStage(c, threshold=0.5, suppress=suppress),
            host.stages.ToAlertsStage(c, str(tmp_path / "out.jsonl"), incidents=incidents),
        )
        pipeline.run()
        metrics = host.run_of(pipeline).metrics
        ids = {json.loads(line)["id"] for line in Path(incidents).read_text().splitlines()}
        counts.append((len(ids), metrics.alerts, sum(metrics.suppressed_incidents.values())))
    (told, all_alerts, none), (left, still, held) = counts
    assert (none, left) == (0, 0)
    assert told == held > 0
    assert still == all_alerts


def test_rules_that_are_wrong_are_told_before_anything_runs(host: Any, toy: Any, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[suppress]]\nreason = "all"\n')
    c = host.config()
    pipeline = host.linear(
        c,
        host.stages.FromNetflowStage(c, [flows_file(tmp_path / "flows.csv")]),
        host.stages.BuildGraphStage(c, 10),
        host.stages.InferGaeStage(c, "toy"),
        host.stages.FlagAnomaliesStage(c, suppress=str(rules)),
        host.stages.ToAlertsStage(c, str(tmp_path / "out.jsonl")),
    )
    with pytest.raises(Exception, match="would fit everything"):
        pipeline.run()
    assert not (tmp_path / "out.jsonl").exists()
