from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import InputError
from morpheus_gae.suppress.read import parse_rules, read_rules
from morpheus_gae.suppress.rule import COUNTS, KINDS, PAIR

EVERY = """
# what is known here

[[suppress]]
name = "monitoring"
source = ["10.0.5.0/24", "10.0.6.1"]
destination = "10.0.0.0/8"
ports = [9100, "9200-9299", 9101]
protocol = ["TCP", 17]
min_surprise = 4
max_surprise = 9.5
until = 2026-12-31
reason = "asks every host"

[[suppress]]
pair = ["10.0.0.1", ["10.9.0.0/16", "10.8.0.1"]]
why = ["pair", "counts"]
until = 2026-12-31T12:00:00+02:00
reason = "backup"

[[suppress]]
kind = "horizontal scan"
source = "10.0.5.5"
reason = "the scanner of the house"
"""


def test_every_key_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(EVERY)
    one, two, three = read_rules(str(path))
    assert (one.name, one.reason, one.line) == ("monitoring", "asks every host", 4)
    assert one.ports == ((9100, 9101), (9200, 9299))
    assert one.protocols == {6, 17}
    assert (one.least, one.most) == (4.0, 9.5)
    # that day counts
    assert one.until == datetime(2027, 1, 1, tzinfo=timezone.utc)
    assert not one.expired(datetime(2026, 12, 31, 23, 59, tzinfo=timezone.utc))
    assert one.expired(datetime(2027, 1, 1, tzinfo=timezone.utc))
    assert (two.name, two.line, two.why) == ("rule-2", 15, PAIR | COUNTS)
    assert two.until == datetime(2026, 12, 31, 10, tzinfo=timezone.utc)
    assert three.kinds == {"horizontal scan"}
    assert three.kinds <= set(KINDS)


def test_no_rules_are_none() -> None:
    assert parse_rules(b"", "rules.toml") == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('source = "10.0.0.0/8"', "it has no reason"),
        ('source = "10.0.0.0/8"\nreason = " "', "reason is a text in quotes that says something"),
        ('reason = "x"', "it would fit everything"),
        ('source = "0.0.0.0/0"\nreason = "x"', "it would fit everything"),
        ('source = ["0.0.0.0/1", "128.0.0.0/1"]\nreason = "x"', "it would fit everything"),
        ('source = "::/0"\nports = "0-65535"\nreason = "x"', "it would fit everything"),
        ('pair = ["0.0.0.0/0", "0.0.0.0/0"]\nreason = "x"', "it would fit everything"),
        ('min_surprise = 0\nmax_surprise = 1000\nreason = "x"', "it would fit everything"),
        ('why = ["unlikely", "pair", "flow", "others", "counts"]\nreason = "x"', "fit everything"),
        (
            'ports = [80]\nmin_surprise = 9\nmax_surprise = 8\nreason = "x"',
            "it can never match: min_surprise",
        ),
        ('ports = ["90-80"]\nreason = "x"', "'90-80' can never match"),
        ('ports = []\nreason = "x"', "ports = [] can never match"),
        ('ports = 70000\nreason = "x"', "70000 is beyond 65535"),
        ('ports = "http"\nreason = "x"', "'http' is no port"),
        ('ports = true\nreason = "x"', "True is no port"),
        ('source = "10.0.0.1"\ndestination = "2001:db8::1"\nreason = "x"', "are not both IPv4 or both IPv6"),
        ('pair = ["10.0.0.1", "2001:db8::1"]\nreason = "x"', "are not both IPv4 or both IPv6"),
        ('pair = ["10.0.0.1"]\nreason = "x"', "pair is of two hosts"),
        ('source = "10.0.0.5/8"\nreason = "x"', "is it 10.0.0.0/8?"),
        ('source = 10\nreason = "x"', "source: 10 is no text in quotes"),
        ('sorce = "10.0.0.1"\nreason = "x"', "there is no key sorce; is it source?"),
        ('protocol = "http"\nreason = "x"', "'http' is no protocol"),
        ('protocol = 256\nreason = "x"', "256 is no protocol"),
        ('kind = "scan"\nreason = "x"', "kind: there is no 'scan'"),
        ('kind = "beacon"\nwhy = "pair"\nreason = "x"', "kind is of incidents, and why of flows"),
        ('why = "size"\nreason = "x"', "why: there is no 'size'"),
        ('ports = 80\nmin_surprise = nan\nreason = "x"', "min_surprise is a number of nats"),
        ('ports = 80\nmin_surprise = "9"\nreason = "x"', "min_surprise is a number of nats"),
        ('ports = 80\nuntil = "2026-12-31"\nreason = "x"', "until is a date without quotes"),
        ('ports = 80\nuntil = 9999-12-31\nreason = "x"', "beyond every calendar"),
        ('ports = 80\nreason = "x\\u001b[2J"', "cannot be printed"),
    ],
)
def test_a_wrong_rule_is_one_line_that_names_it(body: str, told: str) -> None:
    text = f'[[suppress]]\nports = 1\nreason = "fine"\n\n[[suppress]]\nname = "bad"\n{body}\n'
    with pytest.raises(InputError, match=re.escape(told)) as caught:
        parse_rules(text.encode(), "rules.toml")
    line = str(caught.value)
    assert line.startswith("rules.toml: rule 2 'bad' (line 5): ")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[supress]]\n", "there is nothing called supress"),
        ("[suppress]\n", "two pairs of brackets"),
        ("suppress = 1\n", "two pairs of brackets"),
        ("[[suppress]\n", "is no TOML"),
        ("a = " + "[" * 10_000, "is n"),
        (
            '[[suppress]]\nports = 1\nreason = "a"\nname = "rule-2"\n[[suppress]]\nports = 2\nreason = "b"',
            "two rules",
        ),
    ],
)
def test_what_is_no_file_of_rules_is_one_line(text: str, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        parse_rules(text.encode(), "rules.toml")


def test_bytes_that_are_no_text_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text in UTF-8"):
        parse_rules(b"\xff\xfe", "rules.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_rules(str(tmp_path / "nowhere.toml"))


def test_a_header_in_a_text_gives_no_wrong_line() -> None:
    text = '[[suppress]]\nports = 1\nreason = """\n[[suppress]]\n"""\n'
    with pytest.raises(InputError, match=r"^rules.toml: rule 1: reason"):
        parse_rules(text.encode(), "rules.toml")


@given(st.binary(max_size=200))
def test_any_bytes_are_rules_or_one_error(raw: bytes) -> None:
    with suppress(InputError):
        parse_rules(b"[[suppress]]\n" + raw, "rules.toml")
