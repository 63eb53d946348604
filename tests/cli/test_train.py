from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae.cli.simulate import command as simulate
from morpheus_gae.cli.train import command


def flows_file(folder: Path) -> str:
    path = folder / "flows.parquet"
    args = ["--network", "1", "--flows", "7000", "--hosts", "50", "--output", str(path)]
    assert CliRunner().invoke(simulate, args).exit_code == 0
    return str(path)


def test_names_are_checked_before_the_work(tmp_path: Path) -> None:
    source = flows_file(tmp_path)
    result = CliRunner().invoke(command, ["--input", source, "--model", source])
    assert (result.exit_code, "is a file" in result.output) == (2, True)
    result = CliRunner().invoke(
        command,
        ["--input", source, "--model", str(tmp_path / "m"), "--json", str(tmp_path / "no" / "x.json")],
    )
    assert (result.exit_code, "folder does not exist" in result.output) == (2, True)
    assert not (tmp_path / "m").exists()


def test_input_that_is_not_all_read_is_told(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    args = ["--input", flows_file(tmp_path), "--model", str(tmp_path / "m"), "--epochs", "1"]
    result = CliRunner().invoke(command, [*args, "--max_flows", "6000"])
    assert result.exit_code == 0, result.output
    assert "first 6,000 flows" in result.output
    result = CliRunner().invoke(command, [*args, "--no_resume"])
    assert result.exit_code == 0
    assert "first" not in result.output
