from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae import InputError
from morpheus_gae.cli.morpheus import main as morpheus
from morpheus_gae.incidents.fold import Change, Fold
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.records import record
from morpheus_gae.suppress.policy import mark, read_policy
from tests.incidents.make import START, Row, alerts, host
from tests.suppress.make import flows_file

DENY = f"""
[[deny]]
name = "no desktops from there"
source = "{host(2)}"
destination = ["10.0.0.0/8"]
ports = 3389
until = 2027-01-01
reason = "they have no business there"
"""
MODEL = Path(__file__).parents[2] / "models" / "default"
BEFORE, AFTER = (datetime(year, 6, 1, tzinfo=timezone.utc) for year in (2026, 2027))


def written(folder: Path, text: str = DENY) -> str:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def incidents(rows: list[Row]) -> list[Change]:
    fold = Fold()
    return [*fold.add(alerts(rows), 1000, START, START + 60_000)]


def test_incidents_that_break_a_rule_are_told_as_such(tmp_path: Path) -> None:
    rows = [
        (0, host(2), host(7), 3389, 900, 900, 8.0),
        (1, host(3), host(8), 3389, 900, 900, 8.0),
        (2, host(2), host(9), 22, 900, 900, 8.0),
        # one place that is not denied, and it is something else
        (3, host(2), host(5, inside=False), 3389, 900, 900, 8.0),
    ]
    rules, found = read_policy(written(tmp_path)), incidents(rows)
    mark(rules, found, BEFORE)
    told = [record(change, "toy@1") for change in found]
    broken = [row for row in told if row["kind"] == "policy break"]
    assert [(row["sources"], row["targets"]) for row in broken] == [([host(2)], [host(7)])]
    assert broken[0]["summary"].startswith("policy break (no desktops from there): ")
    assert broken[0]["technique"] is None
    mark(rules, found, AFTER)
    assert not [c for c in found if c.incident.policy]


def test_a_mark_is_not_kept(tmp_path: Path) -> None:
    (change,) = incidents([(0, host(2), host(7), 3389, 900, 900, 8.0)])
    mark(read_policy(written(tmp_path)), [change], BEFORE)
    assert change.incident.policy
    assert Incident.from_dict(json.loads(json.dumps(change.incident.as_dict()))).policy == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DENY.replace("deny", "suppress"), r"rules begin with \[\[deny\]\]"),
        (DENY + 'kind = "beacon"\n', "hosts and services"),
        (DENY + "min_surprise = 3\n", "hosts and services"),
        (DENY.replace("3389", "70000"), "line 2"),
        ('[[deny]]\nreason = "x"\n', "would fit everything"),
    ],
)
def test_what_is_no_policy_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_policy(written(tmp_path, text))


def test_a_run_tells_them(tmp_path: Path) -> None:
    policy = written(tmp_path, '[[deny]]\nname = "names"\ndestination = "10.0.1.0/24"\nreason = "x"\n')
    out = tmp_path / "incidents.jsonl"
    words = ["--input", flows_file(tmp_path / "f.csv"), "--model", str(MODEL), "--threshold", "0"]
    words += ["--output", str(tmp_path / "a.jsonl"), "--incidents", str(out), "--policy", policy]
    done = CliRunner().invoke(morpheus, ["run", "--engine", "embedded", "pipeline-gae", *words])
    assert done.exit_code == 0, done.output
    kinds = {json.loads(line)["kind"] for line in out.read_text().splitlines()}
    assert kinds == {"policy break"}
