"""Fetch: a thread that polls continuously, so that the consumer group never evicts us."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Protocol

from morpheus_gae.errors import InputError
from morpheus_gae.kafka.buffer import Buffer, Messages
from morpheus_gae.kafka.client import AWAY, Trouble, error_name, error_text, library, refused
from morpheus_gae.kafka.counts import Counts
from morpheus_gae.kafka.ledger import Key, Ledger
from morpheus_gae.kafka.wait import Patience, wait_for, wait_for_topics

POLL_SECONDS, BUSY_POLL_SECONDS = 0.25, 0.01
"""Poll timeout when idle, and with messages in flight: latency of a stop, or a commit."""
AT_ONCE, MOST_TIMES = 500, 20
"""Messages per poll, and polls before other work. Thousands at once would fall out of the CPU cache, and the
garbage collector would traverse them all."""
PAUSE_SECONDS = 0.5
"""Time a full buffer is waited for before partitions are paused: pausing drops prefetched messages, and
fetching them again takes about as long."""
LAG_SECONDS = 1.0
ASK_SECONDS = 10.0
CUT = "end="
"""Prefix of the commit metadata with the end of a window that may already be written."""


class Guard(Protocol):
    """Called before partitions are revoked."""

    def settle(self, keys: Sequence[Key]) -> None:
        """Finish the current delivery and commit delivered offsets."""
        ...


class Gone(Exception):  # noqa: N818
    """The consumer is closed."""


class _Request:
    """A request to the polling thread, with its result."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._act = act
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._act()
        except BaseException as error:
            self.error = error
        self.done.set()


