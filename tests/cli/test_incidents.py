from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from morpheus_gae.cli import incidents as cli
from morpheus_gae.cli.gae import main
from morpheus_gae.incidents.fold import Change
from morpheus_gae.suppress.held import Held
from tests.incidents.make import Row, alerts, host


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["incidents", *args])


@pytest.fixture
def written(tmp_path: Path) -> Path:
    rows: list[Row] = [(i, host(1), host(10 + i), 8000, 60, 40, 9.0) for i in range(30)]
    rows.append((3, host(2), host(5, inside=False), 443, 500, 900, 6.0))
    path = tmp_path / "alerts.parquet"
    pq.write_table(alerts(rows), path)
    return path


def test_alerts_become_incidents(written: Path) -> None:
    result = run(str(written), "--flows_a_day", "1000")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "31 alerts, 2 incidents, the most severe:"
    assert "horizontal scan" in lines[2]
    assert f"{host(10)} +29" in lines[2]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("--quiet_minutes", "nan"), "nan is no finite number"),
        (("--quiet_minutes", "1e9"), "is not in the range"),
        (("--flows_a_day", "inf"), "inf is no finite number"),
        (("--output", "incidents.csv"), "incidents have lists in them"),
    ],
)
def test_mistakes_are_one_clear_error(written: Path, told: tuple[str, ...], words: str) -> None:
    result = run(str(written), *told)
    assert result.exit_code == 2
    assert words in result.output


def test_alerts_are_not_overwritten(written: Path, tmp_path: Path) -> None:
    before = written.read_bytes()
    result = run(str(written), "--output", str(tmp_path / "." / "alerts.parquet"))
    assert result.exit_code == 2
    assert "alerts.parquet is read as input" in result.output
    assert written.read_bytes() == before


@pytest.mark.parametrize("budget", ["20", "20/day"])
def test_a_budget_leaves_out_what_is_usual(written: Path, budget: str) -> None:
    result = run(str(written), "--flows_a_day", "100000", "--incident_budget", budget)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("31 alerts, 1 incidents")


def test_records_go_to_a_file(written: Path, tmp_path: Path) -> None:
    out = tmp_path / "incidents.jsonl"
    result = run(str(written), "--output", str(out))
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["flows"] for r in found] == [30, 1]
    assert found[0]["technique"] == "T1046"
    assert found[0]["state"] == "closed"
    assert len(found[0]["alerts"]) == found[0]["alerts_named"] == 20


@pytest.mark.parametrize(("name", "place"), [("ecs", "event"), ("ocsf", "finding_info"), ("eve", "alert")])
def test_records_are_written_in_an_encoding(written: Path, tmp_path: Path, name: str, place: str) -> None:
    out = tmp_path / "incidents.jsonl"
    result = run(str(written), "--output", str(out), "--encoding", name)
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(found) == 2
    assert all(place in row for row in found)


def test_memory_holds_no_closed_incidents(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[int] = []
    # a piece of one at a time shows that no more are read back at once
    monkeypatch.setattr(cli, "PIECE", 1)
    held = Held.changes

    def watched(self: Held, changes: list[Change]) -> list[Change]:
        alive.append(len(changes))
        return held(self, changes)

    monkeypatch.setattr(Held, "changes", watched)
    result = run(str(written), "--flows_a_day", "1000", "--most", "1")
    assert result.exit_code == 0, result.output
    assert alive == [1, 1, 0][: len(alive)]
    assert result.output.startswith("31 alerts, 2 incidents")
    assert len(result.output.splitlines()) == 3


def test_no_alerts_are_no_incidents(tmp_path: Path) -> None:
    path = tmp_path / "alerts.parquet"
    pq.write_table(alerts([]), path)
    result = run(str(path))
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "0 alerts, 0 incidents")


