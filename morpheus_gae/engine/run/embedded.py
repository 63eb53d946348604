"""The embedded engine: runs a source and operators, one thread each, until the stream ends.

The first error cancels the run and is raised from ``run``. The first Ctrl-C or SIGTERM stops the source and
drains the windows in flight; the second one cancels the run, and so does the end of the grace period after a
SIGTERM.
"""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from morpheus_gae.engine.observe.events import Events, ignored
from morpheus_gae.engine.observe.health import Health
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run.channel import Cancelled, Channel, EndOfStream
from morpheus_gae.engine.stage import Operator, Source
from morpheus_gae.flows.files.ahead import in_order

DEFAULT_QUEUE = 2
GRACE_SECONDS = 3.0
ABORT_SECONDS = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Aborted(KeyboardInterrupt):
    """A second signal, or the end of the grace period, cancelled the run.

    Parameters
    ----------
    number
        The signal.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


class EmbeddedEngine:
    """Runs stages connected by bounded queues.

    Parameters
    ----------
    source
        Source of items.
    operators
        Operators in order; the output of the last one is dropped.
    queue
        Capacity of each queue in items (windows), which bounds memory.
    metrics
        Records seconds per stage.
    on_stop
        Called in the thread of ``run`` when the source is first asked to stop.
    on_hangup
        Called in the thread of ``run`` for each SIGHUP; None: not handled.
    grace_seconds
        Time to drain after a SIGTERM; None: unlimited. Ctrl-C has no limit, since it can be pressed again.
    health
        Records working and failed stages, and whether the run is ready.

    Attributes
    ----------
    stopped
        True once the source was told to stop.
    stuck
        Names of stages that did not end within the grace period after cancellation; their threads are
        daemons, so they end with the process.
    """

    def __init__(
        self,
        source: Source,
        operators: Sequence[Operator],
        *,
        queue: int = DEFAULT_QUEUE,
        metrics: Metrics | None = None,
        on_stop: Callable[[], None] = lambda: None,
        on_hangup: Callable[[], None] | None = None,
        grace_seconds: float | None = None,
        health: Health | None = None,
    ) -> None:
        self.source = source
        self.operators = list(operators)
        self.metrics = metrics if metrics is not None else Metrics()
        self.on_stop = on_stop
        self.on_hangup = on_hangup
        self.grace_seconds = grace_seconds
        self.health = health if health is not None else Health()
        self.stopped = False
        self.stuck: list[str] = []
        self._channels = [Channel(queue) for _ in self.operators]
        self._events = Events()
        self.metrics.queues = self._depths
        # a source with assignments reports what it still waits for
        self.health.waits_for = lambda: getattr(source, "waits_for", None)

    def run(self) -> None:
        """Run until the stream ends, or the source was stopped and the pipeline has drained.

        Raises
        ------
        Aborted
            After a second Ctrl-C or SIGTERM, or once the grace period is over.
        BaseException
            The first error of any stage.
        """
        threads = [self._thread(self.source, self._run_source)]
        for i, operator in enumerate(self.operators):
            threads.append(self._thread(operator, partial(self._run_operator, i)))
        self._events.open()
        try:
            with self._events.signals(self._handlers()):
                self.health.ready = True
                for thread in threads:
                    thread.start()
                error = self._wait(len(threads))
                self.health.ready = False
                if error is not None:
                    self._call_off(threads, ABORT_SECONDS if isinstance(error, Aborted) else GRACE_SECONDS)
                    raise error
        finally:
            self._events.close()
        for thread in threads:
            thread.join()

    def _wait(self, running: int) -> BaseException | None:
        """Wait for the end of all stages, or for a cancellation."""
        until: float | None = None
        while running:
            try:
                kind, what = self._events.get(until)
            except TimeoutError:
                return Aborted(signal.SIGTERM)
            if kind == "ended":
                running -= 1
                if what is not None:
                    return what
            elif kind == "hangup":
                if self.on_hangup is not None:
                    self.on_hangup()
            elif self.stopped and kind == "signal":
                return Aborted(what)
            elif not self.stopped:
                self.stopped = True
                self.health.ready = False
                self.source.stop()
                self.on_stop()
                if what == signal.SIGTERM and self.grace_seconds is not None:
                    until = time.monotonic() + self.grace_seconds
        return None

    def stop(self) -> None:
        """Stop the source and drain; from any thread or signal handler."""
        self._events.put(("stop", None))

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
                self.health.failed = stage.name
            try:
                stage.close()
            except BaseException as caught:
                # a failed destination may fail again when closed: the first error is more useful
                error = error or caught
            self._events.put(("ended", error))

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
        if operator.ahead > 1:
            self._run_prepared(operator, inbox, out)
        while operator.ahead < 2:
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

    def _run_prepared(self, operator: Operator, inbox: Channel, out: Channel | None) -> None:
        """Process items that others of this stage's threads have prepared, in order."""
        numbers = itertools.count(1)

        def prepare(held: list[Any]) -> list[Any]:
            # a thread may hang: each is at an item of its own
            name = f"{operator.name} (item {next(numbers)})"
            started = time.perf_counter()
            self.health.at_work(name)
            try:
                return [operator.prepare(held.pop())]
            finally:
                self.health.at_rest(name)
                self.metrics.spent(operator.name, time.perf_counter() - started)

        items: Any = in_order(_received(inbox), prepare, operator.ahead)
        with closing(items):
            try:
                for held in items:
                    self._forward(operator, partial(_process, operator, held), out)
            except BaseException:
                # nobody waits for an item any more
                inbox.cancel()
                raise

    def _forward(
        self, stage: Source | Operator, give: Callable[[], Iterable[Any]], out: Channel | None
    ) -> None:
        """Forward items; waiting for space downstream does not count as work."""
        # a source waiting for input is idle, not stuck
        at_work = self.health.at_work if stage is not self.source else _nothing
        at_rest = self.health.at_rest if stage is not self.source else _nothing
        started = time.perf_counter()
        at_work(stage.name)
        try:
            for item in give():
                self.metrics.spent(stage.name, time.perf_counter() - started)
                at_rest(stage.name)
                if item is not None and out is not None:
                    out.put(item)
                started = time.perf_counter()
                at_work(stage.name)
        finally:
            at_rest(stage.name)
        self.metrics.spent(stage.name, time.perf_counter() - started)

    def _depths(self) -> dict[str, int]:
        """Return the queue length before each stage."""
        return {o.name: len(channel) for o, channel in zip(self.operators, self._channels, strict=True)}

    def _handlers(self) -> dict[signal.Signals, Callable[[int], None]]:
        """Return the signal handlers."""

        def stop(number: int) -> None:
            self._events.put_from_signal(("signal", number))

        def hangup(_number: int) -> None:
            self._events.put_from_signal(("hangup", None))

        handlers: dict[signal.Signals, Callable[[int], None]] = dict.fromkeys(_SIGNALS, stop)
        if self.on_hangup is not None and not ignored([signal.SIGHUP]):
            handlers[signal.SIGHUP] = hangup
        return handlers


def _nothing(_stage: str) -> None:
    pass


def _received(inbox: Channel) -> Iterator[list[Any]]:
    while True:
        try:
            held = [inbox.get()]
        except EndOfStream:
            return
        yield held


def _process(operator: Operator, held: list[Any]) -> Iterable[Any]:
    # popped, so that the engine holds no window while the operator waits for space downstream
    return operator.process(held.pop())
