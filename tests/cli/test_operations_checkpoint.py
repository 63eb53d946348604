"""--checkpoint: killed with -9 wherever it hurts, a run that is taken up again gives what one run gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.live import ROOT

HEADER = "IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS,note"


def rows_of(first: int, count: int) -> list[dict[str, object]]:
    return [
        {
            "IPV4_SRC_ADDR": f"10.0.{i // 100}.{i % 100}",
            "IPV4_DST_ADDR": "10.9.0.1",
            "IN_BYTES": (i * 7919) % 97,
            "OUT_BYTES": 5,
            "FLOW_DURATION_MILLISECONDS": i if i % 5 else None,
            "note": f"row {i}",
        }
        for i in range(first, first + count)
    ]


def csv_with_garbage(path: Path, first: int, count: int) -> None:
    lines = [HEADER]
    for row in rows_of(first, count):
        lines.append(",".join("" if v is None else str(v) for v in row.values()))
        if int(str(row["note"])[4:]) % 6 == 0:
            lines.append(f"not an address,10.0.0.1,1,1,1,after {row['note']}")
    path.write_text("\n".join(lines) + "\n")


def ndjson_with_garbage(path: Path, first: int, count: int) -> None:
    lines = []
    for i, row in enumerate(rows_of(first, count)):
        lines.append(json.dumps(row))
        lines += ["{broken", "[]"] if i % 7 == 0 else []
    path.write_text("\n".join(lines) + "\n")


def parquet(path: Path, first: int, count: int) -> None:
    pq.write_table(pa.Table.from_pylist(rows_of(first, count)), path, row_group_size=16)


def command(*args: str, **steps: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.cli.killed_morpheus", "run", *args],
        cwd=ROOT,
        env={**os.environ, **steps},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


MAKERS = {".csv": csv_with_garbage, ".jsonl": ndjson_with_garbage, ".parquet": parquet}


@pytest.mark.parametrize(
    ("inputs", "output", "rule", "kills"),
    [
        ([".csv", ".jsonl"], "alerts.jsonl", ["--adaptive", "--alert_rate", "0.4"], [2, 15, 30]),
        ([".parquet", ".csv"], "alerts.csv", ["--threshold", "0"], [14, 37]),
    ],
)
def test_killed_and_taken_up_again(
    tmp_path: Path, inputs: list[str], output: str, rule: list[str], kills: list[int]
) -> None:
    given: list[str] = []
    for i, suffix in enumerate(inputs):
        path = tmp_path / f"flows{i}{suffix}"
        MAKERS[suffix](path, 40 * i, 40)
        given += ["--input", str(path)]
    usual = [
        "--pipeline_batch_size",
        "12",
        "pipeline-gae",
        "--model",
        "toy",
        *given,
        "--graph_size",
        "9",
        *rule,
    ]
    whole = tmp_path / f"whole-{output}"
    told = [tmp_path / "whole-incidents.jsonl", tmp_path / "cut-incidents.jsonl"]
    done = command(*usual, "--output", str(whole), "--incidents", str(told[0]))
    assert done.returncode == 0, done.stderr
    cut = tmp_path / f"cut-{output}"
    args = [*usual, "--output", str(cut), "--checkpoint", str(tmp_path / "ck"), "--checkpoint_seconds", "0"]
    args += ["--incidents", str(told[1])]
    for kill_at in kills:
        done = command(*args, KILL_AT=str(kill_at))
        assert done.returncode == -signal.SIGKILL, done.stderr
    done = command(*args)
    assert done.returncode == 0, done.stderr
    assert "Going on from record" in done.stderr
    assert cut.read_bytes() == whole.read_bytes() != b""
    letters = [Path(f"{path}.dead.ndjson") for path in (whole, cut)]
    assert letters[1].read_bytes() == letters[0].read_bytes() != b""
    assert told[1].read_bytes() == told[0].read_bytes() != b""
    assert b'"state":"closed"' in told[1].read_bytes().splitlines()[-1]
    # and once more: there is nothing to do
    done = command(*args)
    assert done.returncode == 0
    assert "is finished" in done.stderr
    assert cut.read_bytes() == whole.read_bytes()


def test_a_drained_run_is_taken_up_too(tmp_path: Path) -> None:
    """A stop leaves the window that it would cut short to the next run: windows end where they would have."""
    parquet(tmp_path / "flows.parquet", 0, 2000)
    usual = ["--pipeline_batch_size", "12", "--edge_buffer_size", "1", "pipeline-gae", "--model", "toy"]
    usual += ["--input", str(tmp_path / "flows.parquet"), "--graph_size", "30", "--threshold", "0"]
    assert command(*usual, "--output", str(tmp_path / "whole.csv")).returncode == 0
    args = [*usual, "--output", str(tmp_path / "cut.csv"), "--checkpoint", str(tmp_path / "ck")]
    done = command(*args, STOP_AT="1")
    assert done.returncode == 0, done.stderr
    assert "the same command goes on from" in done.stderr
    lines = (tmp_path / "cut.csv").read_text().splitlines()
    assert 1 < len(lines) < 2001
    assert len(lines) % 30 == 1
    assert command(*args).returncode == 0
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
