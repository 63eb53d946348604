"""RemoteSink: alerts to a server, in batches, until it has acknowledged every one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.sinks.remote.records import Encode, Record, records_of
from morpheus_gae.sinks.remote.refused import Refusal, RefusedFile
from morpheus_gae.sinks.remote.retry import Retry, Transient

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 4_096
"""Rows that are encoded at a time: bounds the memory that a window with many alerts takes."""


class Answer(NamedTuple):
    """What became of a batch.

    Attributes
    ----------
    again
        Records to send once more, for the server had no time for them.
    refused
        Records that it will never take.
    why, after
        Of those to send again: the reason, and the seconds until the server wants them, if it told.
    """

    again: Sequence[Record] = ()
    refused: Sequence[Refusal] = ()
    why: str = ""
    after: float | None = None


class Post(Protocol):
    """Brings a batch to a server.

    Attributes
    ----------
    most_records, most_bytes
        Of a batch.
    """

    most_records: int
    most_bytes: int

    def post(self, records: Sequence[Record]) -> Answer:
        """Send a batch and wait for its acknowledgement: one try.

        Raises
        ------
        Transient
            If the whole of it is to be sent again.
        OutputError
            If no alert will ever be taken.
        """
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


class Counts(Protocol):
    """Takes counts; ``engine.observe.metrics.Metrics`` is one."""

    def add(self, **counts: int) -> None:
        """Add to ``delivered_alerts``, ``delivery_retries`` and ``refused_alerts``."""
        ...


class RemoteSink:
    """Alerts to a server; ``flush`` returns once all are acknowledged, or kept as refused.

    A record may come twice (after a failure whose outcome nobody knows), and has the same id then. Whoever
    adds waits while the server is slow or away.

    Parameters
    ----------
    post
        Brings a batch.
    name
        The server, for messages.
    encode
        From alert rows to rows in the form that is sent.
    refused
        Keeps what the server refuses.
    counts
        Counts.
    retry
        Paces.
    say
        Tells the user one line.
    """

    def __init__(
        self,
        post: Post,
        name: str,
        encode: Encode,
        refused: RefusedFile,
        counts: Counts,
        retry: Retry,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._post, self._name, self._encode = post, name, encode
        self._refused, self._counts, self._retry, self._say = refused, counts, retry, say
        self._waiting: list[Record] = []
        self._bytes = 0
        self._closed = False

    def add(self, table: pa.Table) -> None:
        """Send rows, as far as they fill batches.

        Raises
        ------
        OutputError
            If the server takes none, or nothing keeps what it refuses.
        """
        for start in range(0, table.num_rows, CHUNK_ROWS):
            self._take(records_of(table.slice(start, CHUNK_ROWS), self._encode))

    def flush(self) -> None:
        """Send the rest, and have everything where it cannot be lost."""
        self._deliver()
        self._refused.flush()

    def close(self) -> None:
        """Close the connection; what is not acknowledged by now never will be."""
        if not self._closed:
            self._closed = True
            self._post.close()
            self._refused.close()

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            size = len(record.body)
            if self._waiting and self._bytes + size > self._post.most_bytes:
                self._deliver()
            self._waiting.append(record)
            self._bytes += size
            if len(self._waiting) >= self._post.most_records:
                self._deliver()

    def _deliver(self) -> None:
        batch: Sequence[Record] = self._waiting
        self._waiting, self._bytes = [], 0
        while batch:
            try:
                answer = self._post.post(batch)
            except Transient as failure:
                self._pause(len(batch), failure)
                continue
            self._refused.write(answer.refused)
            taken = len(batch) - len(answer.again) - len(answer.refused)
            self._counts.add(delivered_alerts=taken, refused_alerts=len(answer.refused))
            batch = answer.again
            if batch:
                if taken:
                    self._retry.progressed()
                self._pause(len(batch), Transient(answer.why, answer.after))
            elif self._retry.failing:
                self._say(f"{self._name} takes alerts again")
                self._retry.succeeded()

    def _pause(self, records: int, failure: Transient) -> None:
        self._counts.add(delivery_retries=records)
        if not self._retry.failing:
            why = printable(str(failure))
            self._say(
                f"Warning: {self._name} does not take alerts: {why}; trying for {self._retry.seconds:g} s"
            )
        self._retry.pause(self._name, failure)
