from __future__ import annotations

from pathlib import Path

import pytest

from morpheus_gae.evaluate.studies.suite import run_suite
from tests.evaluate.studies.test_suite import good, plan

pytest.importorskip("matplotlib")


def test_a_curve_of_each_kind(tmp_path: Path) -> None:
    from morpheus_gae.evaluate.studies.suite_plots import dirt_curve, draw_suite

    found = run_suite({"a/b": good}, plan("dirty=0%,dirty=2%,drift", seeds=1))
    made = draw_suite(tmp_path / "plots", found)
    assert [p.name for p in made] == [
        "drift-a_b-drift.png",
        "dirt-a_b-dirty-burst20-others.png",
        "dirt-a_b-dirty-burst20-same.png",
    ]
    for path in made:
        assert path.read_bytes().startswith(b"\x89PNG")
    figure = dirt_curve([r for r in found["results"] if r["attackers"] == "others"])
    low, high = figure.axes
    # 1,200 validation flows: nothing is told at 0.1 %
    assert [t.get_text() for t in low.texts] == ["too few validation flows"]
    assert [line.get_xdata().tolist() for line in high.lines[:1]] == [[0.0, 2.0]]
