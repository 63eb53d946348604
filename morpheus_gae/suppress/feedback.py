"""Feedback: analysts' verdicts on alerts and incidents, in an append-only JSON lines file."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from morpheus_gae.errors import InputError, OutputError
from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.sinks.append import bring_to_disk, open_end

BENIGN, ATTACK = "benign", "attack"
VERDICTS = (BENIGN, ATTACK)
MAX_BYTES = 256 << 20
MAX_TEXT = 1_000
FAR = 1 << 53
_BEGIN = b'{"id": "'


@dataclass(frozen=True)
class Told:
    """One verdict on an alert or incident.

    Attributes
    ----------
    id
        16 hex digits.
    verdict
        ``benign`` or ``attack``.
    note, who, when
        Text; the time as RFC 3339 in UTC.
    sources, targets
        Addresses of its flows; None if truncated.
    services
        As ``protocol/port``, -1 where unknown; None if truncated.
    first, last
        Time range of its flows, milliseconds since the epoch; None without times.
    flows
        Number of flows; 0 if not looked up: then all of the above are None.
    """

    id: str
    verdict: str
    note: str
    who: str
    when: str
    sources: list[str] | None = None
    targets: list[str] | None = None
    services: list[str] | None = None
    first: int | None = None
    last: int | None = None
    flows: int = 0

    @property
    def placed(self) -> bool:
        """Whether its flows are known."""
        return self.sources is not None or self.targets is not None


def append(path: str, told: Told) -> None:
    """Append a line to a file, created if necessary; safe for concurrent use.

    Raises
    ------
    OutputError
        If it cannot be written, or begins with something else than feedback: it is another file then.
    """
    line = json.dumps({**asdict(told), "note": printable(told.note), "who": printable(told.who)})
    try:
        with open(path, "a+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            held.seek(0)
            _check_begin(path, held.readline(MAX_BYTES))
            # an incomplete line of a killed process is ignored
            with open_end(path) as file:
                file.write(line.encode() + b"\n")
                file.flush()
                bring_to_disk(file)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None


def _check_begin(path: str, first: bytes) -> None:
    """Refuse a file whose first line is not feedback, nor the beginning of such a line."""
    try:
        if first.endswith(b"\n"):
            _told(json.loads(first))
        elif not first.startswith(_BEGIN[: len(first)]):
            raise ValueError
    except (ValueError, RecursionError):
        raise OutputError(f"{path} holds something else than feedback: nothing was added") from None


def read_feedback(path: str) -> list[Told]:
    """Read all lines of a file, in order.

    Raises
    ------
    InputError
        If it cannot be read, or a line is invalid; the message names the line.
    """
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise InputError(f"{path}: more than {MAX_BYTES:,} bytes: this is no file of feedback")
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_told(json.loads(line)))
        except (ValueError, RecursionError) as error:
            why = "no JSON" if isinstance(error, (json.JSONDecodeError, RecursionError)) else str(error)
            raise InputError(f"{path}: line {number} is no feedback: {printable(why)}") from None
    return found


def latest(told: Iterable[Told]) -> list[Told]:
    """Return the last verdict of each id, in order."""
    found: dict[str, Told] = {}
    for one in told:
        found.pop(one.id, None)
        found[one.id] = one
    return list(found.values())


def _told(values: Any) -> Told:
    """Validate one line.

    Raises
    ------
    ValueError
        With the reason.
    """
    if not isinstance(values, dict):
        raise ValueError("it is no object")
    for name in ("id", "verdict", "note", "who", "when"):
        if not isinstance(values.get(name), str) or len(values[name]) > MAX_TEXT:
            raise ValueError(f"it has no text {name}")
    if values["verdict"] not in VERDICTS:
        raise ValueError(f"its verdict is neither of {', '.join(VERDICTS)}")
    sources, targets = _texts(values, "sources"), _texts(values, "targets")
    for side in (sources, targets):
        for host in side or ():
            ipaddress.ip_address(host)
    services = _texts(values, "services")
    for service in services or ():
        parts = service.split("/")
        if len(parts) != 2 or not all(part.lstrip("-").isdecimal() and len(part) < 7 for part in parts):
            raise ValueError(f"its service {service!r} is no protocol/port")
    first, last = values.get("first"), values.get("last")
    for moment in (first, last):
        if moment is not None and (type(moment) is not int or abs(moment) > FAR):
            raise ValueError("its times are no milliseconds")
    flows = values.get("flows", 0)
    if type(flows) is not int or flows < 0 or (first is None) != (last is None):
        raise ValueError("it tells no flows or half of a time")
    id, verdict, note, who, when = (values[name] for name in ("id", "verdict", "note", "who", "when"))
    return Told(id, verdict, note, who, when, sources, targets, services, first, last, flows)


def _texts(values: dict[str, Any], name: str) -> list[str] | None:
    found = values.get(name)
    if found is None:
        return None
    if not isinstance(found, list) or not found or not all(isinstance(text, str) for text in found):
        raise ValueError(f"its {name} are no texts")
    return list(found)


def lines(told: Sequence[Told]) -> str:
    """Format as a table for a terminal, the newest last."""
    rows = [("id", "verdict", "when", "who", "flows", "of", "note")]
    for one in told:
        sides = [_few(side) for side in (one.sources, one.targets)]
        of = f"{sides[0]} to {sides[1]}" if one.placed else "not looked up"
        rows.append((one.id, one.verdict, one.when[:19], one.who, f"{one.flows:,}", of, one.note or "-"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _few(hosts: list[str] | None) -> str:
    if hosts is None:
        return "many"
    return hosts[0] if len(hosts) == 1 else f"{hosts[0]} +{len(hosts) - 1:,}"
