"""Slack: short messages for people, to an incoming webhook of Slack or of what takes its place.

Sources: the pages "Sending messages using incoming webhooks", "Formatting text for app surfaces" (escaping)
and "Rate limits" of docs.slack.dev.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from morpheus_gae.errors import OutputError
from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.sinks.remote.http import Http
from morpheus_gae.sinks.remote.records import SEVERITIES, Record
from morpheus_gae.sinks.remote.refused import Refusal
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.sink import Answer

UPDATED = "updated"
"""State of an incident of which people were told when it began, and will be when it ends."""
WIDEST = 300
"""Characters of a line."""
MINUTE = 60.0
JSON = {"Content-Type": "application/json; charset=utf-8"}
_ZERO_WIDTH = "\u200b"


class SlackPost:
    """Messages, each about all records of a batch: the gravest in a line each, the rest as a number.

    Records that come when enough has been said this minute are counted, and told of with the next message or
    at the end; they count as delivered.

    Parameters
    ----------
    http
        Sends.
    path
        Of the webhook; secret.
    per_minute
        Messages at most.
    lines
        Of a message, at most.
    say
        Tells the user one line.
    clock
        Reads seconds, as ``time.monotonic``.
    """

    # one message a window, as long as memory allows
    most_records = 10_000
    most_bytes = 64 << 20

    def __init__(
        self,
        http: Http,
        path: str,
        per_minute: int = 6,
        lines: int = 10,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http, self._path, self._lines = http, path, lines
        self._say, self._clock = say, clock
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._held: Counter[tuple[str, int]] = Counter()

    def post(self, records: Sequence[Record]) -> Answer:
        """Say what there is to say; or count it, if enough was said. What only went on is not said."""
        records = [record for record in records if record.state != UPDATED]
        if not records:
            return Answer()
        now = self._clock()
        if len(self._sent) == self._sent.maxlen and now - self._sent[0] < MINUTE:
            self._held.update(_counted(records))
            return Answer()
        why = self._tell(message(records, self._held, self._lines))
        if why is not None:
            return Answer(refused=[Refusal(record, why) for record in records])
        self._sent.append(now)
        self._held.clear()
        return Answer()

    def close(self) -> None:
        """Say what was only counted so far, and close the connection."""
        if self._held:
            try:
                why = self._tell(message((), self._held, self._lines))
            except (Transient, OutputError) as failure:
                why = str(failure)
            if why is not None:
                told = f"{sum(self._held.values()):,} records were not summed up there"
                self._say(f"Warning: {self._http.name}: {told}: {why}")
            self._held.clear()
        self._http.close()

    def _tell(self, text: str) -> str | None:
        body = json.dumps({"text": text, "unfurl_links": False, "unfurl_media": False}).encode()
        reply = self._http.send("POST", self._path, body, JSON)
        return None if reply.status < 300 else f"{reply.status}{self._http.said(reply.body)}"


def message(records: Sequence[Record], held: Counter[tuple[str, int]], lines: int) -> str:
    """What is said of records, and of those before them that were only counted.

    Parameters
    ----------
    records
        All of this time.
    held
        How many there were before, by kind and severity.
    lines
        At most so many records have one.
    """
    told = []
    if records:
        told.append(f"*{_numbers(_counted(records))}*")
        gravest = sorted(records, key=lambda record: -record.severity)[:lines]
        told += [f"• {SEVERITIES[record.severity]}: {escaped(record.text)}" for record in gravest]
        if len(records) > lines:
            told.append(f"… and {len(records) - lines:,} more")
    if held:
        told.append(f"Since the last message, without one of their own: {_numbers(held)}")
    return "\n".join(told)


def escaped(text: str) -> str:
    """Text of others as Slack shows it: no mark-up, no link, nobody called."""
    line = printable(text)
    line = line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
    for plain, told in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        line = line.replace(plain, told)
    # others that take Slack's messages call people by an @ alone, and mark up within words
    for mark in "@*_~`":
        line = line.replace(mark, mark + _ZERO_WIDTH)
    return line


def _counted(records: Sequence[Record]) -> Counter[tuple[str, int]]:
    return Counter((record.kind, record.severity) for record in records)


def _numbers(counts: Counter[tuple[str, int]]) -> str:
    parts = []
    for kind in sorted({kind for kind, _ in counts}):
        of = {grade: counts[kind, grade] for grade in (3, 2, 1, 0) if counts[kind, grade]}
        total = sum(of.values())
        grades = ", ".join(f"{n:,} {SEVERITIES[grade]}" for grade, n in of.items())
        parts.append(f"{total:,} {escaped(kind)}{'' if total == 1 else 's'} ({grades})")
    return "; ".join(parts)
