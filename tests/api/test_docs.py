"""The page and the notebook about detectors run as they stand."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.api.flows import make_table

pytest.importorskip("torch")
pytest.importorskip("sklearn")

DOCS = Path(__file__).parents[2] / "docs"


def run(blocks: list[str], tmp_path: Path) -> None:
    """Run blocks one after the other, as one program."""
    script = tmp_path / "script.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    runpy.run_path(str(script))


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(make_table(1500), "flows.parquet")
    pq.write_table(make_table(600, seed=1), "today.parquet")
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (DOCS / "python.md").read_text(encoding="utf-8"), re.M | re.S
    )
    assert len(blocks) >= 4
    run(blocks, tmp_path)


def test_the_notebook_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads((DOCS / "detector.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    run(["".join(cell["source"]) for cell in cells], tmp_path)
    kept = "".join("".join(o["text"]) for cell in cells for o in cell["outputs"] if "text" in o)
    # trained weights differ between processors, so figures may: the words may not
    digits = re.compile(r"[\d.,]+")
    assert digits.sub("#", capsys.readouterr().out) == digits.sub("#", kept)
