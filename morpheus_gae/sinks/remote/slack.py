"""Slack: short messages to an incoming webhook of Slack or a compatible server.

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
"""State of an incident that is not posted: only its start and end are."""
WIDEST = 300
"""Maximum characters of a line."""
MINUTE = 60.0
JSON = {"Content-Type": "application/json; charset=utf-8"}
_ZERO_WIDTH = "\u200b"


class SlackPost:
    """Posts one message per batch: the most severe records in a line each, the rest as a number.

    Records beyond the rate limit are counted, and mentioned in the next message or at the end; they count as
    delivered.

    Parameters
    ----------
    http
        Sends.
    path
        Path of the webhook; secret.
    per_minute
        Maximum messages per minute.
    lines
        Maximum lines per message.
    say
        Reports one line to the user.
    clock
        Clock in seconds, like ``time.monotonic``.
    """

    # one message per window, within memory limits
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
        """Post a message, or count the records if rate-limited. Updates of open incidents are not posted."""
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
        """Post a message on counted records, and close the connection."""
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
    """Format the message on records, and on earlier ones that were only counted.

    Parameters
    ----------
    records
        Records of this message.
    held
        Number of earlier ones, by kind and severity.
    lines
        Maximum number of records with a line.
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
    """Escape untrusted text for Slack: no mark-up, links or mentions."""
    line = printable(text)
    line = line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
    for plain, told in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        line = line.replace(plain, told)
    # compatible servers mention people by @ alone, and have mark-up within words
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
