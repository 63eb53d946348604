"""Shared: state of one pipeline's stages: counters, errors, and look-up of other stages."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from morpheus_gae.engine.observe.logs import say
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run.topics import Topics
from morpheus_gae.engine.suppression import Suppression
from morpheus_gae.stages.waiting import WaitingWindows

__all__ = ["Run", "downstream", "end", "reached", "run_of", "say", "upstream"]


class Run:
    """One run of a pipeline.

    Attributes
    ----------
    metrics
        Counters of all our stages.
    opened
        Resources to close at the end.
    windows
        Windows from build-graph to infer-gae.
    topics, suppression
        Kafka source and sinks; suppression. None if unused.
    stopped, error
        Whether the host was told to stop; the first error of our stages, if any.
    """

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.opened: list[Any] = []
        self.windows = WaitingWindows()
        self.topics: Topics | None = None
        self.suppression: Suppression | None = None
        self.stopped = False
        self.error: Exception | None = None
        self._mutex = threading.Lock()
        self._stop_soon: Callable[[], Any] | None = None

    def begin(self, pipeline: Any) -> None:
        """Register the pipeline's event loop; called on the main thread, before the nodes start.

        The engine blocks termination signals, for the nodes' threads, on this thread too, and leaves them
        blocked; the host waits for them here.
        """
        loop = asyncio.get_running_loop()
        self._stop_soon = lambda: loop.call_soon_threadsafe(_stop, pipeline)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})

    def fail(self, error: Exception) -> None:
        """Record the first error of a stage, for its ``join`` to raise, and stop the sources."""
        with self._mutex:
            first, self.error = self.error is None, self.error or error
        if first and self._stop_soon is not None:
            # a closed loop has nothing to stop
            with suppress(RuntimeError):
                self._stop_soon()

    def close(self) -> None:
        """Close everything; the first error is raised once all are closed."""
        errors: list[BaseException] = []
        while self.opened:
            try:
                self.opened.pop(0).close()
            except Exception as error:
                errors.append(error)
        topics, self.topics = self.topics, None
        if topics is not None:
            # last: closing the sink may still deliver
            topics.end()
        if errors:
            raise errors[0]


_RUNS: WeakKeyDictionary[Any, Run] = WeakKeyDictionary()


def run_of(pipeline: Any) -> Run:
    """Return the run that all stages of this pipeline belong to."""
    return _RUNS.setdefault(pipeline, Run())


def _stop(pipeline: Any) -> None:
    if pipeline.state.name == "STARTED":
        pipeline.stop()


def end(run: Run, error: Exception | None) -> None:
    """Close all, as a stage's last action: if it raises, the host does not join the others.

    Parameters
    ----------
    run
        Closed by the first stage that gets here.
    error
        The stage's own error, if it had one.

    Raises
    ------
    Exception
        The stage's own error, if it was the first of all, or else that of closing.
    """
    try:
        run.close()
    except Exception:
        if run.error is None:
            raise
    if error is not None and error is run.error:
        raise error


def upstream(stage: Any, name: str) -> Any:
    """Return the nearest earlier stage of a name, or None."""
    return next(iter(reached(stage, name, lambda s: s.get_all_input_stages())), None)


def downstream(stage: Any, name: str) -> Any:
    """Return the nearest later stage of a name, or None."""
    return next(iter(reached(stage, name, lambda s: s.get_all_output_stages())), None)


def reached(stage: Any, name: str, neighbours: Callable[[Any], Iterable[Any]]) -> list[Any]:
    """Return all stages of a name in the direction of the neighbours, nearest first."""
    seen: dict[int, Any] = {}
    level = list(neighbours(stage))
    while level:
        seen.update((id(s), s) for s in level)
        level = [n for s in level for n in neighbours(s) if id(n) not in seen]
    return [s for s in seen.values() if s.name == name]
