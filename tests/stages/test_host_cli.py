"""``morpheus`` with NVIDIA Morpheus' own Python layer: processes of their own, with the toy model."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from morpheus_gae.engine.run.defaults import morpheus_installed
from tests.cli.test_morpheus_live import flows, numbers
from tests.stages.test_stages import csv_file

pytestmark = [
    pytest.mark.morpheus,
    pytest.mark.skipif(not morpheus_installed(), reason="NVIDIA Morpheus cannot be imported"),
]

ROOT = Path(__file__).parents[2]
STAGES = (
    "build-graph",
    "--graph_size",
    "10",
    "infer-gae",
    "--model",
    "toy",
    "flag-anomalies",
    "--threshold",
    "0",
)


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "tests.cli.toy_morpheus", *args]


def environment(*paths: Path, **more: str) -> dict[str, str]:
    # whoever runs it from elsewhere has our package installed, and not the current folder on the path
    path = os.pathsep.join([*map(str, paths), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "MRC_STANDIN_PIN": "1", "MORPHEUS_RUN_ENGINE": "auto", **more}


def morpheus(*args: str, cwd: Path, paths: tuple[Path, ...] = (), **more: str) -> Any:
    return ended(command(*args), cwd, environment(*paths, **more))


def ended(line: list[str], cwd: Path, env: dict[str, str]) -> Any:
    return subprocess.run(line, check=False, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "stages",
    [
        ["--graph-size", "10", "--threshold", "0.99", "--model", "toy", "--output", "OUT"],
        ["from-netflow", *STAGES[:-1], "0.99", "monitor", "to-alerts", "--output", "OUT"],
    ],
)
def test_both_engines_give_the_same_alerts(tmp_path: Path, stages: list[str]) -> None:
    csv_file(tmp_path / "f.csv")
    for engine in ("embedded", "morpheus"):
        told = [f"{engine}.jsonl" if word == "OUT" else word for word in stages]
        json_file = f"{engine}.json"
        gae = ["pipeline-gae", "--input", "f.csv", "--metrics", json_file, *told]
        done = morpheus("run", "--use-cpu-only", "--engine", engine, *gae, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "morpheus.jsonl").read_bytes() == (tmp_path / "embedded.jsonl").read_bytes() != b""
    one, two = (json.loads((tmp_path / f"{engine}.json").read_text()) for engine in ("embedded", "morpheus"))
    for fact in ("status", "flows", "windows", "hosts", "pairs", "alerts", "bad_records", "labels"):
        assert one[fact] == two[fact]


CONFIG = """
[run]
use_cpu_only = true
num_threads = 1
[run.pipeline-gae]
input = "f.csv"
model = "toy"
threshold = 0.5
output = "a.jsonl"
"""
STAGE_TABLE = """
[run.pipeline-gae.flag-anomalies]
threshold = 0
"""


@pytest.mark.parametrize("place", [0, 2])
def test_options_from_a_file(tmp_path: Path, place: int) -> None:
    csv_file(tmp_path / "f.csv")
    (tmp_path / "o.toml").write_text(CONFIG)
    words = ["run", "pipeline-gae"]
    words[place:place] = ["--config", "o.toml"]
    done = morpheus(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(rows_of(tmp_path / "a.jsonl")) == 24
    (tmp_path / "o.toml").write_text(CONFIG + STAGE_TABLE)
    done = morpheus(*words, cwd=tmp_path)
    assert (done.returncode, "no stages are named" in done.stderr) == (2, True)
    stages = ("from-netflow", "build-graph", "infer-gae", "flag-anomalies", "to-alerts")
    done = morpheus(*words, *stages, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(rows_of(tmp_path / "a.jsonl")) == 25
    (tmp_path / "o.toml").write_text(CONFIG.replace("use_cpu_only", "use_cpu_onyl"))
    done = morpheus(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "o.toml: run.use_cpu_onyl: there is no such option or command; is it use_cpu_only?" in done.stderr


def test_nothing_but_alerts_on_stdout(tmp_path: Path) -> None:
    csv_file(tmp_path / "f.csv")
    gae = ["pipeline-gae", "--input", "f.csv", "--model", "toy", "--threshold", "0", "--output", "-"]
    done = morpheus("run", "--use_cpu_only", *gae, cwd=tmp_path)
    assert numbers(done.stdout.encode().splitlines()) == list(range(25)), done.stderr


def test_stock_stages_before_and_after(tmp_path: Path) -> None:
    text = Path(csv_file(tmp_path / "f.csv")).read_text()
    told = ["pipeline-gae", "from-file", "--filename", "f.csv", "deserialize", *STAGES, "to-alerts"]
    told += [
        "--output",
        "a.jsonl",
        "add-scores",
        "filter",
        "--filter_source",
        "TENSOR",
        "--threshold",
        "0.99",
    ]
    told += ["serialize", "to-file", "--filename", "scored.json"]
    done = morpheus("run", "--use_cpu_only", *told, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nowhere" in text
    assert [row["IN_BYTES"] for row in rows_of(tmp_path / "a.jsonl")] == list(range(25))
    scored = rows_of(tmp_path / "scored.json")
    assert [row["IN_BYTES"] for row in scored] == list(range(5, 25))
    assert all(row["anomaly"] == row["anomaly_score"] > 0.99 for row in scored)
    assert scored[0]["note"] == "note 5"


def test_monitor_anywhere_and_filter_by_column(tmp_path: Path) -> None:
    csv_file(tmp_path / "f.csv")
    watched = ["from-netflow", *STAGES]
    for name in ("build-graph", "infer-gae", "flag-anomalies"):
        watched.insert(watched.index(name), "monitor")
    rule = ["filter", "--filter_source", "DATAFRAME", "--field_name", "anomaly_score", "--threshold", "0.99"]
    told = [*watched, "monitor", *rule, "to-alerts", "--output", "a.jsonl", "monitor"]
    done = morpheus("run", "--use_cpu_only", "pipeline-gae", "--input", "f.csv", *told, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [row["IN_BYTES"] for row in rows_of(tmp_path / "a.jsonl")] == list(range(5, 25))


def test_options_of_stages_in_a_stock_pipeline(tmp_path: Path) -> None:
    csv_file(tmp_path / "f.csv")
    told = [
        "from-netflow",
        "--input",
        "*.csv",
        "--preset",
        "canonical",
        "--pair_seconds",
        "0",
        "--repeat",
        "2",
    ]
    told += [*STAGES, "to-alerts", "--output_format", "ndjson", "--output", "a.jsonl"]
    plugin = ("--plugin", "morpheus_gae.stages", "run", "--use_cpu_only", "pipeline-other")
    done = morpheus(*plugin, *told, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [row["IN_BYTES"] for row in rows_of(tmp_path / "a.jsonl")] == [*range(25), *range(25)]
    # the page of all stages imports the stock ones, too, of which some need a GPU's libraries
    shown = morpheus(*plugin, "from-netflow", "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "--pair_seconds" in shown.stdout


def test_importing_our_stages_needs_no_library_of_a_gpu(tmp_path: Path) -> None:
    heavy = "{'cudf', 'cupy', 'rmm', 'torch', 'confluent_kafka'}"
    code = f"import sys, morpheus_gae.stages; print(sorted({heavy} & set(sys.modules)))"
    told = [sys.executable, "-c", code]
    done = subprocess.run(
        told, check=False, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("way", ["plugin", "environment", "entry point"])
def test_stages_in_a_stock_pipeline(tmp_path: Path, way: str) -> None:
    group = importlib.metadata.entry_points(group="morpheus")
    if way == "entry point" and "morpheus_gae.stages" not in group.names:
        pytest.skip("the package is not installed")
    csv_file(tmp_path / "f.csv")
    first = ["--plugin", "morpheus_gae.stages"] if way == "plugin" else []
    more = {"MORPHEUS_PLUGINS": "morpheus_gae.stages"} if way == "environment" else {}
    told = ["pipeline-other", "from-netflow", "--input", "f.csv", *STAGES, "to-alerts", "--output", "a.jsonl"]
    done = morpheus(*first, "run", "--use_cpu_only", *told, cwd=tmp_path, **more)
    assert done.returncode == 0, done.stderr
    assert [row["IN_BYTES"] for row in rows_of(tmp_path / "a.jsonl")] == list(range(25))
    assert len(rows_of(tmp_path / "a.jsonl.dead.ndjson")) == 1


@pytest.mark.parametrize("pipeline", ["pipeline-gae", "pipeline-other"])
def test_an_error_is_one_line(tmp_path: Path, pipeline: str) -> None:
    (tmp_path / "f.csv").write_text("A,B\n1,2\n")
    told = ["from-netflow", "--input", "f.csv", *STAGES, "to-alerts", "--output", "a.jsonl"]
    done = morpheus("--plugin", "morpheus_gae.stages", "run", "--use_cpu_only", pipeline, *told, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    # the host's log has a thread of its own, so its lines may come before or after
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert line.startswith("Error: f.csv: required columns are missing")


def test_without_cudf_gpu_mode_says_what_to_do(tmp_path: Path) -> None:
    if importlib.util.find_spec("cudf") is not None:
        pytest.skip("cuDF is here")
    done = morpheus("run", "pipeline-gae", "--input", "f.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "--use_cpu_only" in done.stderr


def test_a_signal_drains(tmp_path: Path) -> None:
    told = ["--input", "-", "--format", "ndjson", "--graph_size", "5", "--model", "toy", "--threshold", "0"]
    process = subprocess.Popen(
        command("run", "--use_cpu_only", "pipeline-gae", *told, "--metrics", "m.json"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
    )
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(flows(0, 7))
            process.stdin.flush()
            first = [process.stdout.readline() for _ in range(5)]
            # stdin stays open: only the signal can end the run
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read().splitlines()
            assert process.wait(120) == 0
        finally:
            process.kill()
    assert numbers([line for line in first + rest if line.startswith(b"{")]) == list(range(7))
    assert json.loads((tmp_path / "m.json").read_text())["status"] == "stopped"


@pytest.mark.parametrize(
    ("told", "size"), [((), 4), (("--edge_buffer_size", "16"), 16), (("--edge-buffer-size", "5"), 8)]
)
def test_few_windows_wait_between_stages(tmp_path: Path, told: tuple[str, ...], size: int) -> None:
    csv_file(tmp_path / "f.csv")
    # frozen when the pipeline is made: what it has then is what holds
    script = (
        "import runpy, sys\n"
        "from morpheus.pipeline import LinearPipeline\n"
        "make = LinearPipeline.__init__\n"
        "def made(self, config, *args, **kwargs):\n"
        "    print('holds', config.edge_buffer_size)\n"
        "    make(self, config, *args, **kwargs)\n"
        "LinearPipeline.__init__ = made\n"
        "sys.argv[0] = 'morpheus'\n"
        "runpy.run_module('tests.cli.toy_morpheus', run_name='__main__')\n"
    )
    rest = ["pipeline-gae", "--input", "f.csv", "--model", "toy", "--output", "a.jsonl"]
    line = [sys.executable, "-c", script, "run", "--use_cpu_only", *told, *rest]
    done = ended(line, tmp_path, environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["holds", str(size)]


def test_viz_file(tmp_path: Path) -> None:
    csv_file(tmp_path / "f.csv")
    told = ["--input", "f.csv", "--model", "toy", "--output", "a.jsonl", "--viz_file", "drawn.svg"]
    (tmp_path / "bin").mkdir()
    without, path = {"PATH": str(tmp_path / "bin")}, f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = morpheus("run", "--use_cpu_only", "pipeline-gae", *told, cwd=tmp_path, **without)
    assert done.returncode == 1
    assert "Error: --viz_file needs" in done.stderr
    assert not (tmp_path / "a.jsonl").exists()
    # the host's own drawing, by the real library where there is one; its program gives back what it was given
    if importlib.util.find_spec("graphviz") is None:
        (tmp_path / "graphviz.py").write_text(
            "class Digraph:\n"
            "    def __init__(self, *a, **k): self.body = []\n"
            "    def node(self, *a, **k): self.body.append(repr((a, k)))\n"
            "    attr = edge = node\n"
            "    def subgraph(self, graph): self.body += graph.body\n"
            "    def pipe(self, format): return '\\n'.join(self.body).encode()\n"
        )
    (tmp_path / "bin" / "dot").write_text("#!/bin/sh\nexec cat\n")
    (tmp_path / "bin" / "dot").chmod(0o755)
    done = morpheus(
        "run", "--use_cpu_only", "pipeline-gae", *told, cwd=tmp_path, paths=(tmp_path,), PATH=path
    )
    assert done.returncode == 0, done.stderr
    drawn = (tmp_path / "drawn.svg").read_text()
    assert all(name in drawn for name in ("from-netflow", "build-graph", "infer-gae", "to-alerts"))


def test_help_shows_our_stages_and_the_stock_ones(tmp_path: Path) -> None:
    done = morpheus("run", "pipeline-gae", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("from-netflow", "build-graph", "to-alerts", "from-kafka", "serialize", "--viz_file"):
        assert f"  {name}" in done.stdout
    assert "pipeline-nlp" in morpheus("run", "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("example", ["morpheus_linear.py", "morpheus_two_sources.py"])
def test_examples(tmp_path: Path, example: str) -> None:
    model = ROOT / "models" / "default"
    if not (model / "config.json").is_file():
        pytest.skip("models/default is not there")
    csv_file(tmp_path / "f.csv")
    files = ["a.jsonl", "s.csv"] if "linear" in example else ["f.csv", "a.jsonl"]
    line = [sys.executable, str(ROOT / "pipelines" / example), "f.csv", *files, str(model)]
    done = ended(line, tmp_path, environment())
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.jsonl").is_file()
    if "linear" in example:
        assert len((tmp_path / "s.csv").read_text().splitlines()) == 26
