"""from-netflow: batches of flows from files, globs or stdin; bad records go aside."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from morpheus_gae.engine.metrics import Metrics
from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.flows.frame import Flows


class Batch(Protocol):
    """What a reader gives: flows, the records that are none, and the bytes both took."""

    @property
    def flows(self) -> Flows:
        """Well-formed flows, in order."""
        ...

    @property
    def bad(self) -> list[BadRecord]:
        """Records set aside."""
        ...

    @property
    def bytes_read(self) -> int:
        """Bytes of input."""
        ...


class BadRecordSink(Protocol):
    """Where bad records go."""

    def add(self, records: list[BadRecord]) -> None:
        """Keep them."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class FlowSource:
    """Gives the flows of each batch and sets the bad records aside.

    Parameters
    ----------
    batches
        What the reader gives.
    metrics
        Counts bytes, bad records and missing durations.
    dead_letters
        Keeps the bad records.
    wake
        Ends a read that waits for input; called by ``stop``, from another thread.
    """

    name = "from-netflow"

    def __init__(
        self,
        batches: Iterable[Batch],
        metrics: Metrics,
        dead_letters: BadRecordSink | None = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self._batches = batches
        self._metrics = metrics
        self._dead_letters = dead_letters
        self._wake = wake
        self._stopping = threading.Event()

    def __iter__(self) -> Iterator[Flows]:
        for batch in self._batches:
            flows = batch.flows
            self._metrics.add(
                bytes_read=batch.bytes_read, durations_missing=int(flows.duration_missing.sum())
            )
            if batch.bad:
                self._metrics.bad(Counter(record.reason.value for record in batch.bad))
                if self._dead_letters is not None:
                    self._dead_letters.add(batch.bad)
            # a batch of bad records alone still moves the position
            if len(flows) or flows.done:
                yield flows
            if self._stopping.is_set():
                return

    def stop(self) -> None:
        """End after the batch that is being read."""
        self._stopping.set()
        if self._wake is not None:
            self._wake()

    def close(self) -> None:
        """Close the dead letters."""
        if self._dead_letters is not None:
            self._dead_letters.close()
