"""Enriched features from the command line: train, run with and without the columns, learn on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from morpheus_gae.cli.gae import main as gae
from morpheus_gae.cli.morpheus import main as morpheus
from morpheus_gae.evaluate.data.as_is import as_is
from tests.support import make_flows, with_columns

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``flows.parquet`` with all columns, ``bare.parquet`` without, and a model."""
    at = tmp_path_factory.mktemp("enriched")
    as_is(with_columns(make_flows(1500)), at)
    table = pq.read_table(at / "flows.parquet")
    assert "TCP_FLAGS" in table.column_names
    pq.write_table(
        table.select([n for n in table.column_names if "ADDR" in n or "BYTES" in n or "MILLI" in n]),
        at / "bare.parquet",
    )
    told = CliRunner().invoke(
        gae,
        [
            "train",
            "--input",
            str(at / "flows.parquet"),
            "--model",
            str(at / "m"),
            "--features",
            "enriched",
            "--epochs",
            "2",
        ],
    )
    assert told.exit_code == 0, told.output
    return at


def run(folder: Path, name: str, *more: str) -> tuple[str, list[float]]:
    out = folder / "alerts.jsonl"
    told = CliRunner().invoke(
        morpheus,
        ["run", "pipeline-gae", "--input", str(folder / name), "--output", str(out), "--model",
         str(folder / "m"), "--threshold", "0", *more],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    return told.stderr, [json.loads(line)["surprise"] for line in out.read_text().splitlines()]


def test_the_model_says_what_it_reads(folder: Path) -> None:
    config = json.loads((folder / "m" / "config.json").read_text())
    assert config["spec"]["enriched"] is True
    assert "server port" in config["columns"]
    assert "TCP flags" in (folder / "m" / "README.md").read_text()


def test_columns_reach_the_scores_and_what_is_missing_is_told_once(folder: Path) -> None:
    said, with_all = run(folder, "flows.parquet", "--graph_size", "500")
    assert "do not tell" not in said
    said, bare = run(folder, "bare.parquet", "--graph_size", "500")
    assert said.count("do not tell") == 1
    assert "server port, protocol, packets forward" in said
    assert len(bare) == len(with_all) == 1500
    assert bare != with_all


def test_alerts_are_explained_with_names_of_services(folder: Path) -> None:
    run(folder, "flows.parquet")
    rows = [json.loads(line) for line in (folder / "alerts.jsonl").read_text().splitlines()]
    for row in rows:
        parts = [value for name, value in row.items() if name.startswith("contribution_")]
        assert len(parts) == 4
        assert min(parts) >= 0
        # in millionths of a nat
        assert sum(parts) == pytest.approx(row["surprise"], rel=0, abs=0.501e-6)
    types = [fact for row in rows for fact in row["facts"] if fact.startswith(("looks like", "nearest to"))]
    assert len(types) == sum(bool(row["facts"]) for row in rows) > 0
    named = re.compile(
        r"(looks like|nearest to) [a-z ]+ \((tcp|udp|icmp|ipv6-icmp|protocol \d+|port \d+)(/\d+)?\): "
    )
    assert any(named.match(fact) for fact in types)


def test_a_run_that_learns_reads_them_too(folder: Path) -> None:
    said, surprise = run(folder, "flows.parquet", "--learn", "--graph_size", "500")
    assert "Learning on" in said
    assert len(surprise) == 1500


def test_a_preset_without_flow_types_is_refused(folder: Path) -> None:
    told = CliRunner().invoke(
        gae,
        [
            "train",
            "--input",
            str(folder / "flows.parquet"),
            "--model",
            str(folder / "n"),
            "--features",
            "enriched",
            "--preset",
            "published",
        ],
    )
    assert told.exit_code == 2
    assert "flow types" in told.stderr
