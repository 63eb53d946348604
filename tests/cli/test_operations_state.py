"""--state, and outputs of yesterday, with a toy model: a flow's surprise is its forward bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import morpheus_gae.executors.open
from tests.cli.test_morpheus import csv_of, morpheus
from tests.cli.toy_morpheus import open_toy

SIZE = 20


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)
    monkeypatch.chdir(tmp_path)
    surprises = np.random.default_rng(0).integers(0, 30, 6 * SIZE).tolist()
    Path("one.csv").write_text(csv_of(surprises[: 4 * SIZE]))
    Path("two.csv").write_text(csv_of(surprises[4 * SIZE :]))


def run(*args: str) -> Result:
    usual = ("--model", "toy", "--graph_size", str(SIZE))
    return morpheus("pipeline-gae", *usual, *args)


def thresholds(path: str) -> list[float]:
    return [json.loads(line)["threshold"] for line in Path(path).read_text().splitlines()]


def test_the_next_run_begins_where_the_last_one_ended() -> None:
    rule = ("--adaptive", "--alert_rate", "0.2")
    whole = run("--input", "one.csv", "--input", "two.csv", "--output", "whole.jsonl", *rule)
    assert whole.exit_code == 0, whole.output
    for number in ("one", "two"):
        done = run("--input", f"{number}.csv", "--output", f"{number}.jsonl", *rule, "--state", "state.json")
        assert done.exit_code == 0, done.output
        assert ("Going on from what state.json holds" in done.stderr) == (number == "two")
    assert thresholds("one.jsonl") + thresholds("two.jsonl") == thresholds("whole.jsonl")
    fresh = run("--input", "two.csv", "--output", "fresh.jsonl", *rule)
    assert fresh.exit_code == 0
    assert thresholds("fresh.jsonl") != thresholds("two.jsonl")


def test_a_state_of_another_model_is_refused() -> None:
    done = run("--input", "one.csv", "--output", "a.jsonl", "--state", "state.json")
    assert done.exit_code == 0, done.output
    saved = json.loads(Path("state.json").read_text())
    Path("state.json").write_text(json.dumps({**saved, "model": "other@000000000000"}))
    done = run("--input", "one.csv", "--output", "a.jsonl", "--state", "state.json")
    assert done.exit_code == 2
    assert "state.json was learnt with model other@000000000000" in done.stderr
    assert done.stderr.count("Error:") == 1


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--state", "no/state.json"], 2, "folder does not exist"),
        (["--checkpoint", "one.csv"], 1, "cannot be written"),
        (["--reload_seconds", "0"], 2, "reload_seconds"),
        (["--metrics_port", "70000"], 2, "metrics_port"),
        (["--metrics_port", "0", "--metrics_host", "no such host"], 2, "--metrics_port 0 on no such host"),
        (["--log_format", "xml"], 2, "log_format"),
    ],
)
def test_mistakes_are_one_clear_error(args: list[str], code: int, message: str) -> None:
    done = run("--input", "one.csv", "--output", "a.jsonl", *args)
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert not Path("a.jsonl").exists()


@pytest.mark.parametrize(
    "args",
    [
        # found out before a flow is read, when the first one is, and when the model is loaded
        ["--input", "nowhere.csv"],
        ["--input", "useless.csv"],
        ["--input", "one.csv", "--alert_rate", "1e-9"],
    ],
)
def test_a_run_that_fails_leaves_the_output_of_yesterday(args: list[str]) -> None:
    Path("a.jsonl").write_text("of yesterday\n")
    Path("useless.csv").write_text("a,b\n1,2\n")
    done = run("--output", "a.jsonl", *args)
    assert done.exit_code in (1, 2)
    assert Path("a.jsonl").read_text() == "of yesterday\n"


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"])
def test_an_empty_result_is_an_empty_output(name: str) -> None:
    Path("none.csv").write_text(csv_of([]))
    Path(name).write_text("of yesterday\n")
    done = run("--input", "none.csv", "--output", name)
    assert done.exit_code == 0, done.output
    assert b"yesterday" not in Path(name).read_bytes()
