from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import InputError, OutputError, UsageError
from morpheus_gae.suppress.export import rules_text, write_rules
from morpheus_gae.suppress.feedback import Told, append, latest, lines, read_feedback
from morpheus_gae.suppress.read import parse_rules, read_rules

ONE = Told(
    "a" * 16,
    "benign",
    "backup",
    "ada",
    "2026-03-01T10:00:00Z",
    ["10.0.0.1"],
    ["10.0.9.9"],
    ["6/443"],
    1,
    2,
    5,
)


def test_what_was_said_is_read_again(tmp_path: Path) -> None:
    path = str(tmp_path / "feedback.jsonl")
    said = [ONE, replace(ONE, verdict="attack"), Told("b" * 16, "benign", "", "bo", "2026-03-02T10:00:00Z")]
    for one in said:
        append(path, one)
    assert read_feedback(path) == said
    assert latest(read_feedback(path)) == said[1:]
    table = lines(said).splitlines()
    assert "10.0.0.1 to 10.0.9.9" in table[1]
    assert "not looked up" in table[3]


def test_a_line_that_was_cut_off_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    append(str(path), ONE)
    with path.open("ab") as file:
        file.write(b'{"id": "b')
    append(str(path), ONE)
    assert read_feedback(str(path)) == [ONE, ONE]


@pytest.mark.parametrize(
    "held", [b'{"anomaly_score": 0.99, "facts": []}\n', b"notes of mine", b"{}\n", b"\n"]
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(held)
    with pytest.raises(OutputError, match="holds something else than feedback"):
        append(str(path), ONE)
    assert path.read_bytes() == held


def test_what_would_act_on_a_terminal_is_written_as_text(tmp_path: Path) -> None:
    path = str(tmp_path / "feedback.jsonl")
    append(path, replace(ONE, note="\x1b[2J", who="a\nb"))
    (one,) = read_feedback(path)
    assert (one.note, one.who) == ("\\x1b[2J", "a\\nb")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": 5}, "it has no text id"),
        ({"verdict": "unsure"}, "its verdict is neither of benign, attack"),
        ({"note": "x" * 2000}, "it has no text note"),
        ({"sources": ["10.0.0"]}, "does not appear to be an IPv4 or IPv6 address"),
        ({"targets": []}, "its targets are no texts"),
        ({"services": ["443"]}, "its service '443' is no protocol/port"),
        ({"services": ["tcp/443"]}, "its service 'tcp/443' is no protocol/port"),
        ({"first": "now"}, "its times are no milliseconds"),
        ({"first": None}, "half of a time"),
        ({"flows": -1}, "it tells no flows"),
    ],
)
def test_a_line_that_is_none_of_ours_is_named(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = tmp_path / "feedback.jsonl"
    append(str(path), ONE)
    with path.open("a") as file:
        file.write(json.dumps({**asdict(ONE), **change}) + "\n")
    with pytest.raises(InputError, match=re.escape(told)) as caught:
        read_feedback(str(path))
    assert "line 2 is no feedback" in str(caught.value)


@pytest.mark.parametrize("line", ["[1]", "{", "[" * 100_000, "\ufffe"])
def test_what_is_no_json_object_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "feedback.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match="line 1 is no feedback"):
        read_feedback(str(path))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_feedback(str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(OutputError, match="cannot be written"):
        append(str(tmp_path / "no" / "feedback.jsonl"), ONE)


def test_rules_are_the_narrowest(tmp_path: Path) -> None:
    many = replace(
        ONE, id="b" * 16, sources=None, targets=["10.0.9.9", "10.0.9.8"], services=["17/53", "6/53"]
    )
    bare = replace(ONE, id="c" * 16, services=["-1/-1"], note="")
    gone = [replace(ONE, id="d" * 16), replace(ONE, id="d" * 16, verdict="attack")]
    text = rules_text([ONE, many, bare, *gone, Told("e" * 16, "benign", "", "", "")], date(2026, 5, 30))
    one, two, three = parse_rules(text.encode(), "rules.toml")
    assert one.pair is not None
    assert [str(n.networks[0]) for n in one.pair] == ["10.0.0.1/32", "10.0.9.9/32"]
    assert (one.ports, one.protocols, one.name) == (((443, 443),), frozenset({6}), f"feedback-{'a' * 16}")
    assert one.reason == f"backup; ada said so of {'a' * 16} on 2026-03-01"
    assert one.until is not None
    assert one.until.isoformat() == "2026-05-31T00:00:00+00:00"
    assert two.source is None
    assert two.destination is not None
    assert (two.ports, two.protocols) == (((53, 53),), frozenset({6, 17}))
    assert (three.ports, three.protocols) == (None, None)
    path = tmp_path / "rules.toml"
    for _ in range(2):
        write_rules(str(path), text)
    assert len(read_rules(str(path))) == 3
    path.write_text("# by hand\n")
    with pytest.raises(UsageError, match="not written by --export"):
        write_rules(str(path), text)


@given(st.text(max_size=900), st.text(max_size=100), st.text(max_size=64))
def test_any_words_give_a_rule_that_can_be_read(note: str, who: str, id: str) -> None:
    said = replace(ONE, note=note, who=who, id=id)
    if not f"feedback-{id}".isprintable() or len(id) > 50:
        said = replace(said, id="a")
    (rule,) = parse_rules(rules_text([said], date(2026, 5, 30)).encode(), "rules.toml")
    assert rule.pair is not None
