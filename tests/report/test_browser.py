"""The page as a browser shows it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.executors.open import open_executor
from morpheus_gae.incidents.fold import Change, Fold
from morpheus_gae.report.incidents import folded
from morpheus_gae.report.page import page
from morpheus_gae.report.values import Asked, gather
from tests.report.browser import browse, opened
from tests.report.driver import driven
from tests.report.make import NASTY, flows, some, written

MODEL = Path(__file__).resolve().parents[2] / "models" / "default"


def report(folder: Path, table: pa.Table, with_flows: bool = False) -> Path:
    asked = Asked([str(written(folder, table))], flows=[str(flows(folder))] if with_flows else [])
    runs = open_executor(MODEL) if with_flows else None
    out = folder / "report.html"
    out.write_text(page(gather(asked, runs, lambda what, rows: None)), encoding="utf-8")
    return out


def test_everything_is_drawn(tmp_path: Path) -> None:
    dom = opened(report(tmp_path, some(), with_flows=True))
    for words in (
        *("31 alerts", "horizontal scan", "T1046", "10.1.0.2", "Share of flows at least as strange"),
        *("Attacks found by benign flows flagged", "leak", "Durations missing", "Model card", "nats"),
    ):
        assert words in dom.text, words
    assert "undefined" not in dom.text
    assert "[object" not in dom.text
    assert "NaN" not in dom.text
    assert len([t for t, _ in dom.tags if t == "svg"]) == 6
    assert [a.get("role") for t, a in dom.tags if t == "canvas"] == ["img"]


def test_alerts_alone_and_none_at_all(tmp_path: Path) -> None:
    dom = opened(report(tmp_path, some()))
    assert "give --model and --flows" in dom.text
    dom = opened(report(tmp_path, some().slice(0, 0)))
    assert "No incidents." in dom.text
    dom = opened(report(tmp_path, some().slice(0, 0), with_flows=True))
    assert "600 flows" in dom.text


def test_without_times(tmp_path: Path) -> None:
    dom = opened(report(tmp_path, some().drop_columns(["FLOW_START_MILLISECONDS"])))
    assert "The alerts have no times." in dom.text
    assert "horizontal scan" in dom.text
    assert "1970" not in dom.text


def test_text_of_flows_is_text(tmp_path: Path) -> None:
    table = some()
    labels = [NASTY[i % len(NASTY)] for i in range(table.num_rows)]
    table = table.append_column("Attack", pa.array(labels)).append_column("app<b>", pa.array(labels))
    why = table.column_names.index("why")
    table = table.set_column(why, "why", pa.array(labels)).set_column(why + 1, "model", pa.array(labels))
    dom = opened(report(tmp_path, table))
    assert "<script>document.documentElement" in dom.text
    assert "img" not in {tag for tag, _ in dom.tags}
    assert "\u202e" not in dom.text
    assert "${7*7}" in dom.text
    assert not [a for _, attributes in dom.tags for a in attributes if a.startswith("on")]


def test_what_explains_an_alert(tmp_path: Path) -> None:
    table = some()
    n = table.num_rows
    table = table.append_column("facts", pa.array([[f"fact {i} <i>", "two"] for i in range(n)]))
    table = table.append_column("percentile_pair", pa.array([99.98] * (n - 1) + [None]))
    table = table.append_column("contribution_pair", pa.array([float("nan")] * n))
    with driven(report(tmp_path, table)) as driver:
        driver.run("document.querySelector('#alerts .body').focus()")
        driver.press("Enter")
        told = driver.run("return document.querySelector('#alerts .detail').textContent")
        assert "<i>two" in told
        assert "as a flow of pair 99.98 %" in told
        assert "NaN" not in told
        assert "flagged flows from 1 host" in driver.run(
            "return document.querySelector('#incidents').textContent"
        )


@pytest.mark.parametrize("own", [True, False])
def test_an_incident_without_facts_tells_those_of_its_strangest_flow(tmp_path: Path, own: bool) -> None:
    table = some()
    n = table.num_rows
    surprise = table["surprise"].to_numpy().copy()
    surprise[7] += 0.5
    at = table.column_names.index("surprise")
    table = table.set_column(at, "surprise", pa.array(surprise))
    table = table.append_column("facts", pa.array([[f"fact {i}.", "two"] for i in range(n)]))
    rows = folded(_closed(table), 1e6, "m@1")
    told = [row if own else {**row, "facts": []} for row in rows]
    kept = tmp_path / "incidents.jsonl"
    kept.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    asked = Asked([str(written(tmp_path, table))], incidents=str(kept))
    out = tmp_path / "report.html"
    out.write_text(page(gather(asked, None, lambda what, rows: None)), encoding="utf-8")
    with driven(out) as driver:
        text = driver.run("return document.querySelector('#incidents').textContent")
    assert ("flagged flows from 1 host" in text) is own
    assert ("strangest flow: fact 7." in text) is not own
    assert ("strangest flow: two" in text) is not own
    assert text.count("strangest flow: ") == (0 if own else 2)


def _closed(table: pa.Table) -> list[Change]:
    fold = Fold()
    fold.add(table, table.num_rows, None, None)
    return fold.finish()


def test_ten_thousand_alerts_draw_as_few_rows(tmp_path: Path) -> None:
    path = report(tmp_path, some(10_000))
    dom = opened(path)
    assert "10,031 alerts" in dom.text
    assert len(dom.of_class("row")) < 150
    assert path.stat().st_size < 3_000_000


def test_words_behind_the_sharp(tmp_path: Path) -> None:
    path = report(tmp_path, some())
    dom = opened(path, "words=tcp/443&theme=dark")
    assert "1 of 31 alerts" in dom.text
    assert dom.root["data-theme"] == "dark"


@pytest.mark.parametrize(("fragment", "dark"), [("theme=dark", True), ("theme=light", False)])
def test_themes_and_print(tmp_path: Path, fragment: str, dark: bool) -> None:
    path, shot = report(tmp_path, some()), tmp_path / "shot.png"
    browse(path, f"--screenshot={shot}", fragment=fragment, size="900,700")
    pixels = _pixels(shot)
    assert bool(np.median(pixels) < 128) is dark
    paper = tmp_path / "page.pdf"
    browse(path, f"--print-to-pdf={paper}", fragment=fragment)
    assert paper.read_bytes().startswith(b"%PDF")


def _pixels(path: Path) -> np.ndarray:
    image = pytest.importorskip("matplotlib.image")
    return 255 * image.imread(path)[..., :3]
