"""Buffer: queue of messages between the polling and the decoding thread; it never blocks the poller."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

HIGH_BYTES, LOW_BYTES = 64 << 20, 16 << 20
HIGH_MESSAGES, LOW_MESSAGES = 400_000, 100_000
"""High and low watermark: fetching pauses above the first and resumes below the second."""
TAKE_BYTES = 16 << 20
"""Default maximum size taken at once."""
TAKE_MESSAGES = 65_536
PIECE_BYTES = 1 << 20
"""Messages fetched together are taken in pieces of about this size."""


@dataclass
class Messages:
    """Consecutive messages of one partition.

    Attributes
    ----------
    source
        Name of the assignment.
    topic, partition
        Their topic and partition.
    offsets
        Ascending.
    values
        Payloads.
    types
        Content types; None if no message has one.
    size
        Bytes of all payloads.
    """

    source: str
    topic: str
    partition: int
    offsets: list[int]
    values: list[bytes | None]
    types: list[str | None] | None
    size: int


class Buffer:
    """FIFO queue; waiting messages of one partition are taken together.

    Parameters
    ----------
    high_bytes, low_bytes
        See ``HIGH_BYTES``.
    """

    def __init__(self, high_bytes: int = HIGH_BYTES, low_bytes: int = LOW_BYTES) -> None:
        self._high, self._low = high_bytes, low_bytes
        self._changed = threading.Condition(threading.RLock())
        self._waiting: dict[tuple[str, int], deque[Messages]] = {}
        self._order: deque[tuple[str, int]] = deque()
        self._bytes = self._count = 0
        self._closed = False
        self._error: BaseException | None = None

    @property
    def full(self) -> bool:
        """Whether fetching should pause."""
        return self._bytes >= self._high or self._count >= HIGH_MESSAGES

    @property
    def low(self) -> bool:
        """Whether fetching may resume."""
        return self._bytes <= self._low and self._count <= LOW_MESSAGES

    def wait_for_room(self, seconds: float) -> None:
        """Wait until it is not full, with a timeout."""
        with self._changed:
            self._changed.wait_for(lambda: not self.full or self._closed, seconds)

    def put(self, messages: Messages) -> None:
        """Add messages; dropped after ``close``."""
        with self._changed:
            if self._closed:
                return
            key = (messages.source, messages.partition)
            if key not in self._waiting:
                self._waiting[key] = deque()
                self._order.append(key)
            self._waiting[key].extend(_pieces(messages))
            self._bytes += messages.size
            self._count += len(messages.offsets)
            self._changed.notify_all()

    def take(self, most: int = TAKE_BYTES) -> Messages | None:
        """Take up to ``most`` bytes, at least one message, of the partition waiting longest; None at the end.

        Raises
        ------
        BaseException
            The error of the poller.
        """
        with self._changed:
            while not self._order and not self._closed and self._error is None:
                self._changed.wait()
            if self._error is not None:
                raise self._error
            if self._closed:
                return None
            key = self._order.popleft()
            waiting = self._waiting[key]
            parts = [waiting.popleft()]
            size, count = parts[0].size, len(parts[0].offsets)
            while waiting and size + waiting[0].size <= most and count < TAKE_MESSAGES:
                parts.append(waiting.popleft())
                size, count = size + parts[-1].size, count + len(parts[-1].offsets)
            if waiting:
                self._order.append(key)
            else:
                del self._waiting[key]
            full = self.full
            self._bytes -= size
            self._count -= count
            if full:
                self._changed.notify_all()
        return _together(parts)

    def clear(self) -> None:
        """Drop everything."""
        with self._changed:
            self._waiting.clear()
            self._order.clear()
            self._bytes = self._count = 0

    def close(self) -> None:
        """Close: drop waiting messages, which are not committed, and wake the consumer."""
        with self._changed:
            self._closed = True
            self.clear()
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Pass an error to the consumer."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()


def _pieces(messages: Messages) -> list[Messages]:
    """Split messages into pieces if they are large."""
    count = len(messages.offsets)
    step = max(1, count * PIECE_BYTES // max(messages.size, 1))
    if step >= count:
        return [messages]
    pieces = []
    for start in range(0, count, step):
        cut = slice(start, start + step)
        values = messages.values[cut]
        pieces.append(
            replace(
                messages,
                offsets=messages.offsets[cut],
                values=values,
                types=None if messages.types is None else messages.types[cut],
                size=sum(map(len, filter(None, values))),
            )
        )
    return pieces


def _together(parts: list[Messages]) -> Messages:
    if len(parts) == 1:
        return parts[0]
    types: list[str | None] | None = None
    if any(part.types is not None for part in parts):
        types = [t for part in parts for t in (part.types or [None] * len(part.offsets))]
    first = parts[0]
    return Messages(
        first.source,
        first.topic,
        first.partition,
        [o for part in parts for o in part.offsets],
        [v for part in parts for v in part.values],
        types,
        sum(part.size for part in parts),
    )
