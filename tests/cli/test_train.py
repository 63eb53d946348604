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


def test_incidents_are_told_and_written(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "dirty.parquet"
    args = ["--network", "1", "--flows", "9000", "--hosts", "60", "--days", "2", "--output", str(path)]
    args += ["--attacks", "horizontal_scan", "--attack_share", "0.05"]
    assert CliRunner().invoke(simulate, args).exit_code == 0
    told = tmp_path / "incidents.csv"
    args = ["--input", str(path), "--model", str(tmp_path / "m"), "--epochs", "1", "--incidents", str(told)]
    result = CliRunner().invoke(command, args)
    assert result.exit_code == 0, result.output
    assert "incidents among these flows" in result.output
    lines = told.read_text().splitlines()
    assert lines[0].startswith('"first","last"')
    assert "one source, many destinations" in lines[1]
    result = CliRunner().invoke(command, [*args, "--contamination", "0"])
    assert "incidents among" not in result.output
    assert told.read_text() == ""


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--contamination", "0.5", "less than half"),
        ("--contamination", "many", "not a rate"),
        ("--incidents", "x.txt", "unknown format"),
    ],
)
def test_senseless_options_are_refused_before_the_work(
    tmp_path: Path, option: str, value: str, message: str
) -> None:
    args = ["--input", "no-such-file", "--model", str(tmp_path / "m"), option, value]
    result = CliRunner().invoke(command, args)
    assert (result.exit_code, message in result.output) == (2, True)
