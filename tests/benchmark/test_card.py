"""One command that says whether the CUDA executor is right; here on a CPU, in windows as small as can be."""

from __future__ import annotations

import importlib.util

import pytest

from morpheus_gae.benchmark import card
from morpheus_gae.errors import UsageError

torch = pytest.importorskip("torch")
TINY = {"presets": ("default",), "sizes": (1, 40), "rows": (1, 40), "hosts": 40, "repeats": 2}


@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is missing")
def test_tables_and_scores_of_the_kernels_under_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    told: list[str] = []
    found = card.check("cpu", [60], 550, told.append, ("tables", "scores"), **TINY)
    assert found.problems == []
    assert found.machine["device"]["kernels"] == "under Triton's interpreter"
    rows = [row for rows in found.steps.values() for row in rows]
    assert len(rows) == 5 * 2 + 2
    assert all(row["right"] for row in rows)
    assert {row["by"] for row in found.steps["tables"]} == {"kernels"}
    # each line is told when it is known
    assert sum("right" in line for line in told) == len(rows)


def test_a_step_that_breaks_is_a_line_and_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    # no model of that name is trained
    monkeypatch.setattr(card, "_models", lambda *_: [])
    found = card.check("cpu", [60], 170, lambda _: None, ("scores", "tables"), **TINY)
    (problem,) = found.problems
    assert problem.startswith("scores: ended with exit code 1: ")
    assert "default" in problem
    assert len(found.steps["tables"]) == 10


def test_without_time_that_is_said() -> None:
    found = card.check("cpu", [60], 0.001, lambda _: None, ("tables",), **TINY)
    assert found.problems == ["training default: no time left", "tables: no time left"]


def test_what_is_wrong_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"what": "hub", "right": False, "off": 0.25}, {"what": "client", "right": True, "off": 0.0}]
    monkeypatch.setattr(card, "_models", lambda *_: [])
    monkeypatch.setattr(card, "_run", lambda *_: (rows, None))
    told: list[str] = []
    found = card.check("cpu", [60], 10, told.append, ("tables",))
    assert found.problems == ["tables: WRONG  hub: off 0.25"]
    assert told[-1] == "  right  client: off 0"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_device_there_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"^no CUDA device: torch"):
        card.find_device("cuda")
