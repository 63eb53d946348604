"""The operators of the pipeline: build-graph, infer-gae, flag-anomalies, to-alerts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.labels import attacks
from morpheus_gae.detect.threshold import Threshold
from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.recover.state import Learnt
from morpheus_gae.engine.run.explainers import Explainers
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.flows.files.ahead import readers
from morpheus_gae.sinks.sink import rendered

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.engine.incidents import IncidentStream
    from morpheus_gae.engine.incidents_by_partition import IncidentsByPartition
    from morpheus_gae.engine.live_model import Slot
    from morpheus_gae.engine.suppression import Suppression
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.frame import Flows, Position
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

UNKNOWN_SHARE = 0.5
FLOOD_SHARE, FLOOD_TIMES = 0.1, 10
AHEAD = 4
"""Windows at most whose alerts are made at once: each that waits takes memory."""


class WindowCutter(Protocol):
    """Protocol: cuts a stream of batches into windows."""

    def push(self, flows: Flows) -> list[Flows]:
        """Add flows; yield the completed windows."""
        ...

    def flush(self) -> list[Flows]:
        """Yield the last, shorter window."""
        ...

    @property
    def pending(self) -> bool:
        """Whether ``flush`` would return a window."""
        ...


class AlertSink(Protocol):
    """Protocol: a sink of alerts."""

    def add(self, table: pa.Table) -> None:
        """Write rows."""
        ...

    def flush(self) -> None:
        """Flush written rows."""
        ...

    def close(self) -> None:
        """Close the sink."""
        ...


class BuildGraph(Operator):
    """Cuts windows and builds the graph of each.

    Parameters
    ----------
    cutter
        Cuts the stream by number of flows and by event time.
    build
        Builds one window's graph.
    metrics
        Counts hosts, pairs and sweeps.
    wait_seconds
        Maximum wall-clock time from the arrival of a window's first flow to its end; None: unlimited. For
        live streams only: with a file, results would depend on speed.
    clock
        Clock in seconds, like ``time.monotonic``.
    slot
        Provides the model of each window, whose ``build`` takes precedence.
    unfinished
        Whether, at the end, the run will be resumed: the last, shorter window is then left to the next run,
        so that windows are identical however often a run is stopped.
    """

    name = "build-graph"

    def __init__(
        self,
        cutter: WindowCutter,
        build: Callable[[Flows], WindowGraph],
        metrics: Metrics,
        wait_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        slot: Slot | None = None,
        unfinished: Callable[[], bool] = lambda: False,
    ) -> None:
        self._slot = slot
        self._unfinished = unfinished
        self._arrived: float | None = None
        self._cutter = cutter
        self._build = build
        self._metrics = metrics
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._deadline: float | None = None

    def process(self, item: Flows) -> Iterator[Window]:
        """Add flows; yield the completed windows."""
        if not self._cutter.pending:
            self._arrived = self._clock()
        windows = self._cutter.push(item)
        if self._wait_seconds is not None and (windows or self._deadline is None):
            self._deadline = self._clock() + self._wait_seconds if self._cutter.pending else None
        yield from self._graphs(windows)

    def deadline(self) -> float | None:
        """Return the deadline of the open window."""
        return self._deadline

    def expire(self) -> Iterator[Window]:
        """Yield the open window, shorter than usual."""
        return self.finish()

    def finish(self) -> Iterator[Window]:
        """Yield the last, shorter window."""
        self._deadline = None
        if self._unfinished():
            return
        yield from self._graphs(self._cutter.flush())

    def _graphs(self, windows: list[Flows]) -> Iterator[Window]:
        windows.reverse()
        while windows:
            flows = windows.pop()
            live = None if self._slot is None else self._slot.current
            graph = (self._build if live is None else live.build)(flows)
            self._metrics.add(hosts=graph.hosts, pairs=graph.pairs)
            self._metrics.swept(graph.sweeps)
            arrived, self._arrived = self._arrived, self._clock()
            yield Window(flows, graph, live=live, arrived=arrived)


class InferGae(Operator):
    """Scores every flow of each window.

    Parameters
    ----------
    executor
        Runs the model.
    metrics
        Counts flows, windows and unseen hosts.
    say
        Reports one line to the user.
    """

    name = "infer-gae"

    def __init__(self, executor: Executor, metrics: Metrics, say: Callable[[str], None]) -> None:
        self._executor = executor
        self._metrics = metrics
        self._say = say
        self._warned = False
        self._hosts = 0

    def process(self, item: Window) -> Iterator[Window]:
        """Add scores to the window."""
        assert item.graph is not None
        executor = self._executor if item.live is None else item.live.executor
        scores = executor.score(item.graph)
        self._hosts += item.graph.hosts
        self._metrics.add(flows=len(item.flows), windows=1, unseen_hosts=scores.unseen_hosts)
        unseen = self._metrics.unseen_hosts
        if not self._warned and unseen > UNKNOWN_SHARE * self._hosts:
            self._warned = True
            told = (
                f"Warning: the model does not know {unseen:,} of {self._hosts:,} hosts; its thresholds were "
                "set on other traffic: train on your own (morpheus-gae train), or use --adaptive"
            )
            self._say(Line(told, "unknown_hosts", unknown=unseen, hosts=self._hosts))
        yield replace(item, graph=None, scores=scores)


class FlagAnomalies(Operator):
    """Flags the flows whose surprise reaches the threshold.

    Parameters
    ----------
    threshold
        Decides.
    metrics
        Counts alerts, and labelled flows.
    labels
        Name of the label column to report on, if the input has it.
    alert_rate
        Share of benign flows that the threshold is set to flag, if given as a rate.
    say
        Reports one line to the user.
    remember
        Whether windows carry the threshold's state, for checkpoints.
    suppression
        Suppresses flagged flows. It does not affect the threshold and online learning.
    """

    name = "flag-anomalies"

    def __init__(
        self,
        threshold: Threshold,
        metrics: Metrics,
        labels: str = "Label",
        alert_rate: float | None = None,
        say: Callable[[str], None] = lambda line: None,
        remember: bool = False,
        suppression: Suppression | None = None,
    ) -> None:
        self._remember = remember
        self._suppression = suppression
        self._threshold = threshold
        self._metrics = metrics
        self._labels = labels
        self._alert_rate = alert_rate
        self._say = say
        self._flows = 0
        self._alerts = 0

    def process(self, item: Window) -> Iterator[Window]:
        """Add flags to the window."""
        assert item.scores is not None
        surprise = item.scores.surprise
        rule = self._threshold
        if item.live is not None:
            self._metrics.serving(item.live.executor.artifact)
            rule = item.live.threshold or rule
        # online learning has already decided: flagged flows are not learnt
        threshold = rule.of_window(surprise, item.flows) if item.threshold is None else item.threshold
        flagged = surprise >= threshold
        self._metrics.scored(surprise, float(threshold))
        self._flows += len(item.flows)
        self._alerts += int(flagged.sum())
        self._warn()
        if self._suppression is not None:
            flagged = self._suppression.hold(replace(item, threshold=threshold), flagged)
        self._metrics.add(alerts=flagged.sum())
        known = attacks(item.flows.table, self._labels)
        if known is not None:
            attack, labelled = known
            benign = labelled & ~attack
            self._metrics.add(
                attacks=attack.sum(),
                attack_alerts=(attack & flagged).sum(),
                benign=benign.sum(),
                benign_alerts=(benign & flagged).sum(),
            )
        learnt = Learnt.of(item.live, rule, self._metrics, item.snapshot) if self._remember else None
        yield replace(item, flagged=flagged, threshold=threshold, learnt=learnt, snapshot=None)

    def close(self) -> None:
        """Close the file of suppressed flows."""
        if self._suppression is not None:
            self._suppression.close()

    def _warn(self) -> None:
        """Warn once if far more is flagged than requested."""
        rate = self._alert_rate
        if rate is None or self._alerts <= max(FLOOD_SHARE, FLOOD_TIMES * rate) * self._flows:
            return
        self._alert_rate = None
        told = (
            f"Warning: {self._alerts / self._flows:.0%} of {self._flows:,} flows are flagged, asked for was "
            f"{rate:.2%}: a flood of attacks, or traffic that the model was not trained on (then train on "
            "your own with morpheus-gae train, or use --adaptive)"
        )
        self._say(Line(told, "alert_flood", flows=self._flows, alerts=self._alerts))


class ToAlerts(Operator):
    """Writes the flagged flows, window by window.

    Where there are several processors, the alerts of several windows are made at once.

    Parameters
    ----------
    sink
        Sink of the alerts.
    model
        ``name@hash``, written in every row.
    delivered
        Called with the positions of a window after its alerts are delivered.
    after
        Called with each window after its alerts are delivered.
    admit
        Called before a window is written; False drops the window.
    drained
        Called after the last window, without an error, before the sink is closed.
    incidents
        Folds the alerts of each window into incidents.
    ended
        Whether the stream is complete at the end of the run: incidents are then closed.
    artifact
        Model that explains alerts of windows without their own; None: no explanations.
    """

    name = "to-alerts"

    def __init__(
        self,
        sink: AlertSink,
        model: str,
        delivered: Callable[[tuple[Position, ...]], None] = lambda _: None,
        after: Sequence[Callable[[Window], None]] = (),
        admit: Callable[[Window], bool] = lambda _: True,
        drained: Callable[[], None] = lambda: None,
        incidents: IncidentStream | IncidentsByPartition | None = None,
        ended: Callable[[], bool] = lambda: True,
        artifact: Artifact | None = None,
    ) -> None:
        self.ahead = min(readers(), AHEAD)
        self._incidents, self._ended = incidents, ended
        self._explainers = Explainers(artifact)
        self._drained = drained
        self._admit = admit
        self._sink = sink
        self._model = model
        self._delivered = delivered
        self._after = after

    def prepare(self, item: Window) -> Window:
        """Add the alerts to the window, as the sink takes them."""
        alerts = self._alerts(item)
        return replace(item, alerts=(alerts, rendered(self._sink, alerts)))

    def process(self, item: Window) -> Iterator[Window]:
        """Write the alerts and return the window."""
        if self._incidents is not None:
            # before anything of the window is written
            self._incidents.ready(item)
        if not self._admit(item):
            return
        if item.alerts is None:
            alerts = written = self._alerts(item)
        else:
            alerts, written = item.alerts
        self._sink.add(written)
        if self._incidents is not None:
            self._incidents.add(alerts, item.flows, self._label(item), item.seen)
            self._incidents.flush()
        self._sink.flush()
        if item.flows.done or item.origin is not None:
            self._delivered(item.flows.done)
        for act in self._after:
            act(item)
        yield replace(item, alerts=None)

    def _alerts(self, item: Window) -> pa.Table:
        assert item.scores is not None
        assert item.flagged is not None
        assert item.threshold is not None
        explainer, label = self._explainers.of(item), self._label(item)
        return alert_table(item.flows, item.scores, item.flagged, item.threshold, label, explainer)

    def _label(self, item: Window) -> str:
        return self._model if item.live is None else item.live.label

    def finish(self) -> tuple[()]:
        """Create the destination even without alerts, at the end of the run."""
        if self._incidents is not None:
            if self._ended():
                self._incidents.finish()
            self._incidents.flush()
        self._sink.flush()
        self._drained()
        return ()

    def close(self) -> None:
        """Close the sinks."""
        if self._incidents is not None:
            self._incidents.close()
        self._sink.close()
