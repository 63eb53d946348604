"""Folders on the command line: run, go on after a stop, train and evaluate; what is written is no input."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import morpheus_gae.executors.open
from morpheus_gae.cli.gae import main as gae
from morpheus_gae.cli.morpheus import main
from tests.cli.toy_morpheus import open_toy
from tests.evaluate.make import attack_flows, benign_flows
from tests.flows.made_files import encoded, record


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "flows"
    for i, name in enumerate(("dt=1/p.parquet", "dt=2/p.csv", "dt=2/q.ndjson")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        kind = name.rpartition(".")[2]
        (root / name).write_bytes(encoded([record(10 * i + k) for k in range(10)], kind))
    (root / "_SUCCESS").write_text("")
    return root


def run(*args: str) -> Result:
    fixed = ("--model", "toy", "--threshold", "0", "--metrics", "m.json", "--graph_size", "7")
    return CliRunner().invoke(main, ["run", "pipeline-gae", *fixed, *args])


def alerts(path: str = "a.jsonl") -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.mark.parametrize("given", ["flows", "flows/", "fl*s", "flows/**"])
def test_a_folder_is_read_and_its_partitions_ride_along(given: str, folder: Path) -> None:
    done = run("--input", given, "--output", "a.jsonl")
    assert done.exit_code == 0, done.output
    rows = alerts()
    assert [row["IN_BYTES"] for row in rows] == list(range(100, 130))
    assert [row["dt"] for row in rows] == ["1"] * 10 + ["2"] * 20
    facts = json.loads(Path("m.json").read_text())
    assert facts["bytes_read"] == sum(p.stat().st_size for p in folder.rglob("*.*"))


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--output", "flows/a.jsonl"], "flows/a.jsonl lies in flows, all of which is read as input"),
        (["--output", "a.jsonl", "--dead_letters", "flows/dt=3.ndjson"], "flows/dt=3.ndjson lies in flows"),
        (["--output", "a.jsonl", "--checkpoint", "flows/points"], "flows/points lies in flows"),
        (["--output", "flows/dt=2/p.csv"], "flows/dt=2/p.csv is read as input"),
    ],
)
def test_what_is_written_does_not_lie_in_what_is_read(args: list[str], told: str) -> None:
    done = run("--input", "flows", *args)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(f"Error: {told}")
    # a name that is left out may
    assert run("--input", "flows", "--output", "flows/_alerts.jsonl").exit_code == 0
    assert len(alerts("flows/_alerts.jsonl")) == 30


def test_a_pattern_does_not_take_up_what_the_run_itself_writes() -> None:
    for _ in range(2):
        done = run("--input", "flows/dt=2/*", "--output", "flows/dt=2/_new.jsonl")
        assert done.exit_code == (2 if _ else 0), done.output
        assert len(alerts("flows/dt=2/_new.jsonl")) == 20


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, "empty: no data file in that folder"),
        ("_delta_log/0.json", "empty is a table of Delta Lake"),
        ("metadata/v1.metadata.json", "empty is a table of Iceberg"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_clear_line(made: str | None, told: str) -> None:
    Path("empty").mkdir()
    if made:
        (Path("empty") / made).parent.mkdir()
        (Path("empty") / made).write_text("{}")
    done = run("--input", "empty", "--output", "a.jsonl")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1), done.output
    assert told in done.stderr
    # without torch, to train says that first
    train = [["train", "--model", "m"]] if find_spec("torch") else []
    for command in (*train, ["evaluate"]):
        done = CliRunner().invoke(gae, [*command, "--input", "empty"])
        assert (done.exit_code, done.output.count("\n")) == (1, 1), done.output
        assert told in done.output


def test_a_checkpoint_is_of_the_files_of_a_folder(folder: Path) -> None:
    args = ("--input", "flows", "--output", "a.jsonl", "--checkpoint", "points")
    assert run(*args).exit_code == 0
    first = Path("a.jsonl").read_bytes()
    assert "nothing to do" in run(*args).stderr
    (folder / "_later").write_text("left out")
    assert "nothing to do" in run(*args).stderr
    (folder / "new.csv").write_bytes(encoded([record(1)], "csv"))
    done = run(*args)
    assert done.exit_code == 2
    assert "it had 3 inputs, this has 4" in done.stderr
    assert Path("a.jsonl").read_bytes() == first


def test_train_and_evaluate_read_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Labels may be in the names of the folders alone."""
    pytest.importorskip("torch", reason="training needs torch")
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    for label, flows in enumerate((benign_flows(400), attack_flows(60, first_row=400))):
        part = Path("labelled") / f"Label={label}" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        names = [n for n in flows.table.column_names if n not in ("Label", "Attack")]
        pq.write_table(flows.table.select(names), part)
    told = ["train", "--input", "labelled/Label=0", "--model", "mine", "--epochs", "1"]
    done = CliRunner().invoke(gae, told)
    assert done.exit_code == 0, done.output
    told = ["evaluate", "--input", "labelled", "--model", "mine", "--json", "f.json"]
    done = CliRunner().invoke(gae, told)
    assert done.exit_code == 0, done.output
    found = json.loads(Path("f.json").read_text())
    assert (found["flows"], found["attacks"]) == (460, 60)
