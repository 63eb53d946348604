"""Opening: opens the input of from-netflow on the host, as the embedded engine does."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

from morpheus_gae.engine.run.feed import Feed
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.overwriting import refuse_overwriting
from morpheus_gae.engine.run.pipeline import _pair_flows
from morpheus_gae.engine.run.source import FlowSource
from morpheus_gae.engine.run.stdin import stoppable
from morpheus_gae.engine.run.topics import open_topics
from morpheus_gae.engine.settings import STDIN, Settings
from morpheus_gae.errors import UsageError
from morpheus_gae.flows.files.interfaces import Switch, is_interface
from morpheus_gae.flows.readers.read import expand, read_flows
from morpheus_gae.kafka.url import is_kafka
from morpheus_gae.sinks.dead_letters import DeadLetters
from morpheus_gae.stages.decoding import batches as device_batches
from morpheus_gae.stages.decoding import readable
from morpheus_gae.stages.shared import Run, downstream, say


def check(settings: Settings, repeat: int) -> None:
    """Refuse invalid inputs.

    Raises
    ------
    UsageError
        With the reason.
    """
    if not settings.input:
        raise UsageError(
            "from-netflow has nothing to read: give --input URL (a file, a folder, a glob, or -)"
        )
    # fail on invalid options before anything is opened
    _ = settings.layout
    if repeat > 1 and STDIN in settings.input:
        raise UsageError("--repeat: stdin can be read only once")
    if repeat > 1 and any(map(is_kafka, settings.input)):
        raise UsageError("--repeat: a topic can be read only once")
    if repeat > 1 and any(map(is_interface, settings.input)):
        raise UsageError("--repeat: an interface shows its traffic only once")


def open_feed(stage: Any, repeat: int) -> tuple[Settings, Feed]:
    """Open the input.

    Parameters
    ----------
    stage
        from-netflow, in its pipeline.
    repeat
        How many times to read files.

    Returns
    -------
    (Settings, Feed)
        The settings with the actual input, and the source of flows.

    Raises
    ------
    GaeError
        If something cannot be opened, or options are inconsistent.
    """
    run: Run = stage.shared
    settings, names = _with_later(stage), USUAL if downstream(stage, "to-alerts") else USUAL[:-1]
    refuse_overwriting(settings)
    topics = open_topics(settings, names, run.metrics, say)
    if topics is not None:
        if run.topics is not None:
            topics.end()
            raise UsageError("a pipeline can have one from-netflow with topics: give it all of them")
        run.topics = topics
    if topics is not None and topics.source is not None:
        # partitions are paired and cut separately in build-graph, whose timeouts need ticks
        feed = Feed(topics.source, live=True, grace_seconds=settings.grace_seconds)
        run.opened.append(feed)
        return settings, feed
    letters = (topics and topics.dead_letters()) or DeadLetters(settings.dead_letters_path)
    asked = settings.layout
    settings, stdin = stoppable(settings)
    if stage._config.execution_mode.name == "GPU" and readable(settings):
        package = stage.get_df_pkg()
        frames: Any = chain.from_iterable(device_batches(settings, package, say) for _ in range(repeat))
        source = FlowSource(frames, run.metrics, letters, None, say, say, asked)
        feed = Feed(source, _pair_flows(settings, run.metrics, say))
        run.opened.append(feed)
        return settings, feed
    # expanded once: files written during the run are not inputs
    files = expand(settings.input)
    switch = Switch(None if stdin is None else stdin.stop)
    batches = chain.from_iterable(
        read_flows(
            files,
            batch_rows=settings.batch_size,
            stdin_format=settings.format,
            preset=asked,
            go_on=True,
            switch=switch,
        )
        for _ in range(repeat)
    )
    source = FlowSource(batches, run.metrics, letters, switch.stop, say, say, asked)
    pair = _pair_flows(settings, run.metrics, say)
    feed = Feed(source, pair, settings.live, stdin, settings.grace_seconds)
    run.opened.append(feed)
    return settings, feed


def _with_later(stage: Any) -> Settings:
    """Merge the settings of the source with relevant ones of later stages."""
    settings: Settings = stage.settings
    alerts, build = downstream(stage, "to-alerts"), downstream(stage, "build-graph")
    if alerts is not None:
        settings = settings.overridden({**alerts.told, "kafka_config": settings.kafka_config})
    if build is not None:
        size, seconds = build.settings.graph_size, build.settings.window_seconds
        settings = replace(settings, graph_size=size, window_seconds=seconds)
    return settings
