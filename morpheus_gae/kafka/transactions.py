"""Transactions: alerts, dead letters and their source offsets, atomically."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from morpheus_gae.errors import OutputError
from morpheus_gae.kafka.client import error_name, error_text
from morpheus_gae.kafka.outbox import Headers, Outbox

SECONDS = 30.0
"""Timeout of a step; retriable steps are repeated."""
PATIENCE_SECONDS = 300.0
FENCED = ("_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH", "FENCED_INSTANCE_ID")


class Aborted(Exception):  # noqa: N818
    """The transaction was aborted: re-read from the committed offsets."""


class Transactions(Outbox):
    """An outbox whose messages become visible on ``commit``.

    Parameters
    ----------
    make
        Creates the producer, which has a ``transactional.id``.
    servers
        For messages.
    name
        The ``transactional.id``, for messages.
    """

    def __init__(self, make: Callable[[Callable[[Any], None]], Any], servers: str, name: str) -> None:
        super().__init__(make, servers)
        self.name = name
        self._begun = self._doomed = False
        self._ready = False

    def open(self) -> None:
        """Fence off earlier producers with this name; their open transactions are aborted.

        Raises
        ------
        OutputError
            If the cluster refuses.
        """
        if not self._ready:
            self._step(lambda: self.producer.init_transactions(SECONDS))
            self._ready = True

    def begin(self) -> None:
        """Begin a transaction, if none is open.

        Raises
        ------
        OutputError
            If another process has the same name.
        """
        if not self._begun:
            self.open()
            self._step(self.producer.begin_transaction)
            self._begun = True

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        """Send a message as part of the transaction."""
        if self._doomed:
            return
        try:
            super().send(topic, value, key, headers, partition)
        except Aborted:
            # reported by commit, where it can be handled
            self._doomed = True

    def flush(self) -> None:
        """Do nothing: ``commit`` waits for all messages."""

    def commit(self, offsets: list[Any], group: Any) -> None:
        """Commit the messages and the offsets.

        Parameters
        ----------
        offsets
            Next offset of each partition.
        group
            The consumer's ``consumer_group_metadata()``.

        Raises
        ------
        Aborted
            If it was aborted.
        OutputError
            If another process has the same name, or the cluster fails.
        """
        self.begin()
        try:
            if self._doomed:
                raise Aborted
            self._step(lambda: self.producer.send_offsets_to_transaction(offsets, group, SECONDS))
            self._step(lambda: self.producer.commit_transaction(SECONDS))
        except Aborted:
            self.abort()
            raise
        self._begun = False

    def abort(self) -> None:
        """Abort, if a transaction is open."""
        if self._begun:
            self._begun = self._doomed = False
            self._failed = None
            self._step(lambda: self.producer.abort_transaction(SECONDS))

    def _step(self, act: Callable[[], Any]) -> None:
        """Run a step with retries, and classify its errors."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                act()
                return
            except self._kafka.KafkaException as error:
                inner = error.args[0]
                if error_name(error) in FENCED:
                    raise OutputError(
                        f"kafka://{self.servers}: another process uses the transactional.id {self.name!r} "
                        "and has taken over: this one ends; give each instance a name of its own"
                    ) from None
                if inner.txn_requires_abort():
                    raise Aborted from None
                if not inner.retriable() or time.monotonic() > until:
                    raise OutputError(f"kafka://{self.servers}: transaction: {error_text(error)}") from None

    def _refuse(self, topic: str, error: Any, size: int) -> None:
        if error_name(error) == "MSG_SIZE_TOO_LARGE":
            super()._refuse(topic, error, size)
        if error_name(error) in FENCED or error.args[0].fatal():
            # an idle step reveals which
            self._step(self.producer.begin_transaction)
        raise Aborted from None

    def _delivered(self, error: Any, message: Any) -> None:
        # the transaction can no longer be committed
        self._doomed = self._doomed or error is not None

    def _error(self, error: Any) -> None:
        # the steps report errors
        self.trouble.note(error)
