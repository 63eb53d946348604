"""The command line with exporters' own columns: found out or told, one-way records joined or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import morpheus_gae.executors.open
from morpheus_gae.cli.morpheus import main
from tests.cli.toy_morpheus import open_toy
from tests.flows.samples import EVE, PMACCT, A, B, lines

ANSWER = {**PMACCT, "ip_src": B, "ip_dst": A, "port_src": 443, "port_dst": 40000, "bytes": 900, "packets": 3}
MARKER = {"event_type": "purge_init", "writer_id": "x"}


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)
    monkeypatch.chdir(tmp_path)
    Path("flows.json").write_text(lines(MARKER, PMACCT, ANSWER, MARKER))


def run(*args: str) -> Result:
    fixed = ("--model", "toy", "--output", "a.jsonl", "--threshold", "0", "--metrics", "m.json")
    return CliRunner().invoke(main, ["run", "pipeline-gae", "--input", "flows.json", *fixed, *args])


def test_an_exporter_is_found_out_and_told_once() -> None:
    done = run()
    assert done.exit_code == 0, done.output
    (alert,) = map(json.loads, Path("a.jsonl").read_text().splitlines())
    # its own columns and the canonical ones beside them
    assert (alert["ip_src"], alert["bytes"], alert["timestamp_start"]) == (A, 100, PMACCT["timestamp_start"])
    assert (alert["IPV4_SRC_ADDR"], alert["IN_BYTES"], alert["OUT_BYTES"]) == (A, 100, 900)
    assert done.stderr.count("The columns are those of pmacct") == 1
    assert "flows of two one-way records" in done.stderr
    facts = json.loads(Path("m.json").read_text())
    assert (facts["flows"], facts["paired"], facts["unpaired"]) == (1, 1, 0)
    assert facts["skipped"] == {"not_a_flow": 2}
    assert facts["bad_records"] == {}


@pytest.mark.parametrize("option", ["--pair_seconds", "--pair-seconds"])
def test_one_way_records_can_be_left_alone(option: str) -> None:
    done = run("--preset", "pmacct", option, "0")
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [(row["IN_BYTES"], row["OUT_BYTES"]) for row in rows] == [(100, 0), (900, 0)]
    assert "Warning: the records tell one direction each" in done.stderr
    # it was asked for
    assert "The columns are those of" not in done.stderr


def test_nested_columns_and_other_events() -> None:
    Path("flows.json").write_text(lines({**EVE, "event_type": "dns"}, EVE))
    done = run()
    assert done.exit_code == 0, done.output
    (alert,) = map(json.loads, Path("a.jsonl").read_text().splitlines())
    assert alert["flow"] == EVE["flow"]
    assert (alert["IN_BYTES"], alert["OUT_BYTES"], alert["FLOW_DURATION_MILLISECONDS"]) == (100, 900, 2250)


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("--preset", "cisco"), 2, "'cisco' is not one of 'auto', 'canonical', 'nprobe'"),
        (("--pair_seconds", "-1"), 2, "-1"),
        (("--pair_seconds", "nan"), 2, "'--pair_seconds': nan is no finite number"),
        (("--preset", "zeek"), 1, "They were read as those of zeek (--preset)"),
        (("--preset", "canonical"), 1, "or columns of an exporter, which --preset names: nprobe, goflow2"),
        (("--checkpoint", "points"), 2, "--checkpoint cannot go on in the middle of pairs"),
    ],
)
def test_mistakes_are_one_clear_error(args: tuple[str, ...], code: int, told: str) -> None:
    done = run(*args)
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("name", ["aws_vpc", "aws-vpc", "AWS_VPC"])
def test_a_preset_may_be_spelled_with_dashes_or_underscores(name: str) -> None:
    Path("flows.json").write_text(lines({"srcaddr": A, "dstaddr": B, "bytes": 5, "start": 1, "end": 3}))
    done = run("--preset", name)
    assert done.exit_code == 0, done.output
    (alert,) = map(json.loads, Path("a.jsonl").read_text().splitlines())
    assert (alert["IN_BYTES"], alert["FLOW_DURATION_MILLISECONDS"]) == (5, 2000)


def test_the_help_lists_what_the_page_lists() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exporters.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    told = " ".join(CliRunner().invoke(main, ["run", "pipeline-gae", "--help"]).output.split())
    names = told.partition("found out by default (auto). One of ")[2].partition(".")[0].split(", ")
    assert set(names) == {"auto", "canonical"} | listed


def test_negative_durations_are_told() -> None:
    Path("flows.json").write_text(
        lines({**EVE, "flow": {**EVE["flow"], "end": "2023-11-14T23:13:19.000000+0100"}})
    )
    done = run()
    assert done.exit_code == 0, done.output
    facts = json.loads(Path("m.json").read_text())
    assert (facts["noted"], facts["durations_missing"]) == ({"negative_duration": 1}, 1)
    assert facts["bad_records"] == {}
    assert "put right: negative_duration" in done.stderr
    (alert,) = map(json.loads, Path("a.jsonl").read_text().splitlines())
    assert alert["FLOW_DURATION_MILLISECONDS"] is None