@pytest.mark.parametrize("broken", ["surprise", "threshold", "why"])
def test_what_holds_no_alerts_is_one_line(written: Path, tmp_path: Path, broken: str) -> None:
    path = tmp_path / "flows.parquet"
    pq.write_table(pq.read_table(written).drop_columns([broken]), path)
    result = run(str(path))
    assert result.exit_code == 1
    assert f"it has no column {broken}" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("surprise", pa.array(["high"] * 31), "column surprise holds string, not numbers"),
        ("why", pa.array([["a"]] * 31), "column why holds list<"),
        ("model", pa.array([{"a": 1}] * 31), "column model holds struct<"),
        ("is_anomaly", pa.array(["no"] * 31), "column is_anomaly holds string, not true or false"),
    ],
)
def test_columns_of_another_type_are_refused(
    written: Path, tmp_path: Path, name: str, values: pa.Array, told: str
) -> None:
    result = run(str(changed(written, tmp_path, name, values)))
    assert result.exit_code == 1
    assert told in result.output


@pytest.mark.parametrize(
    ("name", "values", "left"),
    [
        ("threshold", pa.array([float("nan")] * 31), 0),
        ("surprise", pa.array([float("nan"), *[9.0] * 30]), 30),
        ("surprise", pa.array([(1 << 60) + 1] * 31), 31),
        ("is_anomaly", pa.array([0] * 30 + [1]), 1),
        ("is_anomaly", pa.array([None, *[True] * 30]), 30),
    ],
)
def test_odd_values_end_nothing(
    written: Path, tmp_path: Path, name: str, values: pa.Array, left: int
) -> None:
    result = run(str(changed(written, tmp_path, name, values)))
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{left} alerts, ")


def changed(written: Path, tmp_path: Path, name: str, values: pa.Array) -> Path:
    table = pq.read_table(written)
    path = tmp_path / "changed.parquet"
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path)
    return path


def test_rules_leave_out_alerts_and_incidents(written: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    told = (
        '[[suppress]]\nname = "the scanner"\nkind = "horizontal scan"\nsource = "10.1.0.2"\nreason = "ours"\n'
    )
    rules.write_text(
        f'{told}[[suppress]]\nports = 443\nreason = "web"\n'
        '[[suppress]]\nports = 1\nuntil = 2020-01-01\nreason = "x"\n'
    )
    result = CliRunner().invoke(main, ["incidents", str(written), "--suppress", str(rules)])
    assert result.exit_code == 0, result.output
    assert "31 alerts, 0 incidents" in result.output
    assert "Suppressed: 1 alerts by rule rule-2" in result.output
    assert "Suppressed: 1 incidents by rule the scanner" in result.output
    assert "Warning: rule rule-3 has expired" in result.output
    rules.write_text(told.replace("10.1.0.2", "10.1.0.3"))
    assert "31 alerts, 2 incidents" in run(str(written), "--suppress", str(rules)).output
    rules.write_text("[[suppress]]\n")
    wrong = run(str(written), "--suppress", str(rules))
    assert (wrong.exit_code, wrong.output.count("\n")) == (1, 1)
    assert "rule 1 (line 1): it has no reason" in wrong.output


def test_incidents_are_counted_by_class(written: Path, tmp_path: Path) -> None:
    labels = pa.array(["scan"] * 30 + ["Benign"])
    labelled = pq.read_table(written).append_column("Attack", labels)
    path = str(tmp_path / "labelled.parquet")
    pq.write_table(labelled, path)
    result = run(path, "--truth", path)
    assert result.exit_code == 0, result.output
    assert "| scan | 30 | 30 | 1 | 1 | 1 | horizontal scan 1 |" in result.stdout
    # beside records that go to stdout, they go elsewhere
    result = run(path, "--truth", path, "--output", "-")
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 2
    assert "| scan | 30 | 30 |" in result.stderr
    result = run(path, "--truth", str(written))
    assert result.exit_code == 1
    assert "figures need labels" in result.output
