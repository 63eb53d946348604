"""Source: reads flows from topics and commits the offsets of delivered ones only."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows.exporters.mapping import PresetLike, note
from morpheus_gae.flows.frame import Flows, Position
from morpheus_gae.flows.payloads.decode import PayloadDecoder
from morpheus_gae.flows.payloads.origin import with_origin
from morpheus_gae.kafka.buffer import TAKE_BYTES, Buffer, Messages
from morpheus_gae.kafka.client import AWAY, MOVED, error_name, error_text, library
from morpheus_gae.kafka.counts import Counts
from morpheus_gae.kafka.dead_letters import DeadLetter, DeadLetters
from morpheus_gae.kafka.fetch import CUT, Fetcher, Gone
from morpheus_gae.kafka.ledger import Key, Ledger
from morpheus_gae.kafka.transactions import Aborted, Transactions
from morpheus_gae.kafka.wait import Patience

SETTLE_SECONDS = 60.0
"""Maximum time that a rebalance is delayed for the window being written."""
CLOSE_SECONDS = 15.0
TAKE_FLOWS = 32_768
LEAST_BYTES = 1 << 20
"""Approximate number of flows decoded at once: with more, columns fall out of the CPU cache before later
stages; with fewer, the overhead per batch dominates."""


@dataclass(frozen=True)
class Reading:
    """What to read, and how.

    Attributes
    ----------
    servers, topics
        The cluster and its topics.
    preset
        Layout of their columns.
    avro_schema
        Schema of Avro messages without one.
    fail_fast
        Fail instead of waiting for a broker or topic at the start.
    """

    servers: str
    topics: Sequence[str]
    preset: PresetLike = None
    avro_schema: str | None = None
    fail_fast: bool = False


class KafkaSource:
    """Flows of topics, in batches of one partition each, with offsets and positions.

    Parameters
    ----------
    make
        Creates the consumer, given its error callback.
    reading
        Topics and options.
    metrics
        Counts.
    letters
        Dead letters.
    say
        Reports one line to the user.
    transactions
        Commits offsets together with produced messages; None: separate commits, after delivery.
    buffer
        Queue between fetching and decoding.
    wanted
        Returns what else is missing before reading can start, or None.

    Notes
    -----
    The consumer outlives the iteration, since windows in flight must still be committed: ``end`` closes it.
    """

    name = "from-netflow"

    def __init__(
        self,
        make: Callable[[Callable[[Any], None]], Any],
        reading: Reading,
        metrics: Counts,
        dead_letters: DeadLetters,
        say: Callable[[str], None],
        transactions: Transactions | None = None,
        buffer: Buffer | None = None,
        wanted: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.ledger = Ledger()
        self._kafka = library()
        self._reading, self._metrics, self._dead_letters, self._say = reading, metrics, dead_letters, say
        self._transactions = transactions
        self._buffer = Buffer() if buffer is None else buffer
        self._presets: set[str] = set()
        self._bytes = LEAST_BYTES
        self._commit_due = False
        self._decoders = {
            topic: PayloadDecoder(topic, reading.preset, reading.avro_schema) for topic in reading.topics
        }
        self._settled = threading.Condition()
        self._delivering = False
        self._started = self._ended = False
        self._consumer = make(self._error)
        self._fetcher = Fetcher(
            self._consumer,
            reading.servers,
            reading.topics,
            self.ledger,
            self._buffer,
            self,
            metrics,
            Patience(say),
            reading.fail_fast,
            wanted,
        )

    def __iter__(self) -> Iterator[Flows]:
        if self._transactions is not None:
            if not self._fetcher.wait_to_write():
                return
            # fence before reading, so that a previous process with this name cannot commit what we read
            self._transactions.open()
        self._started = True
        self._fetcher.start()
        while (messages := self._buffer.take(self._bytes)) is not None:
            if self.ledger.alive(messages.source, messages.partition):
                yield self._flows(messages)

    def alive(self, source: str, partition: int) -> bool:
        """Whether an assignment is still valid."""
        return self.ledger.alive(source, partition)

    def base(self, source: str, partition: int) -> int | None:
        """Offset of the first message that is not known to be delivered; None if the partition went."""
        return self.ledger.base(source, partition)

    def cut_of(self, source: str, partition: int) -> int | None:
        """Return where the first window must end: as before, if its alerts may already be written."""
        return self.ledger.cut_of(source, partition)

    def admit(self, source: str, partition: int, early_end: int | None) -> bool:
        """Decide whether a window may be written; called before.

        Parameters
        ----------
        source, partition
            Assignment that its flows come from.
        early_end
            Offset at which the window ends, if a timeout or the memory limit ended it. It is stored in the
            commit metadata, so that after a crash the same window is cut, with the same scores.

        Returns
        -------
        bool
            False if the window must be dropped: its partition was revoked, and its new owner will re-read it.
        """
        with self._settled:
            if not self.ledger.alive(source, partition):
                return False
            self._delivering = True
        if self._transactions is not None:
            return self._begin(self._transactions)
        if early_end is None or self._note_cut(source, partition, early_end):
            return True
        # a failed note (during a rebalance) is no reason to drop the window: later ones would be committed
        # past it. Only if its partition was revoked meanwhile, another process re-reads it.
        if self.ledger.alive(source, partition):
            return True
        self._done()
        return False

    def delivered(self, positions: Iterable[Position]) -> None:
        """Record that all before these positions is delivered: dead letters follow, and soon the commit.

        Raises
        ------
        GaeError
            If dead letters cannot be written, or a transaction fails permanently.
        """
        try:
            told = list(positions)
            due = [p for p in told if self.ledger.alive(p.source, p.partition)]
            if self._transactions is not None:
                self._commit_transaction(self._transactions, due, whole=len(due) == len(told))
                return
            self._dead_letters.send(due)
            self.ledger.reach(due)
            if not self._commit_due:
                self._commit_due = True
                # asynchronous, and one commit covers several windows
                self._fetcher.tell(self._commit_delivered)
        finally:
            self._done()

    def settle(self, keys: Sequence[Key]) -> None:
        """Before partitions are revoked: wait for the window being written, commit delivered offsets."""
        until = time.monotonic() + SETTLE_SECONDS
        while self._delivering and not self._ended and time.monotonic() < until:
            # the window being written may request a commit, which runs in this thread
            self._fetcher.serve()
            with self._settled:
                self._settled.wait(0.01)
        if self._transactions is None and not self._ended:
            self._commit(self.ledger.uncommitted(keys))

    def stop(self) -> None:
        """Stop reading; messages in flight can still be delivered."""
        self._dead_letters.stop()
        self._fetcher.stop()

    def close(self) -> None:
        """Close after the iteration has ended."""
        self.stop()

    def end(self) -> None:
        """Leave the group, after the last delivery; nothing else is committed."""
        if self._ended:
            return
        if self._started and self._transactions is None:
            try:
                self._commit(self.ledger.uncommitted())
            except InputError as error:
                self._say(f"Warning: {error}; what is not committed will be there twice")
        with self._settled:
            self._ended = True
            self._settled.notify_all()
        self._dead_letters.stop()
        if not self._started:
            self._consumer.close()
        elif not self._fetcher.end(CLOSE_SECONDS):
            self._say(
                "Warning: the Kafka consumer does not close; the group will notice by its session timeout"
            )
        self._dead_letters.post.close()

    def _flows(self, messages: Messages) -> Flows:
        decoded = self._decoders[messages.topic].decode(messages.values, messages.types)
        if len(decoded.flows):
            wanted = messages.size * TAKE_FLOWS // len(decoded.flows)
            self._bytes = min(max(wanted, LEAST_BYTES), TAKE_BYTES)
        offsets = np.array(messages.offsets, np.int64)
        topic, partition = messages.topic, messages.partition
        self._metrics.add(
            bytes_read=messages.size,
            messages=len(messages.offsets),
            durations_missing=int(decoded.flows.duration_missing.sum()),
        )
        if decoded.skipped:
            self._metrics.skip(decoded.skipped)
        if decoded.noted:
            self._metrics.note(decoded.noted)
        if decoded.bad:
            self._metrics.bad(Counter(b.reason.value for b in decoded.bad))
            self._dead_letters.hold(
                messages.source,
                partition,
                [
                    DeadLetter(
                        topic, partition, int(offsets[b.message]), b.row, b.reason.value, b.detail, b.value
                    )
                    for b in decoded.bad
                ],
            )
        self._tell(decoded.preset, decoded.flows.one_way)
        done = Position(messages.source, partition, int(offsets[-1]) + 1)
        return with_origin(decoded.flows, topic, partition, offsets[decoded.message], decoded.row, done)

    def _tell(self, preset: str | None, one_way: bool) -> None:
        if preset is None or preset in self._presets:
            return
        self._presets.add(preset)
        line = note(preset, self._reading.preset, one_way)
        if line is not None:
            self._say(line)

    def _commit_delivered(self) -> None:
        self._commit_due = False
        self._commit(self.ledger.uncommitted())

    def _commit(self, offsets: dict[Key, int], notes: dict[Key, str] | None = None) -> bool:
        """Commit offsets alone; a transient failure is made up by the next commit, or by re-reading."""
        if not offsets:
            return True
        told = notes or {}
        parts = [
            self._kafka.TopicPartition(topic, partition, offset, metadata=told[topic, partition])
            if (topic, partition) in told
            else self._kafka.TopicPartition(topic, partition, offset)
            for (topic, partition), offset in offsets.items()
        ]
        try:
            found = self._fetcher.ask(lambda: self._consumer.commit(offsets=parts, asynchronous=False))
        except Gone:
            return False
        except self._kafka.KafkaException as error:
            self._metrics.add(commit_failures=1)
            if error_name(error) in (*MOVED, *AWAY):
                return False
            raise InputError(f"kafka://{self._reading.servers}: commit: {error_text(error)}") from None
        failed = {(part.topic, part.partition) for part in found or () if part.error is not None}
        self.ledger.note_committed({key: offset for key, offset in offsets.items() if key not in failed})
        self._metrics.add(commits=1, commit_failures=len(failed))
        return not failed

    def _note_cut(self, source: str, partition: int, end: int) -> bool:
        def note() -> bool:
            base = self.ledger.base(source, partition)
            if base is None:
                return False
            key = (source.rpartition("#")[0], partition)
            return self._commit({key: base}, {key: f"{CUT}{end}"})

        try:
            # after pending commits, which would overwrite the note
            return bool(self._fetcher.ask(note))
        except Gone:
            return False

    def _begin(self, transactions: Transactions) -> bool:
        try:
            transactions.begin()
        except Aborted:
            self._read_again()
            self._done()
            return False
        return True

    def _commit_transaction(self, transactions: Transactions, due: list[Position], whole: bool) -> None:
        if not due and whole:
            raise no_half_flows()
        try:
            if not whole:
                # the partition was revoked while its alerts were written
                transactions.abort()
                return
            self._dead_letters.send(due)
            offsets = self.ledger.reach(due)
            parts = [self._kafka.TopicPartition(*key, offset) for key, offset in offsets.items()]
            group = self._fetcher.ask(self._consumer.consumer_group_metadata)
            transactions.commit(parts, group)
        except (Aborted, Gone):
            self._read_again()
            return
        self.ledger.note_committed(offsets)
        self._metrics.add(commits=1)

    def _read_again(self) -> None:
        """The transaction was aborted: drop messages in flight, restart where the last one ended."""
        self._metrics.add(transactions_aborted=1)
        self._fetcher.rewind()
        self._dead_letters.forget(self.ledger.alive)

    def _done(self) -> None:
        with self._settled:
            self._delivering = False
            self._settled.notify_all()

    def _error(self, error: Any) -> None:
        if not self._ended:
            self._fetcher.error(error)


def no_half_flows() -> UsageError:
    """Return why exactly-once and pairing exclude each other."""
    return UsageError(
        "--exactly_once cannot join one-way records, whose partners may come in a later transaction: "
        "give --pair_seconds 0, or leave --exactly_once out"
    )
