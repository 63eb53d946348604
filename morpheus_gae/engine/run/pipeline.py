"""Pipeline: builds an engine from a list of stages and settings."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from morpheus_gae.engine.live_model import LiveModel, Slot
from morpheus_gae.engine.observe.health import Health
from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.monitor import Monitor
from morpheus_gae.engine.run.background import Background
from morpheus_gae.engine.run.embedded import EmbeddedEngine
from morpheus_gae.engine.run.missing_columns import telling
from morpheus_gae.engine.run.operators import BuildGraph, FlagAnomalies, InferGae, ToAlerts
from morpheus_gae.engine.run.order import USUAL, check_order
from morpheus_gae.engine.run.outputs import alert_sink, open_incidents
from morpheus_gae.engine.run.overwriting import refuse_overwriting
from morpheus_gae.engine.run.source import FlowSource
from morpheus_gae.engine.run.topics import Topics, open_topics
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator, Source
from morpheus_gae.errors import UsageError
from morpheus_gae.flows.files.interfaces import Switch
from morpheus_gae.kafka.url import is_kafka

if TYPE_CHECKING:
    from morpheus_gae.detect.threshold import Threshold
    from morpheus_gae.engine.learning import Learning
    from morpheus_gae.engine.run.pair_flows import PairFlows
    from morpheus_gae.engine.suppression import Suppression
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

STOPPING = Line("Stopping: what is in flight is still written; interrupt again to abort.", "stopping")
PREPARING = "Preparing for this processor, which takes a minute at the first start and a second later on."
PATIENCE = 3.0
"""Seconds of preparing until a terminal is told."""

OpenExecutor = Callable[[str, str], "Executor"]


@dataclass(frozen=True)
class Pipeline:
    """An engine with its metrics and background services."""

    engine: EmbeddedEngine
    metrics: Metrics
    background: Background
    topics: Topics | None = None

    @property
    def damaged(self) -> int:
        """Inputs that were unreadable or truncated."""
        return int(getattr(self.engine.source, "damaged", 0))

    def run(self) -> None:
        """Run to the end; see ``EmbeddedEngine.run``."""
        self.metrics.start()
        self.background.start()
        try:
            self.engine.run()
            self.background.finish()
        finally:
            self.metrics.end()
            self.background.close()
            if self.topics is not None:
                self.topics.end()


def build_pipeline(
    stages: Sequence[str],
    settings: Settings,
    *,
    say: Callable[[str], None],
    open_executor: OpenExecutor | None = None,
    terminal: bool | None = None,
    wake: Callable[[], None] | None = None,
    metrics: Metrics | None = None,
    health: Health | None = None,
) -> Pipeline:
    """Load the model, open source and sinks, connect the stages.

    Parameters
    ----------
    stages
        Names in order; empty: the default chain.
    settings
        Settings of the pipeline.
    say
        Reports one line to the user.
    open_executor
        Loads a model; ``executors.open.open_executor`` by default.
    terminal
        Whether stderr is a terminal; detected by default.
    wake
        Ends a read that waits for input.
    metrics, health
        Metrics and health of the run; new ones by default.

    Raises
    ------
    UsageError
        If the stages do not fit together, or a setting is missing.
    GaeError
        If input, model or output cannot be opened.
    """
    from morpheus_gae.flows.readers.read import expand, read_flows, total_bytes
    from morpheus_gae.sinks.dead_letters import DeadLetters

    names = list(stages) or _usual(settings, terminal)
    check_order(names)
    if not settings.input:
        raise UsageError(
            "from-netflow has nothing to read: give --input URL (a file, a folder, a glob, or - for stdin)"
        )
    if settings.output is not None and "to-alerts" not in names:
        raise UsageError("--output is given, but no stage writes it: end the pipeline with to-alerts")
    asked = settings.layout
    metrics = Metrics() if metrics is None else metrics
    refuse_overwriting(settings)
    if settings.state is not None:
        metrics.follow_scores()
    # expanded once: files written during the run are not inputs
    inputs = [path for url in settings.input for path in ([url] if is_kafka(url) else expand(url))]
    total = None if settings.live else total_bytes(inputs)
    slot: Slot | None = None
    executor: Executor | None = None
    load = partial(_load, names, settings, open_executor, say)
    if "infer-gae" in names:
        slot = Slot(load())
        executor = slot.current.executor
        # before the state is read: scores of another model would be dropped
        metrics.serving(executor.artifact)
    learning = _learning(names, settings, metrics, executor, say)
    background = Background(settings, names, metrics, say, slot, load, learning)
    topics = open_topics(settings, names, metrics, say)
    operators: list[Operator] = []
    for name in names[1:]:
        if name == "monitor":
            operators.append(Monitor(metrics, total, say, settings.description, terminal))
        elif name == "infer-gae" and learning is not None:
            operators.append(_learn_gae(learning, settings, metrics, background))
        else:
            operators.append(_operator(name, settings, metrics, executor, say, slot, background, topics))
    source: Source
    if topics is not None and topics.source is not None:
        source = topics.source
    else:
        operators.insert(0, _pair_flows(settings, metrics, say))
        switch = Switch(wake)
        batches = background.batches() or read_flows(
            inputs,
            batch_rows=settings.batch_size,
            stdin_format=settings.format,
            preset=asked,
            dictionaries=True,
            go_on=True,
            switch=switch,
        )
        bad = background.dead_letters() or (topics and topics.dead_letters())
        dead_letters = bad or DeadLetters(settings.dead_letters_path)
        source = background.source = FlowSource(batches, metrics, dead_letters, switch.stop, say, say, asked)
    engine = EmbeddedEngine(
        source,
        background.traced(operators),
        queue=settings.queue,
        metrics=metrics,
        on_stop=lambda: say(STOPPING),
        on_hangup=background.on_hangup,
        grace_seconds=settings.grace_seconds,
        health=health,
    )
    if topics is not None and topics.source is not None:
        # the group has assigned partitions at least once, possibly none
        engine.health.waits_for = lambda: None if metrics.rebalances else "its partitions"
    return Pipeline(engine, metrics, background, topics)


def _learning(
    names: Sequence[str],
    settings: Settings,
    metrics: Metrics,
    executor: Executor | None,
    say: Callable[[str], None],
) -> Learning | None:
    if not settings.learn:
        return None
    if executor is None or "flag-anomalies" not in names:
        raise UsageError("--learn needs a pipeline that scores and flags: what is flagged is not learnt")
    from morpheus_gae.engine.learning import Learning

    return Learning(executor, settings, metrics, say)


def _learn_gae(learning: Learning, settings: Settings, metrics: Metrics, background: Background) -> Operator:
    from morpheus_gae.engine.learning import SNAPSHOT_SECONDS, LearnGae

    seconds = SNAPSHOT_SECONDS if settings.checkpoint is None else settings.checkpoint_seconds
    return LearnGae(learning, metrics, background.remember, seconds)


def _pair_flows(settings: Settings, metrics: Metrics, say: Callable[[str], None]) -> PairFlows:
    from morpheus_gae.engine.run.pair_flows import PairFlows
    from morpheus_gae.flows.pairing.pair import Pairer

    seconds = settings.pair_seconds
    try:
        pairer = Pairer(seconds) if seconds != 0 else None
    except ValueError as error:
        # the option's range check accepts NaN
        raise UsageError(f"--pair_seconds: {error}") from None
    exact = "" if settings.checkpoint is None else "--checkpoint"
    exact = "--exactly_once" if settings.exactly_once else exact
    return PairFlows(pairer, metrics, seconds if settings.live else None, say, exact)


def _load(
    names: Sequence[str],
    settings: Settings,
    open_executor: OpenExecutor | None,
    say: Callable[[str], None],
) -> LiveModel:
    """Load the current model from its folder, warmed up."""
    from morpheus_gae.engine.run.warm_up import warm_up

    if open_executor is None:
        from morpheus_gae.executors.open import open_executor as open_executor_

        open_executor = (
            partial(open_executor_, deterministic=True) if settings.deterministic else open_executor_
        )
    executor = open_executor(_model(settings), settings.executor)
    told = threading.Timer(PATIENCE, say, (PREPARING,))
    told.daemon = True
    if sys.stderr.isatty():
        told.start()
    try:
        warm_up(executor, explains="to-alerts" in names)
    finally:
        told.cancel()
    threshold = _threshold(settings, executor.artifact) if "flag-anomalies" in names else None
    return LiveModel(executor, _builder(executor, say), threshold)


def _builder(executor: Executor, say: Callable[[str], None]) -> Callable[[Flows], WindowGraph]:
    """Return a graph builder for this model's spec, on the executor's device if supported."""
    from morpheus_gae.graph.build import build_graph

    on_device: Callable[[Flows], WindowGraph] | None = getattr(executor, "build", None)
    spec = executor.artifact.spec
    on_host = partial(build_graph, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)
    build = on_device or (partial(on_host, enriched=True) if spec.enriched else on_host)
    return telling(build, executor.artifact, say)


def _threshold(settings: Settings, artifact: Artifact) -> Threshold:
    from morpheus_gae.detect.threshold import FixedThreshold, choose_threshold

    if settings.learn:
        # each window carries the model learnt before it
        return FixedThreshold(math.inf)
    return choose_threshold(
        artifact, threshold=settings.threshold, alert_rate=settings.alert_rate, adaptive=settings.adaptive
    )


def _operator(
    name: str,
    settings: Settings,
    metrics: Metrics,
    executor: Executor | None,
    say: Callable[[str], None],
    slot: Slot | None = None,
    background: Background | None = None,
    topics: Topics | None = None,
    suppression: Suppression | None = None,
) -> Operator:
    """Create one stage; without a slot its model is fixed."""
    if name == "build-graph":
        from morpheus_gae.engine.run.cut import windower
        from morpheus_gae.graph.build import build_graph

        build = build_graph if executor is None else _builder(executor, say)
        if topics is not None and topics.source is not None:
            return topics.build_graph(build, slot, partial(_pair_flows, settings, metrics))
        try:
            # a checkpoint is between two messages
            whole = settings.checkpoint is not None
            cutter = windower(settings, whole_messages=whole)
        except ValueError as error:
            # the option's range check accepts NaN
            raise UsageError(str(error)) from None
        wait = settings.window_seconds if settings.live else None
        if background is None:
            return BuildGraph(cutter, build, metrics, wait)
        return BuildGraph(cutter, build, metrics, wait, slot=slot, unfinished=background.unfinished)
    # check_order guarantees that the others come after infer-gae
    assert executor is not None
    artifact = executor.artifact
    if name == "infer-gae":
        return InferGae(executor, metrics, say)
    if name == "flag-anomalies":
        threshold = slot.current.threshold if slot is not None else None
        remember = background is not None and background.remember
        suppression = suppression if background is None else background.suppression
        return _flag_anomalies(settings, metrics, artifact, threshold, remember, say, suppression)
    after, drained = ([], _nothing) if background is None else (background.after, background.drained)
    label = f"{artifact.name}@{artifact.hash}"
    sink = alert_sink(settings, metrics, say, background, topics)
    incidents = open_incidents(settings, metrics, say, background, topics, suppression)
    if topics is None or topics.source is None:
        ended = _ended if background is None else background.ended
        return ToAlerts(
            sink, label, after=after, drained=drained, incidents=incidents, ended=ended, artifact=artifact
        )
    source = topics.source
    gives = source.delivered, after, topics.admit, drained, incidents, lambda: False
    return ToAlerts(sink, label, *gives, artifact=artifact)


def _nothing() -> None:
    pass


def _ended() -> bool:
    return True


def _flag_anomalies(
    settings: Settings,
    metrics: Metrics,
    artifact: Artifact,
    threshold: Threshold | None,
    remember: bool,
    say: Callable[[str], None],
    suppression: Suppression | None = None,
) -> FlagAnomalies:
    from morpheus_gae.detect.threshold import DEFAULT_ALERT_RATE, extrapolated_budget

    metrics.serving(artifact)
    threshold = threshold or _threshold(settings, artifact)
    if settings.threshold is not None or settings.adaptive or settings.learn:
        return FlagAnomalies(threshold, metrics, settings.labels, remember=remember, suppression=suppression)
    rate = DEFAULT_ALERT_RATE if settings.alert_rate is None else settings.alert_rate
    if extrapolated_budget(artifact, rate):
        told = f"Note: the threshold for alert rate {rate:g} is extrapolated: too few validation flows"
        say(Line(told, "threshold_extrapolated"))
    return FlagAnomalies(threshold, metrics, settings.labels, rate, say, remember, suppression)


def _usual(settings: Settings, terminal: bool | None) -> list[str]:
    """Return the default chain, with a progress bar on a terminal."""
    import sys

    if sys.stderr.isatty() if terminal is None else terminal:
        return [*USUAL[:-1], "monitor", USUAL[-1]]
    return list(USUAL)


def _model(settings: Settings) -> str:
    if settings.model is None:
        raise UsageError("infer-gae has no model: give --model DIR")
    return settings.model
