"""Arithmetic: medians over rounds, ratios of the same round, exponents."""

from __future__ import annotations

from typing import Any

import pytest

from morpheus_gae.benchmark.cell import Cell
from morpheus_gae.benchmark.measure import exponents, ratios, row
from morpheus_gae.benchmark.status import NOT_AVAILABLE, OK, OUT_OF_MEMORY
from morpheus_gae.benchmark.traffic import Workload
from morpheus_gae.benchmark.variants import VARIANTS

SIZE = {"hosts": 90, "pairs": 900, "distinct_batches": 2}


def timing(flows: int, seconds: float, latencies: list[float], **more: Any) -> dict[str, Any]:
    return {
        **{"flows": flows, "seconds": seconds, "latencies": latencies, "non_finite": 0, "joules": None},
        **{"batches": 1, **more},
    }


def cell(name: str, rates: dict[int, float], status: str = OK, warm_up_counts: bool = False) -> Cell:
    made = Cell(VARIANTS[name], 1.0)
    made.rounds = {n: timing(1000, 1000 / r, [1000 / r]) for n, r in rates.items()}
    made.warm_up_counts = warm_up_counts
    if status != OK:
        made.give_up(status, "because")
    return made


def result(made: Cell, flows: int = 1000, hosts: int = 100, part: str = "sizes") -> dict[str, Any]:
    return row(Workload("client", flows, hosts), {**SIZE, "hosts": hosts}, [part], made, None)


def test_a_row() -> None:
    made = Cell(VARIANTS["cpu"], 1.0)
    made.rounds = {
        0: timing(2000, 1.0, [0.4, 0.6], batches=2, joules=3.0),
        1: timing(2000, 0.5, [0.2, 0.3], batches=2, joules=4.0),
        2: timing(1000, 0.1, [0.1], joules=5.0, non_finite=7),
    }
    made.facts = {"peak_memory_bytes": 12345, "threads": 2}
    found = row(Workload("hub", 1000, 100), SIZE, ["sizes", "flows"], made, None)
    assert found["flows_per_second"] == 4000
    assert (found["flows_per_second_min"], found["flows_per_second_max"]) == (2000, 10_000)
    assert (found["batches"], found["flows"], found["windows"]) == (5, 5000, 5)
    assert found["p50_ms"] == pytest.approx(300)
    assert found["p99_ms"] == pytest.approx(592)
    assert (found["joules"], found["non_finite_scores"]) == (12.0, 7)
    assert (found["hosts"], found["pairs"], found["peak_memory_bytes"]) == (90, 900, 12345)
    assert [r["round"] for r in found["rounds"]] == [0, 1, 2]


def test_a_row_without_a_figure_has_the_same_names() -> None:
    whole = result(cell("cpu", {0: 10.0}))
    found = result(cell("cpu", {}, OUT_OF_MEMORY))
    assert found["status"] == OUT_OF_MEMORY
    assert found["reason"] == "because"
    assert (found["flows_per_second"], found["p99_ms"], found["batches"]) == (None, None, 0)
    # facts of the process, windows and scores aside
    assert whole.keys() - found.keys() <= {"windows", "non_finite_scores"}


def test_ratios_are_of_the_same_rounds() -> None:
    over = result(cell("cpu", {0: 100.0, 1: 300.0, 2: 50.0}))
    under = result(cell("cpu-published", {0: 10.0, 1: 10.0, 2: 25.0}))
    (found,) = ratios([over, under])
    assert (found["numerator"], found["denominator"]) == ("cpu", "cpu-published")
    # 10, 30 and 2; the ratio of the medians would be 10 as well, its range would not
    assert (found["ratio"], found["ratio_min"], found["ratio_max"]) == (10, 2, 30)


def test_a_ratio_needs_both_in_a_round() -> None:
    over = result(cell("cpu", {0: 100.0, 1: 300.0, 2: 800.0}))
    under = result(cell("cpu-published", {1: 10.0}))
    (found,) = ratios([over, under])
    assert (found["ratio"], found["ratio_min"], found["ratio_max"]) == (30, 30, 30)
    alone = result(cell("cpu-published", {0: 10.0}, warm_up_counts=True))
    (found,) = ratios([over, alone])
    # over medians: a warm-up has no other variant's round beside it
    assert (found["ratio"], found["ratio_min"]) == (30, None)


def test_a_missing_ratio_says_why() -> None:
    rows = [result(cell("cpu", {0: 100.0})), result(cell("cpu-published", {}, OUT_OF_MEMORY))]
    rows.append(result(cell("gpu-pipelined", {}, NOT_AVAILABLE)))
    found = {(r["numerator"], r["denominator"]): r for r in ratios(rows)}
    assert found["cpu", "cpu-published"]["ratio"] is None
    assert found["cpu", "cpu-published"]["reason"] == "cpu-published: out of memory"
    both = found["gpu-pipelined", "cpu-published"]["reason"]
    assert both == "gpu-pipelined: not available; cpu-published: out of memory"


def test_ratios_stay_within_a_workload() -> None:
    rows = [
        result(cell(name, {0: rate}), flows)
        for flows, name, rate in (
            (1000, "cpu", 8.0),
            (1000, "cpu-1core", 4.0),
            (2000, "cpu", 9.0),
            (2000, "cpu-1core", 3.0),
        )
    ]
    assert [(r["batch_size"], r["ratio"]) for r in ratios(rows)] == [(1000, 2), (2000, 3)]


def test_exponents() -> None:
    # seconds of a batch: flows / rate; a steady rate is linear, one that halves as flows double quadratic
    linear = [result(cell("cpu", {0: 50.0}), flows, part="flows") for flows in (1000, 4000, 16_000)]
    square = [
        result(cell("cpu-published", {0: 8000 / (flows / 1000)}), flows, part="flows")
        for flows in (1000, 2000, 4000)
    ]
    gone = [result(cell("cpu-published", {}, OUT_OF_MEMORY), 8000, part="flows")]
    other = [result(cell("cpu", {0: 1.0}), 64_000)]
    found = {r["variant"]: r for r in exponents(linear + square + gone + other, "flows", "batch_size")}
    assert found["cpu"]["exponent"] == pytest.approx(1)
    assert found["cpu"]["points"] == [1000, 4000, 16_000]
    assert found["cpu-published"]["exponent"] == pytest.approx(2)
    assert found["cpu-published"]["missing"] == [OUT_OF_MEMORY]
    lone = exponents(linear[:1], "flows", "batch_size")
    assert lone[0]["exponent"] is None
    assert exponents(linear, "hosts", "hosts") == []
