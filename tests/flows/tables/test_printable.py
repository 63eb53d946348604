from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.tables.printable import cell, json_escapes, printable

ANY = st.text(st.characters()) | st.text("=+-@\t\r\n\x1b\x9b\u202e5e. '")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("plain é 😀 ‰", "plain é 😀 ‰"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\tb\r\nc\x00", r"a\tb\r\nc\x00"),
        ("\x7f\x85\x9b", r"\x7f\x85\x9b"),
        ("exe\u202efdp\u2066\u2028", r"exe\u202efdp\u2066\u2028"),
        ("flows\udcff.csv \ud800", r"flows\xff.csv \ud800"),
    ],
)
def test_what_acts_is_shown(text: str, want: str) -> None:
    assert printable(text) == want


@given(ANY)
def test_nothing_acts_and_nothing_else_is_changed(text: str) -> None:
    found = printable(text)
    found.encode()
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in found)
    assert not any(unicodedata.bidirectional(c) in ("LRO", "RLO", "LRI", "RLI", "PDF", "PDI") for c in found)
    assert printable(found) == found
    lines = printable(text, lines=True)
    assert lines.replace("\n", r"\n") == found


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-2+3", "'-2+3"),
        ("+1-1", "'+1-1"),
        ("\t=1", r"'\t=1"),
        ("\r=1", r"'\r=1"),
        ("＝1", "'＝1"),
        ("-5", "-5"),
        ("+1e5", "+1e5"),
        ("-.5", "-.5"),
        ("-", "-"),
        ("1=1", "1=1"),
        ("", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("\x1b]0;=1\x07", r"\x1b]0;=1\x07"),
    ],
)
def test_cells(text: str, want: str) -> None:
    assert cell(text) == want


@given(ANY)
def test_no_cell_is_a_formula(text: str) -> None:
    found = cell(text)
    if found[:1] in tuple("=+-@"):
        assert found == "-" or float(found) is not None
    assert printable(found) == found


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_stays_the_same_value(text: str) -> None:
    found = json_escapes(json.dumps(text, ensure_ascii=False))
    assert json.loads(found) == text
    assert printable(found) == found
