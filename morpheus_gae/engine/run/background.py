"""Background: services of one run: checkpoint, state, hot reload, traces, latencies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from morpheus_gae.engine.live_model import LiveModel, Slot
from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.tracing import Tracing, open_tracing
from morpheus_gae.engine.recover.checkpoint import Checkpoint
from morpheus_gae.engine.recover.reload import Reloader
from morpheus_gae.engine.recover.state import StateFile
from morpheus_gae.engine.run.source import FlowSource
from morpheus_gae.engine.settings import STDIN, Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.suppression import Suppression, open_suppression
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.engine.incidents import IncidentStream
    from morpheus_gae.engine.learning import Learning
    from morpheus_gae.engine.window import Window
    from morpheus_gae.flows.exporters.convert import FlowBatch
    from morpheus_gae.flows.readers.resume import PositionedReader
    from morpheus_gae.sinks.dead_letters import DeadLetters
    from morpheus_gae.sinks.lazy import LazySink

TRACE_SECONDS = 3.0


class Background:
    """Background services of a run, according to its settings.

    Parameters
    ----------
    settings
        Settings of the run.
    stages
        Names of the pipeline's stages.
    metrics
        Counts latencies and reloads.
    say
        Reports one line to the user.
    slot
        Slot of the model, in a pipeline with one.
    load
        Loads the current model from its folder.
    learning
        Online learning, if any.

    Attributes
    ----------
    suppression
        Suppression of flagged flows, if rules are given.

    Raises
    ------
    GaeError
        If a checkpoint, state or rules are invalid.
    """

    def __init__(
        self,
        settings: Settings,
        stages: list[str],
        metrics: Metrics,
        say: Callable[[str], None],
        slot: Slot | None,
        load: Callable[[], LiveModel],
        learning: Learning | None = None,
    ) -> None:
        self._learning = learning
        self._settings, self._metrics, self._say = settings, metrics, say
        self.source: FlowSource | None = None
        self.checkpoint: Checkpoint | None = None
        self._reader: PositionedReader | None = None
        self._state: StateFile | None = None
        self._reloader: Reloader | None = None
        self.suppression = _suppression(settings, stages, metrics, say)
        for option, given in (("--state", settings.state), ("--checkpoint", settings.checkpoint)):
            if given is not None and (slot is None or "to-alerts" not in stages):
                raise UsageError(
                    f"{option} needs a pipeline that scores, flags and writes: from-netflow to to-alerts"
                )
        if settings.checkpoint is not None and settings.reload_seconds is not None:
            raise UsageError(
                "--checkpoint and --reload_seconds exclude each other: one result is of one model"
            )
        if learning is not None and settings.reload_seconds is not None:
            raise UsageError(
                "--learn and --reload_seconds exclude each other: what is learnt is of one model"
            )
        if slot is not None and settings.state is not None:
            self._state = StateFile(settings.state, learning=learning)
            if self._state.load(slot.current, metrics):
                say(Line(f"Going on from what {settings.state} holds", "state_restored", file=settings.state))
        if slot is not None and settings.checkpoint is not None:
            self._resume(slot.current)
        if slot is not None and settings.model is not None and self._may_reload:
            also = _nothing if self.suppression is None else self.suppression.reload
            self._reloader = Reloader(settings.model, load, slot, metrics, say, settings.reload_seconds, also)
        self._tracing: Tracing | None = open_tracing(say)

    @property
    def remember(self) -> bool:
        """Whether windows carry the threshold's state."""
        return self._state is not None or self.checkpoint is not None

    @property
    def after(self) -> list[Callable[[Window], None]]:
        """Return the functions to call for each delivered window."""
        acts: list[Callable[[Window], None]] = [self._delivered]
        if self.checkpoint is not None:
            acts.append(self.checkpoint.keep)
        if self._state is not None:
            acts.append(self._state.keep)
        return acts

    @property
    def on_hangup(self) -> Callable[[], None] | None:
        """Return the handler of SIGHUP; None if not handled."""
        if not self._may_reload:
            return self._refuse_reload
        return None if self._reloader is None else self._reloader.ask

    @property
    def _may_reload(self) -> bool:
        return self.checkpoint is None and self._learning is None

    def unfinished(self) -> bool:
        """Whether the run was stopped before the end of its files and will be resumed."""
        return self.checkpoint is not None and self.source is not None and not self.source.complete

    def batches(self) -> Iterator[FlowBatch] | None:
        """Return the batches of the source, if it starts at a position."""
        return None if self._reader is None else iter(self._reader)

    def dead_letters(self) -> DeadLetters | None:
        """Return the dead-letter sink, if it must be truncated."""
        if self.checkpoint is None or self._reader is None:
            return None
        reader = self._reader
        return self.checkpoint.open_dead_letters(lambda: reader.number)

    def sink(self) -> LazySink | None:
        """Return the alert sink, if it must be truncated."""
        if self.checkpoint is None:
            return None
        from morpheus_gae.sinks.lazy import LazySink

        return LazySink(self.checkpoint.open_output)

    def incident_sink(self) -> LazySink | None:
        """Return the incident sink, if it must be truncated."""
        if self.checkpoint is None:
            return None
        from morpheus_gae.sinks.lazy import LazySink

        return LazySink(self.checkpoint.open_incidents)

    def follow(self, incidents: IncidentStream) -> None:
        """Save incidents with checkpoint and state, and restore them.

        Raises
        ------
        InputError
            If they are invalid.
        """
        if self._state is not None:
            self._state.follow(incidents)
        if self.checkpoint is not None:
            self.checkpoint.follow(incidents)

    def ended(self) -> bool:
        """Whether open incidents are final: no later run continues them."""
        return self._state is None and not self.unfinished()

    def traced(self, operators: list[Operator]) -> list[Operator]:
        """Return the operators, wrapped for tracing if enabled."""
        return operators if self._tracing is None else self._tracing.traced(operators)

    def drained(self) -> None:
        """Record that all windows are delivered, before the outputs are closed."""
        if self._state is not None:
            self._state.finish()
        if self.checkpoint is not None and self.unfinished():
            self.checkpoint.pause()

    def start(self) -> None:
        """Start, before the stages do."""
        if self._reloader is not None:
            self._reloader.start()

    def finish(self) -> None:
        """Record that all stages have ended without an error."""
        if self.checkpoint is None:
            return
        if self.unfinished():
            folder = self._settings.checkpoint
            self._say(Line(f"Stopped before the end: the same command goes on from {folder}", "unfinished"))
        else:
            self.checkpoint.finish()

    def close(self) -> None:
        """Release everything; write the last delivered state."""
        if self._reloader is not None:
            self._reloader.close()
        if self._tracing is not None:
            # an unresponsive collector must not delay the end
            closing = threading.Thread(target=self._tracing.close, name="traces", daemon=True)
            closing.start()
            closing.join(TRACE_SECONDS)
        if self.checkpoint is not None:
            self.checkpoint.close()
        if self._state is not None:
            self._state.close()

    def _resume(self, live: LiveModel) -> None:
        from morpheus_gae.flows.readers.read import expand
        from morpheus_gae.flows.readers.resume import PositionedReader

        settings = self._settings
        for url in settings.input:
            if url == STDIN or "://" in url:
                raise UsageError(f"--checkpoint reads files, which can be read again: {url} is none")
        paths = expand(list(settings.input))
        self.checkpoint = Checkpoint(settings, live, paths, learning=self._learning)
        self.checkpoint.restore(self._metrics)
        start = self.checkpoint.start
        self._reader = PositionedReader(
            paths,
            start,
            batch_rows=settings.batch_size,
            stdin_format=settings.format,
            preset=settings.layout,
        )
        if start is not None:
            where = f"record {start.offset:,} of {start.source}"
            self._say(
                Line(
                    f"Going on from {where}, where {settings.checkpoint} says", "resumed", record=start.offset
                )
            )

    def _delivered(self, window: Window) -> None:
        if window.arrived is not None:
            self._metrics.delivered(time.monotonic() - window.arrived)

    def _refuse_reload(self) -> None:
        why = "with --checkpoint one result is of one model"
        if self._learning is not None:
            why = "with --learn what is learnt is of one model"
        if self.suppression is not None and self.checkpoint is None:
            # learning does not depend on it
            self.suppression.reload(True)
            return
        self._say(Line(f"Warning: not reloaded: {why}", "reload_refused"))


def _suppression(
    settings: Settings, stages: list[str], metrics: Metrics, say: Callable[[str], None]
) -> Suppression | None:
    if settings.suppress is not None and "flag-anomalies" not in stages:
        raise UsageError("--suppress needs a pipeline that flags: flag-anomalies is not among its stages")
    return open_suppression(settings, metrics, say)


def _nothing(_asked: bool) -> None:
    pass
