"""Outbox: produces messages and waits for their acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from morpheus_gae.errors import GaeError, OutputError
from morpheus_gae.kafka.client import Trouble, error_name, error_text, library, refused

Headers = list[tuple[str, bytes]]
MESSAGE_BYTES = 900_000
"""A message is at most so large: most clusters take a megabyte, headers included."""
SLICE_SECONDS = 0.5


class Outbox:
    """A producer whose ``flush`` returns only when everything is acknowledged.

    Parameters
    ----------
    make
        Makes the producer, given what to call with its own errors.
    servers
        For messages.

    Attributes
    ----------
    trouble
        Why there is no connection, if certificates or passwords are the cause.
    """

    def __init__(self, make: Callable[[Callable[[Any], None]], Any], servers: str) -> None:
        self._kafka = library()
        self.servers = servers
        self._failed: GaeError | None = None
        self._closed = False
        self.trouble = Trouble(servers)
        self.producer = make(self._error)

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        """Hand over a message, a tombstone if it has no value; waits while too many are under way.

        Raises
        ------
        OutputError
            If the cluster refuses it, or an earlier one.
        """
        told: dict[str, Any] = {} if partition is None else {"partition": partition}
        while True:
            try:
                self.producer.produce(topic, value, key, headers=headers, on_delivery=self._delivered, **told)
                return
            except BufferError:
                # full: wait for acknowledgements
                self.producer.poll(SLICE_SECONDS)
                self._raise()
            except self._kafka.KafkaException as error:
                self._refuse(topic, error, len(value or b""))

    def flush(self) -> None:
        """Wait until all messages are acknowledged.

        Raises
        ------
        OutputError
            If one was not; librdkafka gives up after ``message.timeout.ms`` (5 minutes).
        """
        while self.producer.flush(SLICE_SECONDS):
            self._raise()
        self._raise()

    def close(self) -> None:
        """Drop the remaining messages; important ones were flushed."""
        if self._closed:
            return
        self._closed = True
        self.producer.purge()
        self.producer.flush(SLICE_SECONDS)

    def _refuse(self, topic: str, error: Any, size: int) -> None:
        hint = f" (a message of {size:,} bytes)" if error_name(error) == "MSG_SIZE_TOO_LARGE" else ""
        raise OutputError(f"kafka://{self.servers}/{topic}: {error_text(error)}{hint}") from None

    def _delivered(self, error: Any, message: Any) -> None:
        # called for failures only: delivery.report.only.error
        if error is not None and self._failed is None and not self._closed:
            where = f"kafka://{self.servers}/{message.topic()}"
            why = "" if self.trouble.cause is None else f" ({self.trouble.cause})"
            self._failed = OutputError(f"{where}: not delivered: {error_text(error)}{why}")

    def _error(self, error: Any) -> None:
        self.trouble.note(error)
        no = refused(error, self.servers)
        if no is not None:
            self._failed = self._failed or OutputError(str(no))
        elif error.fatal():
            self._failed = self._failed or OutputError(f"kafka://{self.servers}: {error_text(error)}")

    def _raise(self) -> None:
        if self._failed is not None:
            raise self._failed
