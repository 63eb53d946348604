"""Background: what goes on beside the flows of one run: checkpoint, state, reload, traces, latencies."""

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
    """What a run keeps going beside its flows, as its settings ask.

    Parameters
    ----------
    settings
        What was asked for.
    stages
        Names of the pipeline's stages.
    metrics
        Counts latencies and reloads.
    say
        Tells the user one line.
    slot
        Holds the model, in a pipeline with one.
    load
        Loads the model that is in its folder now.
    learning
        What the run learns, if it does.

    Attributes
    ----------
    suppression
        Holds flagged flows back, if rules are given.

    Raises
    ------
    GaeError
        If a checkpoint, a state or rules cannot be used.
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
        """Whether windows are to take along what the threshold has learnt."""
        return self._state is not None or self.checkpoint is not None

    @property
    def after(self) -> list[Callable[[Window], None]]:
        """What is to be done with each window whose alerts are delivered."""
        acts: list[Callable[[Window], None]] = [self._delivered]
        if self.checkpoint is not None:
            acts.append(self.checkpoint.keep)
        if self._state is not None:
            acts.append(self._state.keep)
        return acts

    @property
    def on_hangup(self) -> Callable[[], None] | None:
        """What a SIGHUP does; None if it is nothing of ours."""
        if not self._may_reload:
            return self._refuse_reload
        return None if self._reloader is None else self._reloader.ask

    @property
    def _may_reload(self) -> bool:
        return self.checkpoint is None and self._learning is None

    def unfinished(self) -> bool:
        """Whether the run was stopped before the end of its files and will be taken up again."""
        return self.checkpoint is not None and self.source is not None and not self.source.complete

    def batches(self) -> Iterator[FlowBatch] | None:
        """What the source is to read, if that begins at a position."""
        return None if self._reader is None else iter(self._reader)

    def dead_letters(self) -> DeadLetters | None:
        """Where bad records go, if that is to be cut back."""
        if self.checkpoint is None or self._reader is None:
            return None
        reader = self._reader
        return self.checkpoint.open_dead_letters(lambda: reader.number)

    def sink(self) -> LazySink | None:
        """Where alerts go, if that is to be cut back."""
        if self.checkpoint is None:
            return None
        from morpheus_gae.sinks.lazy import LazySink

        return LazySink(self.checkpoint.open_output)

    def incident_sink(self) -> LazySink | None:
        """Where incidents go, if that is to be cut back."""
        if self.checkpoint is None:
            return None
        from morpheus_gae.sinks.lazy import LazySink

        return LazySink(self.checkpoint.open_incidents)

    def follow(self, incidents: IncidentStream) -> None:
        """Keep incidents with the checkpoint and the state, and go on from those that these hold.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        if self._state is not None:
            self._state.follow(incidents)
        if self.checkpoint is not None:
            self.checkpoint.follow(incidents)

    def ended(self) -> bool:
        """Whether incidents that are open now are over: nobody goes on with them another time."""
        return self._state is None and not self.unfinished()

    def traced(self, operators: list[Operator]) -> list[Operator]:
        """The operators, timed window by window if somebody wants to know."""
        return operators if self._tracing is None else self._tracing.traced(operators)

    def drained(self) -> None:
        """Note that all windows are delivered, before the outputs are closed."""
        if self._state is not None:
            self._state.finish()
        if self.checkpoint is not None and self.unfinished():
            self.checkpoint.pause()

    def start(self) -> None:
        """Begin, when the stages are about to."""
        if self._reloader is not None:
            self._reloader.start()

    def finish(self) -> None:
        """Note that all stages have ended, without an error."""
        if self.checkpoint is None:
            return
        if self.unfinished():
            folder = self._settings.checkpoint
            self._say(Line(f"Stopped before the end: the same command goes on from {folder}", "unfinished"))
        else:
            self.checkpoint.finish()

    def close(self) -> None:
        """Release everything, whatever happened; writes the state that was delivered last."""
        if self._reloader is not None:
            self._reloader.close()
        if self._tracing is not None:
            # a collector that does not answer must not hold up the end
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
            # nothing that is learnt depends on it
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
