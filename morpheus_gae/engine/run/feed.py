"""Feed: from-netflow for the Morpheus engine: source, pairing of one-way records, and a clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from morpheus_gae.engine.run.poll import polled
from morpheus_gae.engine.run.stdin import StoppableStdin
from morpheus_gae.engine.stage import Operator, Source
from morpheus_gae.flows.readers.cudf_batch import DeviceFrame

TICK_SECONDS = 1.0


class Feed:
    """Paired flows of a source; None from time to time while a live source is silent.

    Parameters
    ----------
    source
        Gives flows.
    pair
        Pairs one-way records; None: done by a later stage.
    live
        Whether the source may be silent for long.
    stdin
        Replacement of standard input, if that is read.
    grace_seconds
        Maximum time that ``stop`` waits.
    clock
        Clock in seconds, like ``time.monotonic``.
    """

    def __init__(
        self,
        source: Source,
        pair: Operator | None = None,
        live: bool = False,
        stdin: StoppableStdin | None = None,
        grace_seconds: float = 25.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._pair, self._live, self._stdin = source, pair, live, stdin
        self._grace_seconds, self._clock = grace_seconds, clock
        self._started = self._stopping = False
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        self._started = True
        try:
            if self._stopping:
                return
            if self._stdin is not None:
                self._stdin.__enter__()
            yield from self._flows()
        finally:
            self._ended.set()

    def stop(self) -> None:
        """Stop reading.

        Called by the main thread, it waits until all data read is consumed, since the engine drops later
        items of its source. From another thread, which may be the consumer, it does not wait.
        """
        self._stopping = True
        self._source.stop()
        if self._started and threading.current_thread() is threading.main_thread():
            self._ended.wait(self._grace_seconds)

    def close(self) -> None:
        """Close the source and restore standard input."""
        self._source.close()
        if self._stdin is not None:
            if not self._started:
                self._stdin.__enter__()
            self._stdin.__exit__()
            self._stdin = None

    def _flows(self) -> Iterator[Any]:
        pair = self._pair
        for flows in polled(self._source, TICK_SECONDS) if self._live else self._source:
            # nothing on a device is to be paired
            if pair is None or flows is None or isinstance(flows, DeviceFrame):
                yield flows
            else:
                yield from pair.process(flows)
            deadline = None if pair is None else pair.deadline()
            if pair is not None and deadline is not None and deadline <= self._clock():
                yield from pair.expire()
        if pair is not None:
            yield from pair.finish()
