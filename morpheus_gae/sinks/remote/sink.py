"""RemoteSink: sends alerts to a server in batches, until all are acknowledged."""

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
"""Rows encoded at once: bounds the memory of windows with many alerts."""


class Answer(NamedTuple):
    """Outcome of a batch.

    Attributes
    ----------
    again
        Records to retry, because the server was overloaded.
    refused
        Permanently refused records.
    why, after
        Reason of the retry, and the delay in seconds requested by the server, if any.
    """

    again: Sequence[Record] = ()
    refused: Sequence[Refusal] = ()
    why: str = ""
    after: float | None = None


class Post(Protocol):
    """Protocol: sends batches to a server.

    Attributes
    ----------
    most_records, most_bytes
        Of a batch.
    """

    most_records: int
    most_bytes: int

    def post(self, records: Sequence[Record]) -> Answer:
        """Send a batch and wait for its acknowledgement, once.

        Raises
        ------
        Transient
            If the whole batch must be retried.
        OutputError
            If the server will never accept any alert.
        """
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


class Counts(Protocol):
    """Protocol of counters, implemented by ``engine.observe.metrics.Metrics``."""

    def add(self, **counts: int) -> None:
        """Add to ``delivered_alerts``, ``delivery_retries`` and ``refused_alerts``."""
        ...


class RemoteSink:
    """Sink of a server; ``flush`` returns once all alerts are acknowledged, or saved as refused.

    A record may be sent twice (after a failure with unknown outcome), with the same id. ``add`` blocks while
    the server is slow or unavailable (back-pressure).

    Parameters
    ----------
    post
        Sends batches.
    name
        The server, for messages.
    encode
        Converts alert rows to the encoding that is sent.
    refused
        File of refused alerts.
    counts
        Counts.
    retry
        Paces.
    say
        Reports one line to the user.
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
        """Send rows in full batches.

        Raises
        ------
        OutputError
            If the server accepts none, or refused alerts cannot be saved.
        """
        for start in range(0, table.num_rows, CHUNK_ROWS):
            self._take(records_of(table.slice(start, CHUNK_ROWS), self._encode))

    def flush(self) -> None:
        """Send the rest, and wait until everything is delivered."""
        self._deliver()
        self._refused.flush()

    def close(self) -> None:
        """Close the connection; unacknowledged records are lost."""
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
