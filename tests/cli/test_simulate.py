from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from morpheus_gae.cli.simulate import command


def test_writes_flows_and_figures(tmp_path: Path) -> None:
    out, figures_file = tmp_path / "day.parquet", tmp_path / "figures.json"
    arguments = [
        "--output",
        str(out),
        "--flows",
        "3000",
        "--attack-share",
        "0.1",
        "--start",
        "2025-03-04T09:00Z",
    ]
    done = CliRunner().invoke(command, [*arguments, "--json", str(figures_file)])
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "3,000 flows" in done.stderr
    rows = pq.read_table(out)
    assert rows.num_rows == 3000
    assert rows["FLOW_START_MILLISECONDS"][0].as_py() >= 1_741_078_800_000
    figures = json.loads(figures_file.read_text())
    assert figures["flows"] == 3000
    assert figures["attack_flows"] == 300
    again = tmp_path / "again.parquet"
    CliRunner().invoke(command, ["--output", str(again), *arguments[2:]])
    assert again.read_bytes() == out.read_bytes()


def test_lines_on_stdout() -> None:
    done = CliRunner().invoke(
        command, ["--output", "-", "--flows", "50", "--attacks", "none", "--ipv6_share", "0"]
    )
    assert done.exit_code == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 50
    assert {row["Attack"] for row in rows} == {"Benign"}
    assert "IPV6_SRC_ADDR" not in rows[0]


def test_garbage_is_counted(tmp_path: Path) -> None:
    out = tmp_path / "flows.csv"
    done = CliRunner().invoke(command, ["--output", str(out), "--flows", "1000", "--garbage", "0.05"])
    assert "50 malformed rows" in done.stderr
    assert len(out.read_text().splitlines()) == 1051


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "x.txt"], "must end in"),
        (["--output", "x.parquet", "--garbage", "0.1"], "only text"),
        (["--output", "x.csv", "--start", "monday"], "is no date"),
        (["--output", "x.csv", "--attacks", "ransom"], "unknown attack"),
        (["--output", "x.csv", "--hosts", "2"], "at least 40 hosts"),
        (["--output", "x.csv", "--flows", "100", "--hub"], "hub"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, arguments)
    assert list(tmp_path.iterdir()) == []
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert "Traceback" not in done.output
