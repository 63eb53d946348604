from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from morpheus_gae.cli.gae import main
from tests.report.make import flows, some, written

ROOT = Path(__file__).resolve().parents[2]
MODEL = str(ROOT / "models" / "default")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["report", *args])


def values(path: Path) -> dict[str, Any]:
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8")
    )
    return json.loads(text)


def test_alerts_alone(tmp_path: Path) -> None:
    path, out = written(tmp_path, some()), tmp_path / "r.html"
    result = run(str(path), "--output", str(out), "--title", "Monday <b>")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"31 alerts, 2 incidents: {out}, ")
    told = values(out)
    assert told["title"] == "Monday <b>"
    assert [one["kind"] for one in told["incidents"]] == ["horizontal scan", "unknown"] or told["incidents"]
    assert told["scored"] is None
    assert told["model"] is None
    assert out.stat().st_mode & 0o077 == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alerts.parquet", "r.html"]


def test_with_flows_and_model(tmp_path: Path) -> None:
    path, out = written(tmp_path, some()), tmp_path / "r.html"
    result = run(str(path), "--output", str(out), "--flows", str(flows(tmp_path)), "--model", MODEL)
    assert result.exit_code == 0, result.output
    told = values(out)
    assert told["scored"]["flows"] == 600
    assert sum(told["scored"]["drift"]["flows"]) == 600
    assert [c["name"] for c in told["detection"]["curves"]] == ["all attacks", "leak", "scan"]
    assert [c["flows"] for c in told["detection"]["curves"]] == [60, 30, 30]
    assert told["quality"]["missing"] == 100
    assert told["quality"]["files"][0]["format"] == "parquet"
    assert told["model"]["hash"] in (ROOT / "models" / "default" / "README.md").read_text(encoding="utf-8")


def test_incidents_of_a_file(tmp_path: Path) -> None:
    path, found, out = written(tmp_path, some()), tmp_path / "i.jsonl", tmp_path / "r.html"
    assert CliRunner().invoke(main, ["incidents", str(path), "--output", str(found)]).exit_code == 0
    assert run(str(path), "--output", str(out)).exit_code == 0
    folded = values(out)["incidents"]
    assert run(str(path), "--output", str(out), "--incidents", str(found)).exit_code == 0
    assert values(out)["incidents"] == folded


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1}\n', "a record has no id, kind"),
        ("[1]\n", "a record has no id"),
        ("nothing\n", "holds no incidents: "),
        ("[" * 100_000, "holds no incidents: "),
        ('{"id": "\\ud800"', "holds no incidents: "),
    ],
)
def test_what_are_no_incidents_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    path, found = written(tmp_path, some()), tmp_path / "i.jsonl"
    found.write_text(text, encoding="utf-8")
    result = run(str(path), "--output", str(tmp_path / "r.html"), "--incidents", str(found))
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert told in result.output


def test_no_alerts_are_a_page(tmp_path: Path) -> None:
    path, out = written(tmp_path, some().slice(0, 0)), tmp_path / "r.html"
    result = run(str(path), "--output", str(out))
    assert result.exit_code == 0, result.output
    assert values(out)["alerts"] == {"n": 0, "timed": False}


def test_the_strangest_are_listed(tmp_path: Path) -> None:
    path, out = written(tmp_path, some(500)), tmp_path / "r.html"
    assert run(str(path), "--output", str(out), "--most", "40").exit_code == 0
    told = values(out)
    assert (told["alerts_total"], told["alerts"]["n"]) == (531, 40)
    least = min(told["alerts"]["surprise"])
    assert sum(s >= least / 100 for s in some(500)["surprise"].to_pylist()) <= 41
    assert sum(map(sum, told["timeline"]["counts"])) == 531


@pytest.mark.parametrize(
    ("more", "told", "code"),
    [
        (("--output", "r.pdf"), "call it .html", 2),
        (("--output", "no/r.html"), "its folder does not exist", 2),
        (("--flows", "-"), "- is none", 2),
        (("--flows", "gone.parquet"), "gone.parquet", 1),
        (("--model", "gone"), "gone", 1),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, more: tuple[str, ...], told: str, code: int) -> None:
    path = written(tmp_path, some())
    result = run(str(path), "--output", str(tmp_path / "r.html"), *more)
    assert (result.exit_code, result.output.count("\n")) == (code, 1)
    assert told in result.output
    assert not (tmp_path / "r.html").exists()


def test_dead_letters_beside_the_alerts(tmp_path: Path) -> None:
    path, out = written(tmp_path, some()), tmp_path / "r.html"
    letter = {
        "reason": "negative bytes",
        "source": "f.csv",
        "row": 7,
        "detail": "IN_BYTES = -1",
        "record": "",
    }
    (tmp_path / "alerts.parquet.dead.ndjson").write_text(f"{json.dumps(letter)}\n" * 2 + "nonsense\n")
    assert run(str(path), "--output", str(out)).exit_code == 0
    assert values(out)["quality"]["dead"] == [
        {"reason": "negative bytes", "count": 2, "first": "f.csv, record 7: IN_BYTES = -1"},
        {"reason": "unreadable line", "count": 1, "first": ""},
    ]


def test_rules_hold_alerts_back(tmp_path: Path) -> None:
    path, out, rules = written(tmp_path, some()), tmp_path / "r.html", tmp_path / "rules.toml"
    rules.write_text('[[suppress]]\nname = "scanner"\nsource = "10.1.0.2"\nreason = "ours"\n')
    result = run(str(path), "--output", str(out), "--suppress", str(rules))
    assert result.exit_code == 0, result.output
    told = values(out)
    assert (told["alerts_total"], told["incidents_total"]) == (1, 1)
    assert told["held"] == ["Suppressed: 30 alerts by rule scanner"]
