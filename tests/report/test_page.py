from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.report.page import SCRIPTS, page, safe_json

PARTS = [*SCRIPTS, "report.css", "report.html"]
TEXT = st.text(max_size=30) | st.sampled_from(["</script>", "<!--", "-->", "]]>", "<script>", "&lt;"])
VALUES = st.recursive(
    TEXT | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


@given(VALUES)
def test_values_come_back_and_are_no_markup(values: Any) -> None:
    text = safe_json(values)
    assert text.isascii()
    assert not set(text) & set("<>&\r\n")
    assert json.loads(text) == values


@given(TEXT)
def test_nothing_from_outside_is_outside_of_the_data(title: str) -> None:
    empty, whole = page({"title": ""}), page({"title": title})
    start, end = empty.split(safe_json({"title": ""}))
    assert whole == start + safe_json({"title": title}) + end


def test_no_number_that_json_lacks() -> None:
    with pytest.raises(ValueError, match="JSON"):
        page({"x": float("nan")})


def test_the_policy_allows_this_script_and_style_alone() -> None:
    text = page({"title": "t"})
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert told["default-src"] == told["base-uri"] == told["form-action"] == "'none'"
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert told[name] == f"'sha256-{digest}'"


@pytest.mark.parametrize("name", PARTS)
def test_parts_fetch_nothing_and_write_no_markup(name: str) -> None:
    text = resources.files("morpheus_gae.report").joinpath(f"page/{name}").read_text(encoding="utf-8")
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|setTimeout\(['\"]"
        r"|fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\(|@import|url\(|</script",
        text.replace("</script>", "") if name == "report.html" else text,
    )
    assert found == []
    addresses = set(re.findall(r"https?://[\w./-]*", text))
    # a namespace, and a link that is followed by hand
    assert addresses <= {"http://www.w3.org/2000/svg", "https://attack.mitre.org/techniques/"}


def test_every_part_is_used() -> None:
    folder = resources.files("morpheus_gae.report").joinpath("page")
    assert sorted(part.name for part in folder.iterdir()) == sorted(PARTS)


def _light(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_in_both_themes() -> None:
    style = resources.files("morpheus_gae.report").joinpath("page/report.css").read_text(encoding="utf-8")
    themes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in style.split("color-scheme:")
    ]
    themes = [theme for theme in themes if "panel" in theme]
    assert len(themes) >= 3
    assert themes[1] == themes[2]
    for theme in themes[:2]:
        for name in ("text", "soft", "accent", "critical", "high", "medium", "low"):
            for below in ("panel", "sunk", "pick"):
                lights = sorted((_light(theme[name]), _light(theme[below])))
                assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, (name, below)
