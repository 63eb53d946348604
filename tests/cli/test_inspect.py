from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae.cli.gae import main

GOOD = "srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n" + (
    "10.0.0.1 10.0.0.2 49152 443 6 9 900 1418530010 1418530070 ACCEPT OK\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.log").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    return tmp_path


def test_text(files: Path) -> None:
    done = CliRunner().invoke(main, ["inspect", str(files / "a.log")])
    assert done.exit_code == 0, done.output
    assert "columns of    aws-vpc (by its columns)" in done.output
    assert "end - start, s to ms" in done.output


def test_a_refused_file_exits_1_and_the_others_are_shown(files: Path) -> None:
    done = CliRunner().invoke(main, ["inspect", str(files / "*")])
    assert done.exit_code == 1
    assert "a.log\n  format" in done.output
    assert (
        "b.csv\n  format        CSV (by its name)\n  refused       required columns are missing"
        in done.output
    )
    assert "record 0\n  as it came    x=1  y=2" in done.output


def test_json(files: Path) -> None:
    done = CliRunner().invoke(main, ["inspect", str(files / "a.log"), "--json", "-"])
    (report,) = json.loads(done.stdout)
    assert (report["preset"], report["flows"]) == ("aws-vpc", 1)
    assert report["columns"]["FLOW_DURATION_MILLISECONDS"]["sources"] == ["end", "start"]
    out = files / "out.json"
    done = CliRunner().invoke(main, ["inspect", str(files), "--json", str(out), "--rows", "1"])
    assert done.exit_code == 1
    assert [r["refused"] == "" for r in json.loads(out.read_text(encoding="utf-8"))] == [True, False]
    assert "columns of" in done.output


def test_maps_and_told_columns(files: Path) -> None:
    (files / "c.csv").write_text("10.0.0.1,10.0.0.2,5\n", encoding="utf-8")
    told = [
        "--columns",
        "a,b,n",
        "--map",
        "IPV4_SRC_ADDR=a",
        "--map",
        "IPV4_DST_ADDR=b",
        "--map",
        "IN_BYTES=n",
    ]
    done = CliRunner().invoke(main, ["inspect", str(files / "c.csv"), *told])
    assert done.exit_code == 0, done.output
    assert "columns of    map" in done.output


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([], 2, "Missing argument"),
        (["nowhere.csv"], 1, "Error: nowhere.csv: no such file"),
        (["x.csv", "--map", "nonsense"], 2, "--map nonsense"),
        (["interface:nowhere0"], 1, "interface:nowhere0"),
    ],
)
def test_errors(args: list[str], code: int, said: str) -> None:
    done = CliRunner().invoke(main, ["inspect", *args])
    assert done.exit_code == code
    assert said in done.output
    assert "Traceback" not in done.output
