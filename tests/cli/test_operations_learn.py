"""--learn from the command line: taken up again it gives the same alerts; what does not fit is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from morpheus_gae.cli.operations import refuse_on_host
from morpheus_gae.detect import follow, listening
from morpheus_gae.engine.settings import Settings
from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.text import TextSink
from tests.cli.live import ROOT
from tests.cli.test_morpheus import morpheus
from tests.engine.test_learning import HOUR, hour, scan
from tests.fixtures.make import MODELS

HOURS = 20


@pytest.fixture(autouse=True)
def traffic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(listening, "FLOWS", 8 * HOUR)
    monkeypatch.setattr(listening, "SUPPORT", 10.0)
    monkeypatch.setattr(follow, "LEAST", 2 * HOUR)
    monkeypatch.chdir(tmp_path)
    write("one.parquet", range(HOURS // 2))
    write("two.parquet", range(HOURS // 2, HOURS))


def write(path: str, hours: range, hosts: int = 40) -> None:
    rows: list[dict[str, Any]] = []
    for n in hours:
        for flows in (hour(n, hosts), scan(n)) if n >= 14 else (hour(n, hosts),):
            rows += [
                {
                    "FLOW_START_MILLISECONDS": int(t),
                    "IPV4_SRC_ADDR": address(s),
                    "IPV4_DST_ADDR": address(d),
                    "IN_BYTES": int(a),
                    "OUT_BYTES": int(b),
                    "FLOW_DURATION_MILLISECONDS": int(c),
                }
                for t, s, d, (a, b, c) in zip(
                    flows.time_ms if flows.time_ms is not None else (),
                    flows.src_lo,
                    flows.dst_lo,
                    flows.attributes,
                    strict=True,
                )
            ]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=500)


def address(lo: np.uint64) -> str:
    return ".".join(str((int(lo) >> shift) & 255) for shift in (24, 16, 8, 0))


def run(*args: str, output: str = "alerts.jsonl") -> Result:
    usual = ("--model", str(MODELS / "default"), "--graph_size", "700", "--alert_rate", "0.01")
    return morpheus("pipeline-gae", *usual, "--learn", "--output", output, *args)


INPUT = ("--input", "one.parquet", "--input", "two.parquet")


def test_listens_then_alerts_and_tells_both(tmp_path: Path) -> None:
    done = run(*INPUT, "--metrics", "m.json")
    assert done.exit_code == 0, done.output
    told = done.stderr.splitlines()
    assert "no alerts for 8,000 flows" in told[0]
    assert any(line.startswith("Alerts begin: ") for line in told)
    found = json.loads(Path("m.json").read_text())["learning"]
    assert found["learnt"] > 50
    assert found["listening"] == 0
    alerts = [json.loads(line) for line in Path("alerts.jsonl").read_text().splitlines()]
    assert {"198.0.0.77"} <= {alert["IPV4_SRC_ADDR"] for alert in alerts}
    assert len(alerts) < 0.05 * HOURS * HOUR


@pytest.mark.parametrize("last", [3, 17, 25])
def test_a_run_that_fails_and_is_taken_up_again_gives_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    assert run(*INPUT, output="whole.jsonl").exit_code == 0
    add, left = TextSink.add, [last]

    def fails(sink: TextSink, table: pa.Table) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OutputError("the disk is full")
        add(sink, table)

    kept = ("--checkpoint", "ck", "--checkpoint_seconds", "0")
    monkeypatch.setattr(TextSink, "add", fails)
    broken = run(*INPUT, *kept)
    assert broken.exit_code == 1, broken.output
    monkeypatch.setattr(TextSink, "add", add)
    done = run(*INPUT, *kept)
    assert done.exit_code == 0, done.output
    assert ("Going on from record" in done.stderr) == (last > 1)
    assert Path("alerts.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    assert sorted(p.name[:6] for p in Path("ck").iterdir()) == ["checkp", "learnt", "lock"]
    other = run(*INPUT, *kept, "--half_life", "3")
    assert other.exit_code == 2
    assert "half_life was 14.0, is 3.0" in other.stderr


def test_a_run_that_is_killed_or_stopped_gives_the_same_bytes(tmp_path: Path) -> None:
    # a network that the model knows: it alerts from the first window on
    write("known.parquet", range(10, 32), hosts=30)

    def alone(name: str, **steps: str) -> subprocess.CompletedProcess[str]:
        args = ("--model", str(MODELS / "default"), "--graph_size", "700", "--alert_rate", "0.01", "--learn")
        files = ("--input", str(tmp_path / "known.parquet"), "--output", str(tmp_path / f"{name}.jsonl"))
        kept = ("--checkpoint", str(tmp_path / name), "--checkpoint_seconds", "0")
        return subprocess.run(
            [
                *(sys.executable, "-m", "tests.cli.killed_morpheus", "run", "--pipeline_batch_size", "500"),
                *("pipeline-gae", *args, *files, *kept),
            ],
            cwd=ROOT,
            env={**os.environ, "MODEL": "real", **steps},
            capture_output=True,
            text=True,
            check=False,
        )

    assert alone("whole").returncode == 0
    for how, status in (("KILL_AT", -signal.SIGKILL), ("STOP_AT", 0)):
        first = alone(how, **{how: "40"})
        assert first.returncode == status, first.stderr
        second = alone(how)
        assert second.returncode == 0, second.stderr
        assert "Going on from record" in second.stderr
        assert (tmp_path / f"{how}.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_the_next_run_goes_on_with_what_the_last_one_learnt() -> None:
    assert run(*INPUT, output="whole.jsonl").exit_code == 0
    for number in ("one", "two"):
        done = run("--input", f"{number}.parquet", "--state", "state.json", output=f"{number}.jsonl")
        assert done.exit_code == 0, done.output
        assert ("Going on from what state.json holds" in done.stderr) == (number == "two")
    flagged = [Path(f"{n}.jsonl").read_text().count("198.0.0.77") for n in ("whole", "two")]
    assert flagged[0] == flagged[1] > 0
    plain = morpheus(
        "pipeline-gae", "--model", str(MODELS / "default"), "--input", "two.parquet", "--state", "state.json",
        "--output", "a.jsonl",
    )  # fmt: skip
    assert plain.exit_code == 2
    assert "is of a run with --learn" in plain.stderr
    (tables,) = Path().glob("state.json.learnt-*.safetensors")
    tables.write_bytes(tables.read_bytes()[:-5])
    damaged = run("--input", "two.parquet", "--state", "state.json")
    assert damaged.exit_code == 1
    assert damaged.stderr.count("Error:") == 1
    assert "state.json is damaged" in damaged.stderr


def test_with_incidents_too_everything_that_was_learnt_is_kept(tmp_path: Path) -> None:
    for number, flows in (("one", len(pq.read_table("one.parquet"))), ("two", 20_180)):
        told = ("--state", "state.json", "--incidents", f"incidents-{number}.jsonl")
        done = run("--input", f"{number}.parquet", *told, output=f"{number}.jsonl")
        assert done.exit_code == 0, done.output
        saved = json.loads(Path("state.json").read_text())
        assert saved["stream"]["facts"]["learner"]["flows"] == flows
        assert "incidents" in saved


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--model", str(MODELS / "published")), "needs a model with a memory"),
        (("--reload_seconds", "5"), "--learn and --reload_seconds exclude each other"),
        (("--half_life", "0"), "half_life"),
    ],
)
def test_what_does_not_fit_is_refused(args: tuple[str, ...], message: str) -> None:
    done = run(*INPUT, *args)
    assert done.exit_code == 2, done.output
    assert message in done.stderr


def test_the_host_engine_refuses_it() -> None:
    refuse_on_host(Settings())
    with pytest.raises(UsageError, match="--learn is for the embedded engine"):
        refuse_on_host(Settings(learn=True))
