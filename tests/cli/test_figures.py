"""Files of figures: a full disk is told in one line, and what is read is not overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from morpheus_gae.cli.figures import spare_inputs, write_figures
from morpheus_gae.cli.gae import main
from morpheus_gae.errors import OutputError, UsageError
from tests.api.flows import make_table
from tests.fixtures.make import MODELS

MODEL = str(MODELS / "default")
FULL = "/dev/full"
needs_full = pytest.mark.skipif(not os.path.exists(FULL), reason="this system has no /dev/full")


def test_figures_are_json(tmp_path: Path) -> None:
    write_figures(str(tmp_path / "f.json"), {"a": [1, None]})
    assert json.loads((tmp_path / "f.json").read_text()) == {"a": [1, None]}


@needs_full
def test_a_full_disk_is_told_with_the_name_of_the_file() -> None:
    with pytest.raises(OutputError, match=r"/dev/full cannot be written: No space left"):
        write_figures(FULL, {})


def test_inputs_are_spared_under_other_names_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "link").symlink_to("a.csv")
    for written in ("a.csv", "link"):
        with pytest.raises(UsageError, match="read as input"):
            spare_inputs([str(tmp_path / written)], [str(tmp_path / "*.csv")])
        with pytest.raises(UsageError, match="read as input"):
            spare_inputs([str(tmp_path / written)], [str(tmp_path)])
    spare_inputs([None, "-", str(tmp_path / "new.json")], [str(tmp_path)])


@pytest.mark.parametrize(
    "args",
    [
        ("evaluate", "--input", "@", "--model", MODEL, "--json", "@"),
        ("evaluate", "--suite", "@", "--json", "@"),
        ("evaluate", "--suite", "@", "--markdown", "@"),
        ("study", "--input", "@", "--json", "@"),
        ("inspect", "@", "--json", "@"),
        ("model", "compare", MODEL, MODEL, "--input", "@", "--json", "@"),
        ("model", "retrain", MODEL, "--input", "@", "--model", "new", "--json", "@"),
        ("train", "--input", "@", "--model", "new", "--json", "@"),
        ("train", "--input", "@", "--model", "new", "--incidents", "@"),
    ],
    ids=" ".join,
)
def test_no_command_overwrites_the_flows_it_reads(
    args: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(make_table(30), "flows.parquet")
    before = Path("flows.parquet").read_bytes()
    done = CliRunner().invoke(main, ["flows.parquet" if a == "@" else a for a in args])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "flows.parquet is read as input" in done.output
    assert Path("flows.parquet").read_bytes() == before
    assert not Path("new").exists()


@needs_full
@pytest.mark.parametrize(
    "args", [("--help",), ("--version",), ("model", "show", MODEL), ("completion", "bash")]
)
def test_a_stdout_that_is_full_is_told_in_one_line(args: tuple[str, ...]) -> None:
    code = "from morpheus_gae.cli.gae import main; main(prog_name='morpheus-gae')"
    with open(FULL, "wb") as full:
        done = subprocess.run([sys.executable, "-c", code, *args], stdout=full, stderr=-1, check=False)
    assert done.stderr.decode() == "Error: No space left on device\n"
    assert done.returncode == 1
