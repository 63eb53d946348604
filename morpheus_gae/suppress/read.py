"""Read: reads the rules of a TOML file, validated as a whole.

::

    [[suppress]]
    source = "10.0.5.0/24"
    ports = [9100, "9200-9299"]
    until = 2026-12-31
    reason = "monitoring asks every host"
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

from morpheus_gae.errors import InputError
from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.suppress.networks import Networks, read_network
from morpheus_gae.suppress.rule import KINDS, PROTOCOLS, WHY, Rule

TABLE = "suppress"
MAX_BYTES = 8 << 20
MAX_RULES = 10_000
MAX_NAME, MAX_REASON = 64, 1_000
LAST_PORT, LAST_PROTOCOL = 65_535, 255
MOST_NATS = 1e6

_HEADER = re.compile(rb"^[ \t]*\[\[[ \t]*(?:suppress|deny|\"suppress\"|'suppress')[ \t]*\]\]", re.M)
_RANGE = re.compile(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?")
_PLACES = ("source", "destination", "pair", "ports", "protocol", "kind", "why")


def read_rules(path: str, begins: str = TABLE) -> list[Rule]:
    """Read the rules of a file, in order; each starts with ``[[begins]]``.

    Raises
    ------
    InputError
        If the file cannot be read, is not TOML, or a rule is invalid: unknown keys, wrong types, no reason,
        or matching no flow or every flow. The message is one line with the rule and its position.
    """
    raw = _bytes(path)
    return parse_rules(raw, path, begins)


def parse_rules(raw: bytes, name: str, begins: str = TABLE) -> list[Rule]:
    """Like ``read_rules``, for the content of a file; ``name`` is used in messages."""
    tables = _toml(raw, name)
    for key in tables:
        if key != begins:
            raise InputError(
                f"{name}: there is nothing called {printable(key)}: rules begin with [[{begins}]]"
            )
    rules = tables.get(begins, [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise InputError(f"{name}: a rule begins with [[{begins}]], in two pairs of brackets")
    if len(rules) > MAX_RULES:
        raise InputError(f"{name} holds {len(rules):,} rules: {MAX_RULES:,} are the most")
    lines = _lines(raw)
    if len(lines) != len(rules):
        # other notation, or quoted in a text: no line number is better than a wrong one
        lines = [0] * len(rules)
    read: list[Rule] = []
    seen: dict[str, int] = {}
    for i, (table, line) in enumerate(zip(rules, lines, strict=True), 1):
        rule = _Reader(table, i, line, name).rule()
        if rule.name in seen:
            where = f"line {line}: " if line else ""
            raise InputError(f"{name}: {where}two rules are called {rule.name!r}: counts need a name each")
        seen[rule.name] = i
        read.append(rule)
    return read


def _lines(raw: bytes) -> list[int]:
    """Return the line number of each header, from 1."""
    lines, line, at = [], 1, 0
    for found in _HEADER.finditer(raw):
        line += raw.count(b"\n", at, found.start())
        at = found.start()
        lines.append(line)
    return lines


def _bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"{path}: more than {MAX_BYTES:,} bytes: this is no file of rules")
    return raw


def _toml(raw: bytes, name: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        found: dict[str, Any] = tomllib.loads(raw.decode("utf-8"))
        return found
    except UnicodeDecodeError:
        raise InputError(f"{name} is no text in UTF-8") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{name} is no TOML: {error}") from None


class _Reader:
    """Parser of one table, with one-line errors."""

    def __init__(self, table: dict[str, Any], number: int, line: int, where: str) -> None:
        self._table = table
        name = table.get("name", f"rule-{number}")
        self._name: str = name if isinstance(name, str) else f"rule-{number}"
        self._line, self._where = line, where
        self._number = number

    def rule(self) -> Rule:
        """Return the rule."""
        readers: dict[str, Callable[[Any, str], Any]] = {
            "name": self._text(MAX_NAME),
            "reason": self._text(MAX_REASON),
            "until": self._until,
            "source": self._networks,
            "destination": self._networks,
            "pair": self._pair,
            "ports": self._ports,
            "protocol": self._protocols,
            "kind": self._kinds,
            "why": self._why,
            "min_surprise": self._nats,
            "max_surprise": self._nats,
        }
        told: dict[str, Any] = dict.fromkeys(readers)
        for key, value in self._table.items():
            if key not in readers:
                near = difflib.get_close_matches(key, readers, 1)
                self._refuse(f"there is no key {key}" + (f"; is it {near[0]}?" if near else ""))
            told[key] = readers[key](value, key)
        if told["reason"] is None:
            self._refuse('it has no reason: add  reason = "..."')
        rule = Rule(
            name=told["name"] or self._name,
            reason=told["reason"],
            line=self._line,
            until=told["until"],
            source=told["source"],
            destination=told["destination"],
            pair=told["pair"],
            ports=told["ports"],
            protocols=told["protocol"],
            why=told["why"],
            kinds=told["kind"],
            least=told["min_surprise"],
            most=told["max_surprise"],
        )
        self._sound(rule)
        return rule

    def _sound(self, rule: Rule) -> None:
        """Refuse rules that match no flow, or every flow."""
        if rule.least is not None and rule.most is not None and rule.least > rule.most:
            self._refuse("it can never match: min_surprise is more than max_surprise")
        if rule.source is not None and rule.destination is not None:
            self._one_family(rule.source, rule.destination, "source", "destination")
        if rule.pair is not None:
            self._one_family(*rule.pair, "the one of the pair", "the other")
            for side, networks in (("source", rule.source), ("destination", rule.destination)):
                for other in rule.pair if networks is not None else ():
                    assert networks is not None
                    self._one_family(networks, other, side, "the pair")
        if rule.kinds is not None and rule.why is not None:
            self._refuse("it can never match: kind is of incidents, and why of flows")
        narrow = [rule.ports is not None and rule.ports != ((0, LAST_PORT),)]
        narrow += [rule.protocols is not None and len(rule.protocols) <= LAST_PROTOCOL]
        narrow += [rule.why is not None and rule.why != sum(WHY.values())]
        narrow += [rule.kinds is not None and len(rule.kinds) < len(KINDS)]
        narrow += [n is not None and not n.all for n in (rule.source, rule.destination, *(rule.pair or ()))]
        if not any(narrow):
            self._refuse(f"it would fit everything: say at least one of {', '.join(_PLACES)} in it")

    def _one_family(self, one: Networks, other: Networks, first: str, second: str) -> None:
        if not one.families & other.families:
            self._refuse(f"it can never match: {first} and {second} are not both IPv4 or both IPv6")

    def _text(self, most: int) -> Callable[[Any, str], str]:
        def read(value: Any, key: str) -> str:
            if not isinstance(value, str) or not value.strip():
                self._refuse(f'{key} is a text in quotes that says something: {key} = "..."')
            if len(value) > most or printable(value) != value:
                self._refuse(f"{key} has more than {most} characters, or some that cannot be printed")
            return str(value).strip()

        return read

    def _until(self, value: Any, key: str) -> datetime:
        if isinstance(value, datetime):
            return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        if not isinstance(value, date):
            self._refuse(f"{key} is a date without quotes: {key} = 2026-12-31")
        # until the end of that day
        try:
            return datetime.combine(value, time(), timezone.utc) + timedelta(days=1)
        except OverflowError:
            self._refuse(f"{key} is beyond every calendar: leave it out")

    def _networks(self, value: Any, key: str) -> Networks:
        try:
            return Networks([read_network(text) for text in self._texts(value, key)])
        except ValueError as error:
            self._refuse(f"{key}: {error}")

    def _pair(self, value: Any, key: str) -> tuple[Networks, Networks]:
        if not isinstance(value, list) or len(value) != 2:
            self._refuse(f'{key} is of two hosts or networks: {key} = ["10.0.0.1", "10.0.9.9"]')
        one, other = (self._networks(side, key) for side in value)
        return one, other

    def _ports(self, value: Any, key: str) -> tuple[tuple[int, int], ...]:
        ranges = []
        for one in self._several(value, key):
            found = _RANGE.fullmatch(one.strip()) if isinstance(one, str) else None
            if found is not None:
                first, last = int(found[1]), int(found[2] or found[1])
            elif type(one) is int:
                first = last = one
            else:
                self._refuse(f'{key}: {one!r} is no port and no range: 443, "8000-8100"')
            if not 0 <= first <= LAST_PORT or not 0 <= last <= LAST_PORT:
                self._refuse(f"{key}: {one!r} is beyond {LAST_PORT}")
            if first > last:
                self._refuse(f"{key}: {one!r} can never match: it ends before it begins")
            ranges.append((first, last))
        joined: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = joined[-1][0], max(last, joined[-1][1])
            else:
                joined.append((first, last))
        return tuple(joined)

    def _protocols(self, value: Any, key: str) -> frozenset[int]:
        numbers = set()
        for one in self._several(value, key):
            if isinstance(one, str) and one.strip().lower() in PROTOCOLS:
                numbers.add(PROTOCOLS[one.strip().lower()])
            elif type(one) is int and 0 <= one <= LAST_PROTOCOL:
                numbers.add(one)
            else:
                known = ", ".join(PROTOCOLS)
                self._refuse(f"{key}: {one!r} is no protocol: {known}, or a number up to {LAST_PROTOCOL}")
        return frozenset(numbers)

    def _kinds(self, value: Any, key: str) -> frozenset[str]:
        return frozenset(self._one_of(text, KINDS, key) for text in self._texts(value, key))

    def _why(self, value: Any, key: str) -> int:
        bits = 0
        for text in self._texts(value, key):
            bits |= WHY[self._one_of(text, WHY, key)]
        return bits

    def _nats(self, value: Any, key: str) -> float:
        if type(value) not in (int, float) or not 0 <= value <= MOST_NATS:
            self._refuse(f"{key} is a number of nats, 0 or more: {key} = 12.5")
        return float(value)

    def _one_of(self, text: str, known: Any, key: str) -> str:
        if text not in known:
            self._refuse(f"{key}: there is no {text!r}: it is one of {', '.join(known)}")
        return text

    def _several(self, value: Any, key: str) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        if not values:
            self._refuse(f"{key} = [] can never match: leave the key out, or say something")
        return values

    def _texts(self, value: Any, key: str) -> list[str]:
        values = self._several(value, key)
        for one in values:
            if not isinstance(one, str):
                self._refuse(f"{key}: {one!r} is no text in quotes")
        return values

    def _refuse(self, why: str) -> NoReturn:
        at = f" (line {self._line})" if self._line else ""
        name = "" if self._name == f"rule-{self._number}" else f" {self._name!r}"
        raise InputError(printable(f"{self._where}: rule {self._number}{name}{at}: {why}"))