class Fetcher:
    """Polls a consumer and fills the buffer.

    Parameters
    ----------
    consumer
        Consumer, not yet subscribed; closed by the thread.
    servers, topics
        Cluster and topics to read.
    ledger
        Records assignments and read offsets.
    buffer
        Filled.
    guard
        Settles before partitions are revoked.
    metrics
        Records rebalances and lag.
    patience
        Reports to the user what is waited for.
    fail_fast
        Fail instead of waiting for a broker or topic at the start.
    """

    def __init__(
        self,
        consumer: Any,
        servers: str,
        topics: Sequence[str],
        ledger: Ledger,
        buffer: Buffer,
        guard: Guard,
        metrics: Counts,
        patience: Patience,
        fail_fast: bool = False,
        wanted: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._kafka = library()
        self._consumer = consumer
        self._servers, self._topics = servers, list(topics)
        self._ledger, self._buffer, self._guard = ledger, buffer, guard
        self._metrics, self._patience, self._fail_fast = metrics, patience, fail_fast
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self._rewind = threading.Event()
        self._firsts: dict[Key, int | None] = {}
        self._trouble = Trouble(servers)
        self._paused = False
        self._full_since: float | None = None
        self._reading = self._closing = False
        self._requests: deque[Callable[[], Any]] = deque()
        self._lag_due = 0.0
        self._also = wanted
        self._thread = threading.Thread(target=self._run, name="kafka-fetch", daemon=True)

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def wait_to_write(self) -> bool:
        """Wait until the outputs exist; False if stopped before."""
        return wait_for(self._also, self._patience, pause=self._ended_or_stopping, fail_fast=self._fail_fast)

    def stop(self) -> None:
        """Stop fetching; stay in the group to commit messages in flight."""
        self._stopping.set()
        self._buffer.close()

    def end(self, seconds: float) -> bool:
        """Leave the group and close the consumer; return whether that succeeded within the timeout."""
        self.stop()
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def ask(self, act: Callable[[], Any]) -> Any:
        """Call a function with the consumer in the polling thread: calls from two threads starve each other.

        Raises
        ------
        BaseException
            Its exception; ``Gone`` if the consumer is closed.
        """
        if threading.current_thread() is self._thread:
            return act()
        request = _Request(act)
        self._requests.append(request.run)
        while not request.done.wait(1.0):
            if not self._thread.is_alive() and not request.done.is_set():
                raise Gone
        if request.error is not None:
            raise request.error
        return request.result

    def tell(self, act: Callable[[], Any]) -> None:
        """Like ``ask`` without waiting; an error ends reading."""
        self._requests.append(act)

    def serve(self) -> None:
        """Run pending requests; in the polling thread."""
        while self._requests:
            self._requests.popleft()()

    def rewind(self) -> None:
        """Drop messages in flight and re-read from the committed offsets."""
        self._firsts.update(self._ledger.suspend())
        self._rewind.set()

    def error(self, error: Any) -> None:
        """Handle the client's errors (``error_cb``), in the polling thread."""
        unsafe = self._trouble.note(error)
        if self._closing:
            return
        no = refused(error, self._servers)
        if no is not None or error.fatal():
            raise no or InputError(f"kafka://{self._servers}: {error_text(error)}")
        # before reading, waiting for topics is reported elsewhere
        if self._reading and (unsafe or error_name(error) == "_ALL_BROKERS_DOWN"):
            self._patience.tell(self._trouble.cause or f"no broker answers at {self._servers}")

    def _run(self) -> None:
        try:
            there = wait_for_topics(
                self._consumer,
                self._servers,
                self._topics,
                self._patience,
                self._trouble,
                pause=self._ended_or_stopping,
                fail_fast=self._fail_fast,
                also=self._also,
            )
            if there:
                self._reading = True
                self._consumer.subscribe(
                    self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
                )
                while not self._ended.is_set():
                    self._step()
        except BaseException as error:
            self._buffer.fail(error)
        finally:
            self._closing = True
            # leaves the group, after a last call of on_revoke
            self._consumer.close()

    def _ended_or_stopping(self, seconds: float) -> bool:
        return self._stopping.wait(seconds)

    def _step(self) -> None:
        if self._rewind.is_set():
            self._begin_anew()
        self._throttle()
        self.serve()
        if self._full_since is not None and not self._paused:
            self._buffer.wait_for_room(BUSY_POLL_SECONDS)
        else:
            first = self._consumer.poll(POLL_SECONDS if self._idle else BUSY_POLL_SECONDS)
            if first is not None:
                self._take_all(first)
        if time.monotonic() >= self._lag_due:
            self._lag_due = time.monotonic() + LAG_SECONDS
            self._tell_lag()

    @property
    def _idle(self) -> bool:
        return not self._paused and not self._ledger.in_flight

    def _throttle(self) -> None:
        now, stopping = time.monotonic(), self._stopping.is_set()
        if not self._buffer.full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now
        full = self._full_since is not None and now - self._full_since >= PAUSE_SECONDS
        if (full or stopping) and not self._paused:
            self._paused = True
            self._consumer.pause(self._consumer.assignment())
        elif self._paused and self._buffer.low and not stopping:
            self._paused = False
            self._consumer.resume(self._consumer.assignment())

    def _take_all(self, first: Any) -> None:
        """Return a message and those queued after it."""
        self._take([first, *self._consumer.consume(AT_ONCE - 1, 0)])
        for _ in range(MOST_TIMES):
            # commits and rewinds have priority
            if self._buffer.full or self._requests or self._rewind.is_set():
                return
            messages = self._consumer.consume(AT_ONCE, 0)
            if not messages:
                return
            self._take(messages)

    def _take(self, messages: list[Any]) -> None:
        # map of methods: a loop would take twice as long for small messages
        of = self._kafka.Message
        if set(map(type, map(of.error, messages))) != {type(None)}:
            for message in messages:
                if message.error() is not None:
                    self._problem(message.error())
            messages = [message for message in messages if message.error() is None]
        if messages:
            self._well()
        at = 0
        for key, run in groupby(list(zip(map(of.topic, messages), map(of.partition, messages), strict=True))):
            stop = at + sum(1 for _ in run)
            into = _together(key, messages[at:stop], of)
            at = stop
            source = self._ledger.note_read(key, into.offsets[0], into.offsets[-1])
            if source is not None:
                into.source = source
                self._buffer.put(into)
            elif key in self._ledger.keys():  # noqa: SIM118
                # offsets went back: something else called seek, so our state is invalid
                self.rewind()

    def _problem(self, error: Any) -> None:
        no = refused(error, self._servers)
        if no is not None or error.fatal():
            raise no or InputError(f"kafka://{self._servers}: {error_text(error)}")
        name = error_name(error)
        if name == "_AUTO_OFFSET_RESET":
            raise InputError(
                f"kafka://{self._servers}: {error_text(error)}: messages that were not read are gone "
                "(retention); set auto.offset.reset=earliest to go on with the oldest there are"
            )
        if name in AWAY or name in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"):
            self._patience.tell(f"{self._servers}: {error_text(error)}")

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        self._metrics.add(rebalances=1)
        committed = self._committed(partitions)
        for part in partitions:
            key = (part.topic, part.partition)
            offset, note = committed.get(key, (None, None))
            self._ledger.add(key, offset, _cut(note))
        # newly assigned ones are unpaused
        self._paused = False
        self._well()

    def _well(self) -> None:
        """Record that the broker responds."""
        self._trouble.over()
        self._patience.over()

    def _committed(self, partitions: list[Any]) -> dict[Key, tuple[int | None, str | None]]:
        try:
            found = self._consumer.committed(partitions, ASK_SECONDS)
        except self._kafka.KafkaException:
            # the client retries the start offset itself; only the window note is lost
            return {}
        return {
            (part.topic, part.partition): (part.offset if part.offset >= 0 else None, part.metadata)
            for part in found
        }

    def _revoked(self, consumer: Any, partitions: list[Any]) -> None:
        keys = [(part.topic, part.partition) for part in partitions]
        if not self._closing:
            self._metrics.add(rebalances=1)
        self._guard.settle(keys)
        self._ledger.remove(keys)

    def _lost(self, consumer: Any, partitions: list[Any]) -> None:
        self._metrics.add(rebalances=1)
        self._ledger.remove((part.topic, part.partition) for part in partitions)

    def _begin_anew(self) -> None:
        """Seek to the committed offsets, in the polling thread, so that no old message slips in between."""
        parts = self._consumer.assignment()
        try:
            found = self._consumer.committed(parts, ASK_SECONDS)
        except self._kafka.KafkaException as error:
            self._patience.tell(f"{self._servers}: {error_text(error)}")
            return
        self._rewind.clear()
        self._buffer.clear()
        for part in found:
            key = (part.topic, part.partition)
            offset = part.offset if part.offset >= 0 else self._firsts.get(key)
            target = self._kafka.OFFSET_BEGINNING if offset is None else offset
            self._consumer.seek(self._kafka.TopicPartition(*key, target))
            self._ledger.add(key, offset, _cut(part.metadata))
        self._firsts.clear()

    def _tell_lag(self) -> None:
        behind = {}
        for key, base in self._ledger.bases().items():
            part = self._kafka.TopicPartition(*key)
            try:
                low, high = self._consumer.get_watermark_offsets(part, cached=True)
            except self._kafka.KafkaException:
                continue
            if high >= 0:
                behind[key] = max(0, high - (max(low, 0) if base is None else base))
        self._metrics.lags(behind)


def _together(key: Key, messages: list[Any], of: Any) -> Messages:
    """Group messages of one partition."""
    values, headers = list(map(of.value, messages)), list(map(of.headers, messages))
    types = None
    if set(map(type, headers)) != {type(None)}:
        types = [None if told is None else _content_type(told) for told in headers]
    size = sum(map(len, filter(None, values)))
    return Messages("", *key, list(map(of.offset, messages)), values, types, size)


def _content_type(headers: list[tuple[str, bytes | None]]) -> str | None:
    for name, value in headers:
        if value is not None and name.lower() == "content-type":
            return value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return None


def _cut(note: str | None) -> int | None:
    if note is None or not note.startswith(CUT) or not note[len(CUT) :].isdigit():
        return None
    return int(note[len(CUT) :])
