"""``morpheus-gae benchmark`` as it is run: figures, failures, JSON, plot."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from morpheus_gae.benchmark.status import NOT_AVAILABLE, NOT_TRIED, OK, OUT_OF_MEMORY, OVER_TIME
from morpheus_gae.cli.gae import main
from tests.benchmark.make import MODEL

NAMES = {
    *("variant", "regime", "batch_size", "batches", "flows", "hosts", "pairs", "flows_per_second"),
    *("p50_ms", "p99_ms", "peak_memory_bytes"),
}
CPU = ("cpu", "cpu-1core", "cpu-sequential", "cpu-pipelined")


def run(*args: object) -> Result:
    return CliRunner().invoke(main, ["benchmark", *map(str, args), "--model", str(MODEL)])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("benchmark")
    done = run(
        *("--variants", ",".join((*CPU, "gpu-resident")), "--batch_size", "2k", "--batches", 3),
        *("--repeats", 2, "--hosts", 100, "--regimes", "hub", "--arrival_rate", 0),
        *("--json", folder / "b.json"),
    )
    return done, json.loads((folder / "b.json").read_text()), folder


def test_results(ran: tuple[Result, dict[str, Any], Path]) -> None:
    done, found, _ = ran
    assert done.exit_code == 0, done.output
    assert {"machine", "results", "ratios"} <= found.keys()
    rows = {r["variant"]: r for r in found["results"]}
    assert list(rows) == [*CPU, "gpu-resident"]
    for name in CPU:
        r = rows[name]
        assert r.keys() >= NAMES
        assert r["status"] == OK, r["reason"]
        assert (r["regime"], r["batch_size"], r["hosts"], r["batches"]) == ("hub", 2000, 100, 3)
        assert r["flows"] == 6000
        assert r["flows_per_second_min"] <= r["flows_per_second"] <= r["flows_per_second_max"]
        assert 0 < r["p50_ms"] <= r["p99_ms"]
        assert r["peak_memory_bytes"] > 50e6
        assert [x["batches"] for x in r["rounds"]] == [2, 1]
    assert rows["cpu-1core"]["threads"] == 1
    assert rows["cpu"]["threads"] == found["machine"]["cores"]
    assert found["machine"]["numba"]
    assert found["time_to_alert"] is None


def test_what_cannot_run_is_told_not_hidden(ran: tuple[Result, dict[str, Any], Path]) -> None:
    done, found, _ = ran
    row = found["results"][-1]
    if row["status"] == OK:
        pytest.skip("there is a GPU")
    assert row["status"] == NOT_AVAILABLE
    assert row["flows_per_second"] is None
    line = next(line for line in done.stdout.splitlines() if "gpu-resident" in line)
    assert "not available: " in line


def test_ratios(ran: tuple[Result, dict[str, Any], Path]) -> None:
    done, found, _ = ran
    rows = {r["variant"]: r for r in found["results"]}
    ratios = {(r["numerator"], r["denominator"]): r for r in found["ratios"]}
    assert set(ratios) == {("cpu", "cpu-1core"), ("cpu-pipelined", "cpu-sequential")}
    r = ratios["cpu-pipelined", "cpu-sequential"]
    each = [
        a["flows"] / a["seconds"] / (b["flows"] / b["seconds"])
        for a, b in zip(rows["cpu-pipelined"]["rounds"], rows["cpu-sequential"]["rounds"], strict=True)
    ]
    assert r["ratio"] == pytest.approx(sum(each) / 2)
    assert (r["ratio_min"], r["ratio_max"]) == pytest.approx((min(each), max(each)))
    assert "cpu-pipelined / cpu-sequential" in done.stdout


def test_no_progress_without_a_terminal(ran: tuple[Result, dict[str, Any], Path]) -> None:
    assert ran[0].stderr == ""


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_plot(ran: tuple[Result, dict[str, Any], Path], tmp_path: Path, suffix: str, head: bytes) -> None:
    pytest.importorskip("matplotlib")
    from morpheus_gae.benchmark.plots import draw

    found = json.loads(json.dumps(ran[1]))
    lost = {**found["results"][0], "batch_size": 4000, "status": OUT_OF_MEMORY, "flows_per_second": None}
    other = {**found["results"][0], "regime": "uniform"}
    draw(tmp_path / f"b{suffix}", {**found, "results": [*found["results"], lost, other]})
    assert (tmp_path / f"b{suffix}").read_bytes().startswith(head)
    if suffix == ".svg":
        assert "out of memory at 4,000 flows" in (tmp_path / "b.svg").read_text()
        assert "matplotlib.pyplot" not in sys.modules


def test_nothing_could_be_measured_and_is_plotted_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run(
        *("--variants", "cpu", "--batch_size", "1000,3000", "--hosts", 50, "--batches", 1),
        *("--limit_seconds", 1e-9, "--arrival_rate", 0),
        *("--json", tmp_path / "b.json", "--plot", tmp_path / "b.png"),
    )
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "b.json").read_text())["results"]
    assert [r["status"] for r in rows] == [OVER_TIME, NOT_TRIED]
    assert "1,000 flows" in rows[1]["reason"]
    assert "over time limit" in done.stdout
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--variants", "warp"), "unknown variant 'warp': choose of cpu, "),
        (("--regimes", "star"), "unknown regime 'star': choose of hub, client"),
        (("--scaling", "ports"), "unknown scaling 'ports'"),
        (("--batch_size", "many"), "'many' is not a number of flows"),
        (("--batch_size", "1.5"), "'1.5' is not a number of flows"),
        (("--batch_size", "10"), "a batch needs at least 1,000 flows"),
        (("--hosts", "3"), "--hosts 3 is not between"),
        (("--plot", "b.txt"), "a plot is written as .png or .svg"),
        (("--plot", "nowhere/b.png"), "its folder does not exist"),
        (("--json", "nowhere/b.json"), "its folder does not exist"),
    ],
)
def test_usage_errors(args: tuple[str, ...], message: str) -> None:
    if "--plot" in args:
        pytest.importorskip("matplotlib")
    done = run(*args)
    assert done.exit_code == 2
    assert message in done.output


def test_no_such_model() -> None:
    done = CliRunner().invoke(main, ["benchmark", "--model", "nowhere", "--variants", "cpu"])
    assert done.exit_code == 1
    assert "nowhere is not a model folder" in done.output


def test_missing_plot_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "morpheus_gae.benchmark.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = run("--plot", "b.png")
    assert done.exit_code == 1
    assert "pip install 'morpheus-gae[plot]'" in done.output
