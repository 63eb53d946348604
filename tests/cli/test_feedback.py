"""The command feedback: from alerts and incidents in files to rules that hold them back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from morpheus_gae.cli.gae import main
from morpheus_gae.detect.alert_fields import AlertFields
from morpheus_gae.suppress.feedback import read_feedback
from tests.incidents.make import START, Row, alerts, host


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with alerts of a scan and of one more flow, and the incidents they come to."""
    monkeypatch.chdir(tmp_path)
    rows: list[Row] = [(i, host(1), host(10 + i), 8000, 60, 40, 9.0) for i in range(30)]
    rows.append((3, host(2), host(5, inside=False), 443, 500, 900, 6.0))
    pq.write_table(alerts(rows), "alerts.parquet")
    assert run("incidents", "alerts.parquet", "--output", "incidents.jsonl").exit_code == 0
    return tmp_path


def found() -> list[dict[str, object]]:
    return [json.loads(line) for line in Path("incidents.jsonl").read_text().splitlines()]


def test_from_an_incident_to_a_rule_that_holds_it_back(here: Path) -> None:
    scan, other = found()
    # the record names ten of its targets
    result = run(
        "feedback", str(scan["id"]), "benign", "--incidents", "incidents.jsonl", "--note", "our scanner"
    )
    assert result.exit_code == 0, result.output
    assert "is benign, 30 flows" in result.output
    (told,) = read_feedback("feedback.jsonl")
    assert (told.sources, told.targets, told.services) == ([host(1)], None, ["6/8000"])
    assert told.first == START
    result = run("feedback", str(scan["id"]), "benign", "--alerts", "alerts.parquet", "--who", "ada")
    assert result.exit_code == 0, result.output
    told = read_feedback("feedback.jsonl")[-1]
    assert told.targets is not None
    assert (len(told.targets), told.flows, told.who) == (30, 30, "ada")
    assert run("feedback", str(other["id"]), "attack", "--incidents", "incidents.jsonl").exit_code == 0
    shown = run("feedback", "list")
    assert [line.split()[1] for line in shown.output.splitlines()[1:]] == ["benign", "benign", "attack"]
    assert "our scanner" in shown.output
    before = datetime.now(timezone.utc)
    result = run("feedback", "--export", "rules.toml")
    # midnight may come in between
    days = {(now + timedelta(days=90)).date() for now in (before, datetime.now(timezone.utc))}
    assert result.output in {f"rules.toml: 1 rule, until {day}\n" for day in days}
    left = run("incidents", "alerts.parquet", "--suppress", "rules.toml")
    assert "31 alerts, 1 incidents" in left.output
    assert f"Suppressed: 30 alerts by rule feedback-{scan['id']}" in left.output


def test_an_alert_is_looked_up_by_its_id(here: Path) -> None:
    ids = AlertFields.of(pq.read_table("alerts.parquet")).id.to_pylist()
    result = run("feedback", ids[30], "benign", "--alerts", "alerts.parquet")
    assert result.exit_code == 0, result.output
    (told,) = read_feedback("feedback.jsonl")
    assert (told.sources, told.targets) == ([host(2)], [host(5, inside=False)])
    assert (told.services, told.flows, told.first, told.last) == (["6/443"], 1, START + 3000, START + 3010)
    text = run("feedback", "--export", "-").output
    assert f'pair = ["{host(2)}", "{host(5, inside=False)}"]' in text


def test_an_id_may_be_written_in_capitals(here: Path) -> None:
    id = str(found()[0]["id"])
    result = run("feedback", f" {id.upper()} ", "benign", "--incidents", "incidents.jsonl")
    assert result.exit_code == 0, result.output
    assert read_feedback("feedback.jsonl")[0].id == id


def test_what_was_not_looked_up_is_said(here: Path) -> None:
    result = run("feedback", "f" * 16, "benign")
    assert result.exit_code == 0
    assert "not checked: whether there is such a one, and which flows it is of, is not known" in result.output
    assert "1 benign ones were not looked up" in run("feedback", "--export", "rules.toml").output
    assert "not looked up" in run("feedback", "list").output


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        ((), 2, "say of what"),
        (("f" * 16,), 2, "say of what"),
        (("f" * 16, "maybe"), 2, "'maybe' is no verdict"),
        (("f" * 16, "benign", "--note", "x" * 1000), 2, "--note has more than 800 characters"),
        (("f" * 16, "benign", "--export", "rules.toml"), 2, "in a command of its own"),
        (("f" * 16, "benign", "--alerts", "alerts.parquet"), 1, "there is no alert and no incident ffff"),
        (("f" * 16, "benign", "--alerts", "alerts.parquet"), 1, "are looked up by --incidents"),
        (("the scan", "benign"), 1, "there is no alert and no incident 'the scan': an id has 16 hex digits"),
        (("f" * 15, "attack"), 1, "an id has 16 hex digits"),
        (("f" * 17, "attack", "--alerts", "alerts.parquet"), 1, "an id has 16 hex digits"),
        (("\x1b[2J" * 90, "attack"), 1, "\\x1b[2J..."),
        (("f" * 16, "benign", "--incidents", "incidents.jsonl"), 1, "there is no alert and no incident ffff"),
        (("f" * 16, "benign", "--incidents", "alerts.parquet"), 1, "holds no incidents of encoding plain"),
        (("f" * 16, "benign", "--incidents", "nowhere.jsonl"), 1, "nowhere.jsonl cannot be read"),
        (("list",), 1, "feedback.jsonl cannot be read"),
        (("--export", "rules.toml"), 1, "feedback.jsonl cannot be read"),
        (("f" * 16, "benign", "--file", "no/feedback.jsonl"), 1, "cannot be written"),
    ],
)
def test_what_cannot_be_is_one_line(here: Path, args: tuple[str, ...], code: int, told: str) -> None:
    result = run("feedback", *args)
    assert (result.exit_code, told in result.output) == (code, True), result.output
    assert "Traceback" not in result.output
    assert not Path("feedback.jsonl").exists()


def test_training_refuses_what_is_no_feedback_before_it_reads_flows(here: Path) -> None:
    pytest.importorskip("torch")
    Path("feedback.jsonl").write_text("{}\n")
    result = run("train", "--input", "nowhere.csv", "--model", "m", "--feedback", "feedback.jsonl")
    assert result.exit_code == 1
    assert "line 1 is no feedback: it has no text id" in result.output
