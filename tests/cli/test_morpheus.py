"""The command line with a toy model: a flow's surprise is its forward bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import morpheus_gae
import morpheus_gae.executors.open
from morpheus_gae.cli.morpheus import main
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.model import shipped
from tests.cli.toy_morpheus import open_toy

HEADER = "IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS,note,Label"


def csv_of(surprises: list[int]) -> str:
    rows = [f"10.0.0.{i},10.0.1.{i},{s},5,7,row {i},{s % 2}" for i, s in enumerate(surprises)]
    return "\n".join([HEADER, *rows]) + "\n"


def morpheus(*args: str, **kwargs: Any) -> Result:
    return CliRunner().invoke(main, ["run", *args], **kwargs)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)
    monkeypatch.chdir(tmp_path)
    # nor is there a shipped one
    monkeypatch.setattr(shipped, "INSTALLED", tmp_path / "installed")
    monkeypatch.setattr(shipped, "CHECKOUT", tmp_path / "checkout")
    Path("flows.csv").write_text(csv_of([3, 9, 0, 8, 1, 7, 2]))


def test_input_and_output_alone_build_the_usual_chain() -> None:
    done = morpheus(
        "pipeline-gae",
        "--model",
        "toy",
        "--input",
        "flows.csv",
        "--output",
        "a.jsonl",
        "--threshold",
        "0.999",
    )
    assert done.exit_code == 0, done.output
    rows = rows_of(Path("a.jsonl"))
    assert [row["note"] for row in rows] == ["row 1", "row 3", "row 5"]
    first = rows[0]
    assert first["IPV4_SRC_ADDR"] == "10.0.0.1"
    assert first["anomaly_score"] == pytest.approx(0.99987, abs=1e-4)
    assert first["is_anomaly"] is True
    assert first["threshold"] == pytest.approx(0.999)
    assert first["model"] == "toy@0123456789ab"
    assert first["why"]
    assert done.stdout == ""
    for fact in ("flows", "windows", "hosts", "alerts", "TPR", "FPR"):
        assert fact in done.stderr


def test_threshold_zero_gives_every_row_in_input_order() -> None:
    done = morpheus(
        *("--pipeline_batch_size", "2", "pipeline-gae", "--model", "toy", "--graph_size", "3"),
        *("--input", "flows.csv", "--output", "a.jsonl", "--threshold", "0"),
    )
    assert done.exit_code == 0, done.output
    assert [row["note"] for row in rows_of(Path("a.jsonl"))] == [f"row {i}" for i in range(7)]


@pytest.mark.parametrize(
    "args",
    [
        # options at the stages
        [
            *("pipeline-gae", "--model", "toy", "from-netflow", "--input", "flows.csv", "build-graph"),
            *("--graph-size", "3", "infer-gae", "flag-anomalies", "--alert_rate", "1%", "monitor"),
            *("to-alerts", "--output", "b.jsonl"),
        ],
        # options at the pipeline, stages bare
        [
            *("pipeline-gae", "--model", "toy", "--input", "flows.csv", "--output", "b.jsonl"),
            *("--graph_size", "3", "--alert-rate", "0.01", *USUAL),
        ],
        # a stage takes back what the pipeline was told
        [
            *("pipeline-gae", "--input", "nowhere.csv", "--output", "b.jsonl", "--threshold", "0"),
            *("from-netflow", "--input", "flows.csv", "build_graph", "infer_gae", "--model", "toy"),
            *("flag_anomalies", "--alert_rate", "0.01", "to_alerts"),
        ],
    ],
)
def test_stages_give_what_the_usual_chain_gives(args: list[str]) -> None:
    usual = ("--model", "toy", "--input", "flows.csv", "--output", "a.jsonl", "--alert_rate", "0.01")
    assert morpheus("pipeline-gae", *usual).exit_code == 0
    done = morpheus(*args)
    assert done.exit_code == 0, done.output
    assert Path("b.jsonl").read_text() == Path("a.jsonl").read_text() != ""


def test_stages_without_a_destination_only_count() -> None:
    done = morpheus("pipeline-gae", "from-netflow", "--input", "flows.csv", "build-graph", "monitor")
    assert done.exit_code == 0, done.output
    assert "flows/s" in done.stderr
    assert [p.name for p in Path().iterdir()] == ["flows.csv"]


def test_metrics_and_bad_records() -> None:
    text = csv_of([3, 9, 0])
    Path("bad.csv").write_text(text + "not an address,10.0.0.1,1,1,1,x,0\n10.0.0.1,10.0.0.2,,1,1,x,0\n")
    done = morpheus(
        *("pipeline-gae", "--model", "toy", "--input", "bad.csv", "--output", "a.jsonl"),
        *("--threshold", "0", "--json", "m.json"),
    )
    assert done.exit_code == 0, done.output
    facts = json.loads(Path("m.json").read_text())
    assert facts["status"] == "finished"
    assert (facts["flows"], facts["alerts"], facts["windows"]) == (3, 3, 1)
    assert sum(facts["bad_records"].values()) == 2
    assert {row["reason"] for row in rows_of(Path("a.jsonl.dead.ndjson"))} == set(facts["bad_records"])
    assert facts["labels"] == {"attacks": 2, "benign": 1, "tpr": 1.0, "fpr": 1.0}
    assert set(facts["seconds"]) == set(USUAL)
    for reason in facts["bad_records"]:
        assert reason in done.stderr


def test_alerts_go_to_stdout_alone() -> None:
    done = morpheus("pipeline-gae", "--model", "toy", "--input", "flows.csv", "--threshold", "0.999")
    assert done.exit_code == 0
    assert [json.loads(line)["note"] for line in done.stdout.splitlines()] == ["row 1", "row 3", "row 5"]


def test_an_extrapolated_threshold_is_told() -> None:
    done = morpheus("pipeline-gae", "--model", "toy", "--input", "flows.csv")
    assert done.exit_code == 0
    assert "0.001 is extrapolated" in done.stderr


def test_adaptive() -> None:
    done = morpheus(
        *("pipeline-gae", "--model", "toy", "--input", "flows.csv", "--output", "a.jsonl"),
        *("--adaptive", "--alert_rate", "0.3"),
    )
    assert done.exit_code == 0, done.output
    # seven flows hardly move what the model's own say, 1.2 nats
    notes = [row["note"] for row in rows_of(Path("a.jsonl"))]
    assert notes == ["row 0", "row 1", "row 3", "row 5", "row 6"]


def test_options_from_the_environment() -> None:
    env = {
        "MORPHEUS_RUN_PIPELINE_GAE_MODEL": "toy",
        "MORPHEUS_RUN_PIPELINE_GAE_INPUT": "flows.csv",
        "MORPHEUS_RUN_PIPELINE_GAE_TO_ALERTS_OUTPUT": "a.jsonl",
        "MORPHEUS_RUN_EDGE_BUFFER_SIZE": "1",
    }
    done = morpheus("pipeline-gae", *USUAL, env=env)
    assert done.exit_code == 0, done.output
    assert Path("a.jsonl").exists()


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["pipeline-gae", "infer-gae"], 2, "no source"),
        (["pipeline-gae", "--model", "toy"], 2, "give --input"),
        (["pipeline-gae", "from-netflow", "infer-gae", "build-graph"], 2, "infer-gae needs build-graph"),
        (["pipeline-gae", "nonsense"], 2, "nonsense"),
        (["pipeline-gae", "--thresold", "1"], 2, "No such option"),
        (["pipeline-gae", "--threshold", "2"], 2, "--threshold"),
        (["pipeline-gae", "--alert_rate", "0"], 2, "is not a rate"),
        (["pipeline-gae", "--threshold", "0.5", "--alert_rate", "0.1"], 2, "excludes"),
        (["pipeline-gae", "--graph_size", "0"], 2, "--graph_size"),
        (["--num_threads", str(10**18), "pipeline-gae"], 2, "--num_threads"),
        (["--pipeline_batch_size", str(2**63), "pipeline-gae"], 2, "--pipeline_batch_size"),
        (
            ["pipeline-gae", "--model", "toy", "--input", "flows.csv", "--window_seconds", "nan"],
            2,
            "nan is no finite number",
        ),
        *(
            (
                ["pipeline-gae", "--model", "toy", "--input", "flows.csv", "--output", "a.jsonl", *told],
                code,
                words,
            )
            for told, code, words in (
                (("--learn", "--half_life", "inf"), 2, "'--half_life': inf is no finite number"),
                (("--incidents", "i.jsonl", "--incident_quiet", "1e300"), 2, "a year at most"),
                (("--adaptive", "--alert_rate", "1e-12"), 2, "alert rate 1e-12 is below 1e-06"),
                (("--incident_state", "t"), 2, "--incident_state is for --exactly_once"),
                (("--dead_letters", "."), 1, ". cannot be written: it is a folder"),
                (("--dead_letters", "no/d"), 1, "no/d cannot be written: its folder does not exist"),
            )
        ),
        (
            ["pipeline-gae", "--model", "toy", "--input", "kafka://h/t"],
            2,
            "not of the form kafka://host:port",
        ),
        (["pipeline-gae", "--model", "toy", "--input", "flows.csv", "--alert_rate", "1e-9"], 2, "support"),
        (["pipeline-gae", "--model", "toy", "--input", "flows.csv", "--json", "no/m.json"], 2, "folder"),
        (
            ["pipeline-gae", "--output", "a.jsonl", "from-netflow", "--input", "flows.csv", "build-graph"],
            2,
            "no stage writes it",
        ),
        (["pipeline-gae", "--input", "flows.csv"], 1, "no model"),
        (["pipeline-gae", "--model", "toy", "--input", "nowhere.csv"], 1, "nowhere.csv"),
        (
            ["pipeline-gae", "--model", "toy", "--input", "flows.csv", "--output", "no/a.jsonl"],
            1,
            "no/a.jsonl",
        ),
        (
            ["pipeline-gae", "--model", "toy", "--input", "flows.*", "--output", "flows.csv"],
            2,
            "read as input",
        ),
        (
            [
                "pipeline-gae",
                "--model",
                "toy",
                "--input",
                "flows.csv",
                "--output",
                "a.jsonl",
                "--dead_letters",
                "a.jsonl",
            ],
            2,
            "two files",
        ),
        *(
            (
                ["pipeline-gae", "--model", "toy", "--input", "flows.csv", "--output", "a.jsonl", *told],
                2,
                f"a.jsonl cannot be both --output and {told[0]}",
            )
            for told in (("--incidents", "a.jsonl"), ("--state", "a.jsonl"), ("--json", "./a.jsonl"))
        ),
        (
            ["pipeline-gae", "--model", "toy", "--input", "flows.csv", "--json", "flows.csv"],
            2,
            "flows.csv is read as input",
        ),
        (["--engine", "morpheus", "pipeline-gae", "--input", "flows.csv"], 1, "not installed"),
    ],
)
def test_mistakes_are_one_clear_error(args: list[str], code: int, message: str) -> None:
    done = morpheus(*args)
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert done.stderr.count("Error:") == 1
    assert "Traceback" not in done.output


@pytest.mark.parametrize("stage", [*USUAL, "monitor"])
def test_every_stage_has_help(stage: str) -> None:
    done = morpheus("pipeline-gae", stage, "--help")
    assert done.exit_code == 0
    assert "--" in done.output


def test_version() -> None:
    done = CliRunner().invoke(main, ["--version"])
    assert done.exit_code == 0
    assert morpheus_gae.__version__ in done.output
