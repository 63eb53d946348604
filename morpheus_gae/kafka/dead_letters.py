"""Dead letters: messages and records that are no flows, kept with what is needed to find out why.

They wait until the window around them is delivered, and are brought to their place just before its offset
is committed: none is lost, and none is written twice unless the window is.
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
"""Letters that wait take so much memory at most; then reading waits for a window to be delivered."""
RATE, BURST = 5_000.0, 20_000.0
"""Letters a second in the long run, and at once."""


@dataclass(frozen=True)
class DeadLetter:
    """A message, or one record of it, that is no flow.

    Attributes
    ----------
    topic, partition, offset
        The message.
    row
        Record within it, from 0; -1 is the message as a whole.
    reason
        Why, in a word.
    detail
        What was found.
    value
        The bytes as they came.
    """

    topic: str
    partition: int
    offset: int
    row: int
    reason: str
    detail: str
    value: bytes


class Post(Protocol):
    """Where letters go."""

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Take letters."""
        ...

    def flush(self) -> None:
        """Have them where they cannot be lost."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class TopicPost:
    """Letters as messages: the bytes as they came, everything else in headers.

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
                # whole, it would be refused, and each time that it is read again
                told["size"] = str(len(letter.value))
            headers = [(name, value.encode("utf-8", "replace")) for name, value in told.items()]
            self._outbox.send(self._topic, letter.value[:MESSAGE_BYTES], None, headers)

    def flush(self) -> None:
        """Wait for acknowledgements."""
        self._outbox.flush()

    def close(self) -> None:
        """The outbox belongs to somebody else."""


class FilePost:
    """Letters as lines of JSON at the end of a file; bytes that are no text as base64.

    Parameters
    ----------
    path
        File; what a run that was killed left of a line is cut off.
    """

    def __init__(self, path: str) -> None:
        self._lines = AppendedLines(path, "dead letters")

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Write letters."""
        if dead_letters:
            self._lines.write(b"".join(map(_line, dead_letters)))

    def flush(self) -> None:
        """Bring them to the disk."""
        self._lines.flush()

    def close(self) -> None:
        """Close the file; what is not flushed is nobody's, for its offset is not committed."""
        self._lines.close()


class NoPost:
    """Letters are counted and nothing else."""

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Nothing."""

    def flush(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class DeadLetters:
    """Letters that wait for their window, and their way to the post.

    Parameters
    ----------
    post
        Where they go.
    most_bytes
        See ``MOST_BYTES``.
    rate, burst
        See ``RATE``: letters that come faster wait, and everything behind them; none is dropped.
    clock
        Reads seconds, as ``time.monotonic``.
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
        """Keep letters of one partition, in order; waits while too many are kept."""
        if not dead_letters:
            return
        with self._changed:
            self._waiting.setdefault((source, partition), deque()).extend(dead_letters)
            self._bytes += sum(map(_size, dead_letters))
            while self._bytes > self._most and self._open:
                self._changed.wait()

    def send(self, positions: Iterable[Position]) -> None:
        """Bring letters from before these positions to the post, and have them safe there."""
        with self._changed:
            due = [letter for position in positions for letter in self._due(position)]
        for start in range(0, len(due), int(self._burst)):
            part = due[start : start + int(self._burst)]
            self._wait_for_tokens(len(part))
            self.post.write(part)
        if due:
            self.post.flush()

    def forget(self, alive: Callable[[str, int], bool]) -> None:
        """Drop letters of partitions that are no longer ours: whoever has them will find the same."""
        with self._changed:
            for key in [key for key in self._waiting if not alive(*key)]:
                self._bytes -= sum(map(_size, self._waiting.pop(key)))
            self._changed.notify_all()

    def stop(self) -> None:
        """Let whoever waits in ``hold`` go."""
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
