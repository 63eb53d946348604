"""Plans, and what becomes of variants that run out of time or memory."""

from __future__ import annotations

from typing import Any

import pytest

from morpheus_gae.benchmark import bench, cell
from morpheus_gae.benchmark.bench import benchmark
from morpheus_gae.benchmark.plan import Plan
from morpheus_gae.benchmark.process import Lost
from morpheus_gae.benchmark.status import FAILED, NOT_AVAILABLE, NOT_TRIED, OK, OUT_OF_MEMORY, OVER_TIME
from morpheus_gae.benchmark.variants import Job, choose_variants
from tests.benchmark.make import MODEL


class FakeWorker:
    """Answers at once and moves the clock by what a batch is said to take."""

    now = 0.0
    cost: float = 1.0
    lose: dict[int, Lost] = {}  # noqa: RUF012
    asked: list[int] = []  # noqa: RUF012

    def send(self, question: dict[str, Any]) -> None:
        self.question = question

    def answer(self, seconds: float) -> dict[str, Any]:
        if "job" in self.question:
            return {"ready": {}}
        n = self.question["run"]
        self.asked.append(n)
        if len(self.asked) in self.lose:
            raise self.lose[len(self.asked)]
        if n * self.cost > seconds:
            raise Lost(OVER_TIME, "late")
        FakeWorker.now += n * self.cost
        return {"timing": {"flows": 10 * n, "seconds": n * self.cost, "latencies": [self.cost] * n}}

    def finish(self) -> dict[str, Any]:
        return {"peak_memory_bytes": 7}

    def close(self) -> None:
        pass


def measured(
    monkeypatch: pytest.MonkeyPatch, cost: float, limit: float, lose: dict[int, Lost] | None = None
) -> cell.Cell:
    """A cell after 4 rounds of up to 8 batches."""
    monkeypatch.setattr(cell, "Worker", FakeWorker)
    monkeypatch.setattr(cell.time, "monotonic", lambda: FakeWorker.now)
    for name, value in (("cost", cost), ("asked", []), ("lose", lose or {}), ("now", 0.0)):
        monkeypatch.setattr(FakeWorker, name, value)
    made = cell.Cell(choose_variants(["cpu"])[0], limit)
    made.start(Job("cpu", "somewhere"))
    made.ready()
    made.warm_up()
    for number in range(4):
        made.measure(number, 8, 4 - number)
    made.finish()
    assert not made.alive
    return made


def test_all_batches_where_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = measured(monkeypatch, cost=0.01, limit=10)
    assert [r["batches"] for r in made.rounds.values()] == [8, 8, 8, 8]
    assert (made.status, made.warm_up_counts, made.facts) == (OK, False, {"peak_memory_bytes": 7})


def test_fewer_batches_where_there_is_less(monkeypatch: pytest.MonkeyPatch) -> None:
    made = measured(monkeypatch, cost=1, limit=10)
    # one to warm up, and nine that are shared out
    assert [r["batches"] for r in made.rounds.values()] == [2, 2, 2, 3]
    assert FakeWorker.now == 10


def test_rounds_end_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = measured(monkeypatch, cost=1, limit=3.5)
    assert {n: r["batches"] for n, r in made.rounds.items()} == {0: 1, 1: 1}


def test_the_first_batch_counts_if_there_is_time_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made = measured(monkeypatch, cost=1, limit=1.5)
    assert (made.warm_up_counts, made.rounds[0]["batches"], FakeWorker.asked) == (True, 1, [1])


def test_not_even_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    made = measured(monkeypatch, cost=1, limit=0.9)
    assert (made.status, made.reason, made.rounds) == (OVER_TIME, "late", {})


def test_a_variant_that_fails_later_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    made = measured(monkeypatch, cost=0.01, limit=9, lose={3: Lost(OUT_OF_MEMORY, "all gone")})
    assert (made.status, made.reason, made.rounds, made.warm_up_counts) == (
        OUT_OF_MEMORY,
        "all gone",
        {},
        False,
    )
    assert FakeWorker.asked == [1, 8, 8]


def test_larger_workloads_are_not_tried_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    fate = {
        "cpu": (OUT_OF_MEMORY, "so many"),
        "cpu-1core": (NOT_AVAILABLE, "no core"),
        "cpu-pipelined": (FAILED, "?"),
    }
    tried = []

    def start(self: cell.Cell, job: Job) -> None:
        tried.append(self.variant.name)
        self.give_up(*fate[self.variant.name])

    monkeypatch.setattr(cell.Cell, "start", start)
    size = {"hosts": 1, "pairs": 1, "distinct_batches": 1}
    monkeypatch.setattr(bench, "prepare", lambda *told: size)
    chosen, regimes = choose_variants(list(fate)), ("client", "uniform")
    plan = Plan(chosen, "m", [1000, 4000], hosts=100, regimes=regimes, arrival_rate=0)
    found = benchmark(plan)["results"]
    statuses = {name: [r["status"] for r in found if r["variant"] == name] for name in fate}
    # of the other regime nothing is known yet; what is not available never will be
    assert statuses == {
        "cpu": [OUT_OF_MEMORY, NOT_TRIED, OUT_OF_MEMORY, NOT_TRIED],
        "cpu-1core": [NOT_AVAILABLE] * 4,
        "cpu-pipelined": [FAILED] * 4,
    }
    assert [tried.count(name) for name in fate] == [2, 1, 4]


def test_out_of_memory_is_a_result() -> None:
    plan = Plan(
        choose_variants(["cpu-1core"]), str(MODEL), [1_000_000], batches=1, repeats=1, hosts=1000,
        limit_memory=220_000_000, limit_seconds=60, arrival_rate=0,
    )  # fmt: skip
    (row,) = benchmark(plan)["results"]
    assert row["status"] == OUT_OF_MEMORY
    assert row["peak_memory_bytes"] is None
    assert row["reason"]


def test_time_to_alert() -> None:
    plan = Plan(
        choose_variants(["cpu"]), str(MODEL), [3000], hosts=50, arrival_rate=6000, arrival_seconds=0.5,
        window_seconds=0.2, alert_rate=0.01,
    )  # fmt: skip
    found = bench.time_to_alert(plan)
    assert (found["status"], found["flows"]) == (OK, 3000)
    assert found["alerts"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]


def test_workloads() -> None:
    plan = Plan(
        choose_variants(["cpu"]), "m", [8000, 1000], hosts=400, regimes=("hub", "uniform"),
        scaling=("flows", "hosts"),
    )  # fmt: skip
    found = {(w.regime, w.flows, w.hosts): reasons for w, reasons in plan.workloads.items()}
    # scaling is of the first regime, and what it shares with the sizes is measured once
    assert found["hub", 8000, 400] == ["sizes", "flows", "hosts"]
    assert found["hub", 1000, 400] == ["sizes", "flows"]
    assert sum("flows" in r for r in found.values()) == 5
    assert [key[2] for key, r in found.items() if "hosts" in r] == [50, 100, 200, 400, 800, 1600]
    assert [key for key in found if key[0] == "uniform"] == [("uniform", 1000, 400), ("uniform", 8000, 400)]
