from __future__ import annotations

import numpy as np

from morpheus_gae.evaluate.labels import Labels
from morpheus_gae.evaluate.metrics import figures
from morpheus_gae.evaluate.tables import aligned, budget_name, marked, percent, text
from tests.evaluate.test_metrics import THRESHOLDS, hand


def test_cells() -> None:
    assert percent(0.98314) == "98.31 %"
    assert percent(None) == "-"
    assert [budget_name(b) for b in THRESHOLDS] == ["0.01 %", "0.1 %", "1 %", "2 %"]


def test_columns_line_up() -> None:
    assert aligned([["a", "b"], ["long", "1.5"]]) == ["a       b", "long  1.5"]


def test_page() -> None:
    page = text(figures(*hand(), THRESHOLDS, supported=("0.01",), bad_records=3))
    lines = {line.split("  ")[0]: " ".join(line.split()) for line in page.splitlines()}
    assert "prevalence 50.00 %" in page
    assert "bad records 3" in page
    assert lines["alert budget"] == "alert budget 0.01 %* 0.1 %* 1 % 2 %* published tables"
    assert lines["attacks found (TPR)"].endswith(" 20.00 % 40.00 % 80.00 % 80.00 % 80.00 %")
    assert lines["DoS (3)"] == "DoS (3) 33.33 % 66.67 % 100.00 % 100.00 %"
    assert "* extrapolated" in page


def test_page_without_attacks() -> None:
    labels = Labels(np.zeros(3, bool), np.ones(3, bool), np.full(3, -1, np.int32))
    page = text(figures(labels, np.ones(3, np.float32), THRESHOLDS))
    assert "ROC AUC -" in page
    assert "note: 0 attacks and 3 benign flows" in page
    assert "extrapolated" not in page


def test_names_of_attacks_are_names_and_nothing_more() -> None:
    found = figures(*hand(), THRESHOLDS)
    classes = found["per_attack"]
    classes["\x1b[2J\r\n"] = classes.pop("DoS")
    assert r"\x1b[2J\r\n (3)  " in text(found)
    assert marked("DoS | `x` <b>\x1b") == r"DoS \| \`x\` \<b\>\\x1b"
