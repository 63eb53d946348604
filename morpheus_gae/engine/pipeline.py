"""From a list of stages and settings to an engine that is ready to run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from morpheus_gae.engine.embedded import EmbeddedEngine
from morpheus_gae.engine.metrics import Metrics
from morpheus_gae.engine.monitor import Monitor
from morpheus_gae.engine.operators import AlertSink, BuildGraph, FlagAnomalies, InferGae, ToAlerts
from morpheus_gae.engine.order import USUAL, check_order
from morpheus_gae.engine.settings import STDIN, STDOUT, Settings
from morpheus_gae.engine.source import FlowSource
from morpheus_gae.engine.stage import Operator
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.model.artifact import Artifact

STOPPING = "Stopping: what is in flight is still written; interrupt again to abort."

OpenExecutor = Callable[[str, str], "Executor"]


@dataclass(frozen=True)
class Pipeline:
    """An engine and what it counts."""

    engine: EmbeddedEngine
    metrics: Metrics

    def run(self) -> None:
        """Run to the end; see ``EmbeddedEngine.run``."""
        self.metrics.start()
        try:
            self.engine.run()
        finally:
            self.metrics.end()


def build_pipeline(
    stages: Sequence[str],
    settings: Settings,
    *,
    say: Callable[[str], None],
    open_executor: OpenExecutor | None = None,
    terminal: bool | None = None,
    wake: Callable[[], None] | None = None,
) -> Pipeline:
    """Load the model, open source and destination, connect the stages.

    Parameters
    ----------
    stages
        Names in order; empty for the usual chain.
    settings
        What to read, write and decide.
    say
        Tells the user one line.
    open_executor
        Loads a model; ``executors.base.open_executor`` by default.
    terminal
        Whether stderr is a terminal; found out by default.
    wake
        Ends a read that waits for input.

    Raises
    ------
    UsageError
        If the stages do not fit together or a setting is missing.
    GaeError
        If input, model or output cannot be opened.
    """
    from morpheus_gae.engine.warm import warm_up
    from morpheus_gae.flows.read import read_flows, total_bytes
    from morpheus_gae.sinks.dead_letters import DeadLetters

    names = list(stages) or _usual(settings, terminal)
    check_order(names)
    if not settings.input:
        raise UsageError(
            "from-netflow has nothing to read: give --input URL (a file, a glob, or - for stdin)"
        )
    if settings.output is not None and "to-alerts" not in names:
        raise UsageError("--output is given, but no stage writes it: end the pipeline with to-alerts")
    _refuse_kafka(settings)
    _refuse_overwriting(settings)
    metrics = Metrics()
    inputs = list(settings.input)
    total = None if settings.live else total_bytes(inputs)
    executor: Executor | None = None
    if "infer-gae" in names:
        if open_executor is None:
            from morpheus_gae.executors.base import open_executor as open_executor_

            open_executor = open_executor_
        executor = open_executor(_model(settings), settings.executor)
        warm_up(executor)
    operators: list[Operator] = []
    for name in names[1:]:
        if name == "monitor":
            operators.append(Monitor(metrics, total, say, settings.description, terminal))
        else:
            operators.append(_operator(name, settings, metrics, executor, say))
    batches = read_flows(inputs, batch_rows=settings.batch_size, stdin_format=settings.format)
    source = FlowSource(batches, metrics, DeadLetters(settings.dead_letters_path), wake)
    engine = EmbeddedEngine(
        source, operators, queue=settings.queue, metrics=metrics, on_stop=lambda: say(STOPPING)
    )
    return Pipeline(engine, metrics)


def _refuse_overwriting(settings: Settings) -> None:
    """Refuse to write over what is to be read, or two things into one file, before anything is opened."""
    from morpheus_gae.flows.read import expand

    outputs = [p for p in (settings.output, settings.dead_letters_path) if p not in (None, STDOUT)]
    given = {os.path.realpath(p): p for p in expand(list(settings.input)) if p != STDIN}
    for path in outputs:
        if path is not None and os.path.realpath(path) in given:
            raise UsageError(f"{path} is read as input: write the output somewhere else")
    if len(outputs) == 2 and os.path.realpath(str(outputs[0])) == os.path.realpath(str(outputs[1])):
        raise UsageError(f"{outputs[0]} is to hold both the alerts and the dead letters: give two files")


def _operator(
    name: str, settings: Settings, metrics: Metrics, executor: Executor | None, say: Callable[[str], None]
) -> Operator:
    if name == "build-graph":
        from morpheus_gae.graph.build import build_graph
        from morpheus_gae.graph.windows import Windower

        try:
            cutter = Windower(settings.graph_size, settings.window_seconds)
        except ValueError as error:
            # the option's range lets NaN through
            raise UsageError(str(error)) from None
        build = build_graph
        if executor is not None:
            spec = executor.artifact.spec
            build = partial(
                build_graph, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps
            )
        return BuildGraph(cutter, build, metrics, settings.window_seconds if settings.live else None)
    # check_order has seen to it that the others come after infer-gae
    assert executor is not None
    artifact = executor.artifact
    if name == "infer-gae":
        return InferGae(executor, metrics, say)
    if name == "flag-anomalies":
        return _flag_anomalies(settings, metrics, artifact, say)
    return ToAlerts(_alert_sink(settings), f"{artifact.name}@{artifact.hash}")


def _alert_sink(settings: Settings) -> AlertSink:
    from morpheus_gae.detect.encodings import encoding
    from morpheus_gae.sinks.encoded import EncodedSink
    from morpheus_gae.sinks.open import open_sink

    output, encode = settings.output or STDOUT, encoding(settings.encoding)
    if settings.encoding != "plain" and ".csv" in Path(output).suffixes:
        raise UsageError(f"--encoding {settings.encoding} is nested: write it to .jsonl, not to {output}")
    sink = open_sink(output)
    return sink if settings.encoding == "plain" else EncodedSink(sink, encode)


def _flag_anomalies(
    settings: Settings, metrics: Metrics, artifact: Artifact, say: Callable[[str], None]
) -> FlagAnomalies:
    from morpheus_gae.detect.threshold import DEFAULT_ALERT_RATE, choose_threshold, extrapolated_budget

    threshold = choose_threshold(
        artifact, threshold=settings.threshold, alert_rate=settings.alert_rate, adaptive=settings.adaptive
    )
    if settings.threshold is not None or settings.adaptive:
        return FlagAnomalies(threshold, metrics, settings.labels)
    rate = DEFAULT_ALERT_RATE if settings.alert_rate is None else settings.alert_rate
    if extrapolated_budget(artifact, rate):
        say(f"Note: the threshold for alert rate {rate:g} is extrapolated: too few validation flows")
    return FlagAnomalies(threshold, metrics, settings.labels, rate, say)


def _usual(settings: Settings, terminal: bool | None) -> list[str]:
    """The usual chain, with a progress bar where somebody can see it."""
    import sys

    if sys.stderr.isatty() if terminal is None else terminal:
        return [*USUAL[:-1], "monitor", USUAL[-1]]
    return list(USUAL)


def _model(settings: Settings) -> str:
    if settings.model is None:
        raise UsageError("infer-gae has no model: give --model DIR")
    return settings.model


def _refuse_kafka(settings: Settings) -> None:
    for url in (*settings.input, settings.output or STDIN):
        if url.startswith("kafka://"):
            raise UsageError(f"{url}: this version reads and writes files and standard streams, not Kafka")
