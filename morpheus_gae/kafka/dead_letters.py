"""Dead letters: invalid messages and records, kept with their reason and origin.

They wait until the surrounding window is delivered, and are written just before its offset is committed: none
is lost, and none is written twice unless the window is.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from morpheus_gae.flows.frame import Position
from morpheus_gae.flows.tables.printable import json_escapes, printable
from morpheus_gae.kafka.outbox import MESSAGE_BYTES, Outbox
from morpheus_gae.sinks.append import AppendedLines

MOST_BYTES = 32 << 20
"""Maximum memory of waiting letters; beyond it reading blocks until a window is delivered."""
RATE, BURST = 5_000.0, 20_000.0
"""Rate limit in letters per second, and burst size."""


@dataclass(frozen=True)
class DeadLetter:
    """A message, or one of its records, that is not a flow.

    Attributes
    ----------
    topic, partition, offset
        Position of the message.
    row
        Record within it, from 0; -1: the whole message.
    reason
        Reason, one word.
    detail
        What was found.
    value
        The raw bytes.
    """

    topic: str
    partition: int
    offset: int
    row: int
    reason: str
    detail: str
    value: bytes


class Post(Protocol):
    """Protocol: a sink of dead letters."""

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Write letters."""
        ...

    def flush(self) -> None:
        """Make written letters durable."""
        ...

    def close(self) -> None:
        """Close the sink."""
        ...


class TopicPost:
    """Writes letters as messages: the raw bytes, with all else in headers.

    Parameters
    ----------
    outbox
        Delivers.
    topic
        Where to.
    """

    def __init__(self, outbox: Outbox, topic: str) -> None:
        self._outbox, self._topic = outbox, topic

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Send letters."""
        for letter in dead_letters:
            told = {
                "topic": letter.topic,
                "partition": str(letter.partition),
                "offset": str(letter.offset),
                "row": str(letter.row),
                "reason": letter.reason,
                "error": printable(letter.detail[:1000]),
            }
            if len(letter.value) > MESSAGE_BYTES:
                # too large: it would be refused each time it is read
                told["size"] = str(len(letter.value))
            headers = [(name, value.encode("utf-8", "replace")) for name, value in told.items()]
            self._outbox.send(self._topic, letter.value[:MESSAGE_BYTES], None, headers)

    def flush(self) -> None:
        """Wait for acknowledgements."""
        self._outbox.flush()

    def close(self) -> None:
        """Do nothing: the outbox has another owner."""


class FilePost:
    """Appends letters as JSON lines to a file; bytes that are not text as base64.

    Parameters
    ----------
    path
        File; an incomplete last line of a killed run is truncated.
    """

    def __init__(self, path: str) -> None:
        self._lines = AppendedLines(path, "dead letters")

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Write letters."""
        if dead_letters:
            self._lines.write(b"".join(map(_line, dead_letters)))

    def flush(self) -> None:
        """Sync the file to disk."""
        self._lines.flush()

    def close(self) -> None:
        """Close the file; unflushed letters may be lost, since their offsets are not committed."""
        self._lines.close()


class NoPost:
    """Drops letters, which are only counted."""

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class DeadLetters:
    """Letters waiting for their window, and their delivery.

    Parameters
    ----------
    post
        Sink of the letters.
    most_bytes
        See ``MOST_BYTES``.
    rate, burst
        See ``RATE``: faster letters block the input (back-pressure); none is dropped.
    clock
        Clock in seconds, like ``time.monotonic``.
    """

    def __init__(
        self,
        post: Post,
        most_bytes: int = MOST_BYTES,
        rate: float = RATE,
        burst: float = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.post = post
        self._most, self._rate, self._burst, self._clock = most_bytes, rate, burst, clock
        self._changed = threading.Condition()
        self._waiting: dict[tuple[str, int], deque[DeadLetter]] = {}
        self._bytes = 0
        self._open = True
        self._tokens, self._filled = burst, clock()
        self.delayed = 0

    def hold(self, source: str, partition: int, dead_letters: Sequence[DeadLetter]) -> None:
        """Add letters of one partition, in order; blocks while too many are waiting."""
        if not dead_letters:
            return
        with self._changed:
            self._waiting.setdefault((source, partition), deque()).extend(dead_letters)
            self._bytes += sum(map(_size, dead_letters))
            while self._bytes > self._most and self._open:
                self._changed.wait()

    def send(self, positions: Iterable[Position]) -> None:
        """Write the letters before these positions, and make them durable."""
        with self._changed:
            due = [letter for position in positions for letter in self._due(position)]
        for start in range(0, len(due), int(self._burst)):
            part = due[start : start + int(self._burst)]
            self._wait_for_tokens(len(part))
            self.post.write(part)
        if due:
            self.post.flush()

    def forget(self, alive: Callable[[str, int], bool]) -> None:
        """Drop letters of revoked partitions: their new owner will find the same ones."""
        with self._changed:
            for key in [key for key in self._waiting if not alive(*key)]:
                self._bytes -= sum(map(_size, self._waiting.pop(key)))
            self._changed.notify_all()

    def stop(self) -> None:
        """Unblock callers of ``hold``."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _due(self, position: Position) -> list[DeadLetter]:
        waiting = self._waiting.get((position.source, position.partition), deque())
        out = []
        while waiting and waiting[0].offset < position.offset:
            out.append(waiting.popleft())
            self._bytes -= _size(out[-1])
        self._changed.notify_all()
        return out

    def _wait_for_tokens(self, count: int) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate) - count
        self._filled = now
        if self._tokens < 0:
            self.delayed += count
            with self._changed:
                self._changed.wait_for(lambda: not self._open, -self._tokens / self._rate)


def _size(letter: DeadLetter) -> int:
    return 200 + len(letter.value) + len(letter.detail)


def _line(letter: DeadLetter) -> bytes:
    told: dict[str, Any] = {
        "reason": letter.reason,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "row": letter.row,
        "detail": letter.detail[:1000],
    }
    try:
        told["record"] = letter.value.decode()
    except UnicodeDecodeError:
        told["record_base64"] = base64.b64encode(letter.value).decode()
    return json_escapes(json.dumps(told)).encode() + b"\n"
