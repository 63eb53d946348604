"""Everything on the page can be done without a mouse."""

from __future__ import annotations

from pathlib import Path

from tests.report.driver import Driver, driven
from tests.report.make import some
from tests.report.test_browser import report

FOCUS = "document.querySelector('{}').focus()"
CHOSEN = "return document.querySelector('#incidents .detail b').textContent"
ACTIVE = "return document.querySelector('#alerts .row.active').getAttribute('aria-rowindex')"
LISTED = "return document.querySelector('#alerts .body').getAttribute('aria-rowcount')"


def focus(driver: Driver, selector: str) -> None:
    driver.run(FOCUS.format(selector))


def test_keys(tmp_path: Path) -> None:
    with driven(report(tmp_path, some(900), with_flows=True)) as driver:
        # from the top, the first stop leads past everything, and what has the focus shows it
        driver.press("Tab")
        told = driver.run(
            "const e = document.activeElement; return [e.textContent, getComputedStyle(e).outlineStyle]"
        )
        assert told == ["To the incidents", "solid"]
        reached = set()
        for _ in range(90):
            driver.press("Tab")
            reached.add(
                driver.run(
                    "const s = document.activeElement.closest('section'); return s ? s.id : 'top'",
                )
            )
        assert {"top", "timeline", "incidents", "alerts", "hosts", "detection"} <= reached

        # tables: arrows move, Enter chooses
        before = driver.run(CHOSEN)
        focus(driver, "#incidents .body")
        driver.press("Down", "Enter")
        assert driver.run(CHOSEN) != before
        driver.press("Up", "Enter")
        assert driver.run(CHOSEN) == before
        focus(driver, "#alerts .body")
        driver.press("End")
        assert driver.run(ACTIVE) == driver.run(LISTED) == "931"
        driver.press("Home", "PageDown")
        assert driver.run(ACTIVE) == "15"
        driver.press("Enter")
        assert "This alert" in driver.run("return document.querySelector('#alerts .detail').textContent")

        # a time, and back
        focus(driver, '#timeline [role="slider"]')
        driver.press("Right", "Right")
        assert 0 < int(driver.run(LISTED)) < 931
        driver.press("Escape")
        assert driver.run(LISTED) == "931"

        # the graph: from host to host, and the alerts of one
        focus(driver, "#incidents canvas")
        driver.press("n")
        host = driver.run("return document.querySelector('.told').textContent.split(':')[0]")
        assert host.startswith("10.1.")
        driver.press("+", "Left", "0", "Enter")
        assert driver.run("return document.querySelector('#alerts input').value") == host
        assert 0 < int(driver.run(LISTED)) < 931

        # the theme goes round
        for name in ("light", "dark", "auto"):
            driver.run("document.querySelector('header button').focus()")
            driver.press("Enter")
            assert driver.run("return document.documentElement.dataset.theme") == name
        assert driver.run("return document.documentElement.dataset.failed || ''") == ""


def test_a_mouse_picks_times_and_moves_the_graph(tmp_path: Path) -> None:
    with driven(report(tmp_path, some(900))) as driver:
        box = driver.run(
            "const r = document.querySelector('#timeline svg').getBoundingClientRect();"
            "return [r.x, r.y, r.width]"
        )
        y, left, right = int(box[1] + 80), int(box[0] + 260), int(box[0] + box[2] / 2)
        move = {"type": "pointerMove", "duration": 0, "y": y}
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        driver.mouse({**move, "x": left}, down, {**move, "x": right}, up)
        assert 0 < int(driver.run(LISTED)) < 931
        picture = "return document.querySelector('canvas').toDataURL()"
        before = driver.run(picture)
        box = driver.run(
            "document.querySelector('canvas').scrollIntoView({block: 'center'});"
            "const r = document.querySelector('canvas').getBoundingClientRect(); return [r.x, r.y]"
        )
        move["y"] = int(box[1] + 20)
        driver.mouse({**move, "x": int(box[0] + 20)}, down, {**move, "x": int(box[0] + 90)}, up)
        assert driver.run(picture) != before
