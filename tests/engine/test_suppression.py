"""Suppression on the embedded engine: what is held back is no alert, and all else is as without it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.detect.threshold import FixedThreshold
from morpheus_gae.engine.incidents import IncidentStream
from morpheus_gae.engine.learning import Learning
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.summary import summary
from morpheus_gae.engine.recover.checkpoint import AlreadyFinished
from morpheus_gae.engine.run.operators import FlagAnomalies
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.suppression import Suppression, open_suppression
from morpheus_gae.engine.window import Window
from morpheus_gae.errors import GaeError, UsageError
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.incidents import records
from morpheus_gae.model.artifact import Artifact
from tests.detect.make import flows_of
from tests.engine.toys import ToyExecutor, ToySink, toy_graph
from tests.incidents.make import Row, alerts, host
from tests.support import make_flows, with_columns
from tests.suppress.make import KINDS, RULES, flows_file


def run(tmp_path: Path, out: str, **told: Any) -> tuple[list[dict[str, Any]], Metrics, list[str]]:
    """Alerts of a run with the toy model: the i-th flow has a surprise of i."""
    said: list[str] = []
    settings = Settings(
        input=(flows_file(tmp_path / "flows.csv"),),
        output=str(tmp_path / out),
        model="toy",
        **{"graph_size": 10, "threshold": 0.5, **told},
    )
    pipeline = build_pipeline(USUAL, settings, say=said.append, open_executor=lambda *_: ToyExecutor())
    pipeline.run()
    lines = (tmp_path / out).read_text().splitlines()
    return [json.loads(line) for line in lines], pipeline.metrics, said


def rules_file(tmp_path: Path, text: str = RULES) -> str:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return str(path)


def test_held_back_is_no_alert_and_is_counted_and_kept(tmp_path: Path) -> None:
    plain, before, _ = run(tmp_path, "one.jsonl")
    kept = str(tmp_path / "held.jsonl")
    rules = rules_file(tmp_path)
    alerts, metrics, said = run(tmp_path, "two.jsonl", suppress=rules, suppressed=kept)
    held = [json.loads(line) for line in Path(kept).read_text().splitlines()]
    assert [row for row in plain if row["IPV4_SRC_ADDR"] != "10.0.0.1" and row["L4_DST_PORT"] != 53] == alerts
    assert sorted(r["IN_BYTES"] for r in [*alerts, *held]) == [r["IN_BYTES"] for r in plain]
    assert metrics.alerts == len(alerts) == before.alerts - len(held)
    told = {rule: sum(row["suppressed_by"] == rule for row in held) for rule in ("scanner", "rule-2")}
    assert metrics.as_dict()["suppressed"] == told
    assert min(told.values()) > 0
    assert {row["suppressed_reason"] for row in held} == {"the scanner of the house", "names"}
    assert {row["model"] for row in held} == {"toy@0123456789ab"}
    assert said[0] == f"Suppressing by 2 rules of {rules}"
    assert f"  scanner                 {told['scanner']}" in summary(metrics).splitlines()
    # a second run adds to the file
    run(tmp_path, "two.jsonl", suppress=rules, suppressed=kept)
    assert len(Path(kept).read_text().splitlines()) == 2 * len(held)


def test_labels_count_alerts_only(tmp_path: Path) -> None:
    _, before, _ = run(tmp_path, "one.jsonl")
    alerts, metrics, _ = run(tmp_path, "two.jsonl", suppress=rules_file(tmp_path))
    assert metrics.attack_alerts == sum(row["Label"] for row in alerts) < before.attack_alerts
    assert metrics.attacks == before.attacks


def test_the_threshold_never_sees_it(tmp_path: Path) -> None:
    told: dict[str, Any] = {"threshold": None, "adaptive": True, "alert_rate": 0.3}
    plain, before, _ = run(tmp_path, "one.jsonl", **told)
    alerts, metrics, _ = run(tmp_path, "two.jsonl", suppress=rules_file(tmp_path), **told)
    assert 0 < len(alerts) < len(plain)
    # the same threshold in every window, and the same rows where both alert
    assert metrics.threshold == before.threshold
    assert [row for row in plain if row in alerts] == alerts


def test_rules_that_expired_count_no_more_and_are_told_once(tmp_path: Path) -> None:
    text = '[[suppress]]\nname = "old"\nprotocol = 6\nuntil = 2026-03-01\nreason = "x"\n'
    now = [datetime(2026, 3, 1, 12, tzinfo=timezone.utc)]
    said: list[str] = []
    held = Suppression(rules_file(tmp_path, text), Metrics(), said.append, clock=lambda: now[0])
    flag = FlagAnomalies(FixedThreshold(0.0), Metrics(), suppression=held)
    (out,) = flag.process(window())
    assert out.flagged is not None
    assert not out.flagged.any()
    now[0] = datetime(2026, 3, 2, tzinfo=timezone.utc)
    for _ in range(2):
        (out,) = flag.process(window())
        assert out.flagged is not None
        assert out.flagged.all()
    warned = [line for line in said if line.startswith("Warning")]
    assert len(warned) == 1
    assert "old (2026-03-02 00:00 UTC)" in warned[0]


def test_rules_of_kinds_hold_incidents_back_and_no_alert(tmp_path: Path) -> None:
    told, held = str(tmp_path / "told.jsonl"), str(tmp_path / "held.jsonl")
    plain, before, _ = run(tmp_path, "one.jsonl", incidents=told)
    found = {json.loads(line)["id"] for line in Path(told).read_text().splitlines()}
    alerts, metrics, _ = run(tmp_path, "two.jsonl", incidents=held, suppress=rules_file(tmp_path, KINDS))
    assert alerts == plain
    assert metrics.alerts == before.alerts
    assert not Path(held).read_text()
    assert found
    # an incident counts once, in however many windows it grew
    assert metrics.as_dict()["suppressed_incidents"] == {"house": len(found)}
    assert "suppressed" not in metrics.as_dict()
    assert f"{'  house':<29}  {len(found)}" in [line.rstrip() for line in summary(metrics).splitlines()]


def test_what_was_held_back_is_known_as_long_as_its_stream_is(tmp_path: Path) -> None:
    rows: list[Row] = [(i, host(1), host(10 + i), 445, 60, 40, 9.0) for i in range(30)]
    metrics = Metrics()
    held = Suppression(rules_file(tmp_path, KINDS), metrics, lambda line: None)

    def partition() -> IncidentStream:
        return IncidentStream(
            ToySink(), records.table, metrics, lambda line: None, 60_000, keep=held.incidents
        )

    def counted() -> int:
        return int(metrics.as_dict()["suppressed_incidents"]["house"])

    stream, table = partition(), alerts(rows)
    for part in (table.slice(0, 20), table.slice(20)):
        stream.add(part, flows_of(part.num_rows), "toy@1")
        assert counted() == 1
    # the partition went elsewhere, and another one came here
    partition().add(table, flows_of(30), "toy@1")
    assert counted() == 2


def test_an_incident_that_was_told_is_told_to_its_end(tmp_path: Path) -> None:
    rows: list[Row] = [(i, host(1), host(10 + i), 8000, 60, 40, 9.0) for i in range(30)]
    known: list[str] = []
    sink = ToySink()
    stream = IncidentStream(
        sink,
        lambda changes, model: pa.table({"state": [change.state for change in changes]}),
        Metrics(),
        known.append,
        quiet_ms=60_000,
        keep=lambda changes, counted: [] if known else changes,
    )
    table = alerts(rows)
    stream.add(table.slice(0, 10), flows_of(10), "toy@1")
    known.append("rules now hold all of it back")
    stream.add(table.slice(10), flows_of(20), "toy@1")
    stream.finish()
    states = [row["state"] for told in sink.tables for row in told.to_pylist()]
    assert (states[0], states[-1]) == ("open", "closed")


def window() -> Window:
    table = pa.table({"PROTOCOL": [6] * 4, "IPV4_SRC_ADDR": ["10.0.0.1"] * 4})
    flows = flows_of(4, table)
    return Window(flows, scores=ToyExecutor().score(toy_graph(flows)))


def test_a_changed_file_takes_over_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    path = rules_file(tmp_path, '[[suppress]]\nname = "a"\nprotocol = 17\nreason = "x"\n')
    said: list[str] = []
    metrics = Metrics()
    held = Suppression(path, metrics, said.append)
    flagged = np.ones(4, bool)

    def holds() -> bool:
        return not held.hold(window(), flagged).all()

    def write(text: str) -> None:
        Path(path).write_text(text)
        # a clock of the file system may stand still between two writes
        os.utime(path, ns=(len(said), len(said)))

    assert not holds()
    write("[[suppress]]\n")
    for _ in range(2):
        held.reload(asked=False)
    assert len([line for line in said if line.startswith("Error: the rules were not read again")]) == 1
    assert held.rules[0].name == "a"
    write('[[suppress]]\nname = "b"\nprotocol = 6\nreason = "x"\n')
    held.reload(asked=False)
    assert holds()
    assert said[-1] == f"Suppressing by 1 rule of {path} from the next window on"
    before = len(said)
    held.reload(asked=False)
    assert len(said) == before
    held.reload(asked=True)
    assert said[-1] == f"The rules of {path} are the same as before"
    Path(path).unlink()
    held.reload(asked=False)
    assert holds()


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"suppressed": "held.jsonl"}, "give them with --suppress FILE"),
        ({"suppress": "rules.toml", "suppressed": "held.csv"}, "give it the ending .jsonl"),
        ({"suppress": "rules.toml", "suppressed": "no/held.jsonl"}, "its folder does not exist"),
        ({"suppress": "nowhere.toml"}, "nowhere.toml cannot be read"),
        ({"suppress": "rules.toml", "suppressed": "flows.csv"}, "is read as input"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], error: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rules_file(tmp_path)
    with pytest.raises(GaeError, match=error):
        run(tmp_path, "out.jsonl", **told)
    assert not (tmp_path / "out.jsonl").exists()


def test_rules_need_a_stage_that_flags(tmp_path: Path) -> None:
    settings = Settings(input=(flows_file(tmp_path / "f.csv"),), suppress=rules_file(tmp_path), model="toy")
    with pytest.raises(UsageError, match="flag-anomalies is not among its stages"):
        build_pipeline(
            ["from-netflow", "build-graph", "infer-gae"],
            settings,
            say=lambda _: None,
            open_executor=lambda *_: ToyExecutor(),
        )


def test_the_summary_tells_few_rules_one_by_one() -> None:
    metrics = Metrics()
    metrics.suppressed.update({f"r{i:02}": i for i in range(13)})
    lines = summary(metrics).splitlines()
    assert f"{'suppressed by rules':<24}  78" in lines
    assert f"{'  r12':<24}  12" in lines
    assert f"{'  by 2 other rules':<24}  3" in lines
    assert not [line for line in lines if "r02" in line or "r00" in line]


def test_a_run_that_learns_knows_nothing_of_rules(tmp_path: Path, tiny_models: dict[str, Artifact]) -> None:
    text = '[[suppress]]\nports = [53, 443]\nreason = "half of all"\n'
    states = []
    for rules in (None, rules_file(tmp_path, text)):
        metrics = Metrics()
        settings = Settings(learn=True, threshold=0.9, suppress=rules)
        learning = Learning(CpuExecutor(tiny_models["default"]), settings, metrics, lambda _: None)
        flag = FlagAnomalies(
            FixedThreshold(np.inf), metrics, suppression=open_suppression(settings, metrics, lambda _: None)
        )
        for seed in range(3):
            flows = with_columns(make_flows(1000, seed=seed))
            flows = replace(flows, time_ms=np.arange(1000) + 1000 * seed)
            scores, threshold = learning.take(build_graph(flows), flows.time_ms)
            list(flag.process(Window(flows, scores=scores, threshold=threshold)))
        snapshot = learning.snapshot()
        assert snapshot is not None
        states.append((snapshot, metrics))
    (one, before), (two, after) = states
    assert one.facts == two.facts
    assert one.tensors.keys() == two.tensors.keys()
    for name, tensor in one.tensors.items():
        np.testing.assert_array_equal(tensor, two.tensors[name])
    held = sum(after.suppressed.values())
    assert before.alerts == after.alerts + held
    assert held > 0


def test_a_checkpoint_is_of_the_rules_that_it_began_with(tmp_path: Path) -> None:
    rules, kept = rules_file(tmp_path), str(tmp_path / "state")
    run(tmp_path, "out.jsonl", suppress=rules, checkpoint=kept)
    before = (tmp_path / "out.jsonl").read_bytes()
    rules_file(tmp_path, RULES + "# more\n")
    with pytest.raises(UsageError, match="is of another run: suppress was"):
        run(tmp_path, "out.jsonl", suppress=rules, checkpoint=kept)
    with pytest.raises(UsageError, match="is of another run: suppress was"):
        run(tmp_path, "out.jsonl", checkpoint=kept)
    rules_file(tmp_path)
    with pytest.raises(AlreadyFinished):
        run(tmp_path, "out.jsonl", suppress=rules, checkpoint=kept)
    assert (tmp_path / "out.jsonl").read_bytes() == before
