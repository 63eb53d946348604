"""The embedded engine: runs a source and operators, a thread each, until the stream ends.

The first error calls everything off and is raised from ``run``. The first Ctrl-C or SIGTERM stops the source
and lets what is in flight drain; the second one calls everything off.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Any

from morpheus_gae.engine.channel import Cancelled, Channel, EndOfStream
from morpheus_gae.engine.metrics import Metrics
from morpheus_gae.engine.stage import Operator, Source

DEFAULT_QUEUE = 2
GRACE_SECONDS = 3.0
ABORT_SECONDS = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Aborted(KeyboardInterrupt):
    """A second Ctrl-C called the run off."""


class EmbeddedEngine:
    """Runs stages connected by bounded queues.

    Parameters
    ----------
    source
        Where items come from.
    operators
        What is done with them, in order; what the last one gives is dropped.
    queue
        Items each queue holds: with windows as items this bounds memory.
    metrics
        Where seconds per stage go.
    on_stop
        Called in the thread of ``run`` when the source is first asked to stop.

    Attributes
    ----------
    stopped
        True once the source was asked to stop.
    stuck
        Names of stages that did not end within the grace period after everything was called off; their
        threads are daemons, so they end with the process.
    """

    def __init__(
        self,
        source: Source,
        operators: Sequence[Operator],
        *,
        queue: int = DEFAULT_QUEUE,
        metrics: Metrics | None = None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.source = source
        self.operators = list(operators)
        self.metrics = metrics if metrics is not None else Metrics()
        self.on_stop = on_stop
        self.stopped = False
        self.stuck: list[str] = []
        self._channels = [Channel(queue) for _ in self.operators]
        # SimpleQueue.put is reentrant, so a signal handler may use it while the main thread waits on it
        self._notes: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()

    def run(self) -> None:
        """Run until the stream ends or the source was stopped and everything has drained.

        Raises
        ------
        Aborted
            After a second Ctrl-C or SIGTERM.
        BaseException
            The first error of any stage.
        """
        threads = [self._thread(self.source, self._run_source)]
        for i, operator in enumerate(self.operators):
            threads.append(self._thread(operator, partial(self._run_operator, i)))
        error: BaseException | None = None
        with self._signals():
            for thread in threads:
                thread.start()
            running = len(threads)
            while running and error is None:
                kind, what = self._notes.get()
                if kind == "ended":
                    running -= 1
                    error = what
                elif self.stopped and kind == "signal":
                    error = Aborted()
                elif not self.stopped:
                    self.stopped = True
                    self.source.stop()
                    self.on_stop()
            if error is not None:
                self._call_off(threads, ABORT_SECONDS if isinstance(error, Aborted) else GRACE_SECONDS)
                raise error
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """Stop the source and let what is in flight drain; from any thread or signal handler."""
        self._notes.put(("stop", None))

    def _call_off(self, threads: list[threading.Thread], grace: float) -> None:
        for channel in self._channels:
            channel.cancel()
        self.source.stop()
        until = time.monotonic() + grace
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        self.stuck = [thread.name for thread in threads if thread.is_alive()]

    def _thread(self, stage: Source | Operator, body: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            error: BaseException | None = None
            try:
                body()
            except Cancelled:
                pass
            except BaseException as caught:
                error = caught
            try:
                stage.close()
            except BaseException as caught:
                # a destination that failed may well fail again when closed: the first error tells more
                error = error or caught
            self._notes.put(("ended", error))

        return threading.Thread(target=run, name=stage.name, daemon=True)

    def _run_source(self) -> None:
        out = self._channels[0] if self._channels else None
        self._forward(self.source, lambda: self.source, out)
        if out is not None:
            out.close()

    def _run_operator(self, i: int) -> None:
        operator = self.operators[i]
        inbox = self._channels[i]
        out = self._channels[i + 1] if i + 1 < len(self._channels) else None
        while True:
            deadline = operator.deadline()
            if deadline is not None and deadline <= time.monotonic():
                self._forward(operator, operator.expire, out)
                continue
            try:
                held = [inbox.get(deadline)]
            except TimeoutError:
                continue
            except EndOfStream:
                break
            self._forward(operator, partial(_process, operator, held), out)
        self._forward(operator, operator.finish, out)
        if out is not None:
            out.close()

    def _forward(
        self, stage: Source | Operator, give: Callable[[], Iterable[Any]], out: Channel | None
    ) -> None:
        """Hand items on as they come; waiting for room downstream does not count as work."""
        started = time.perf_counter()
        for item in give():
            self.metrics.spent(stage.name, time.perf_counter() - started)
            if item is not None and out is not None:
                out.put(item)
            started = time.perf_counter()
        self.metrics.spent(stage.name, time.perf_counter() - started)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Route Ctrl-C and SIGTERM here while running; only the main thread may."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(_number: int, _frame: object) -> None:
            self._notes.put(("signal", None))

        before = {number: signal.signal(number, note) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                # None: the handler was not set from Python and cannot be put back
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _process(operator: Operator, held: list[Any]) -> Iterable[Any]:
    # popped, so that the engine itself holds no window while the operator waits for room downstream
    return operator.process(held.pop())
