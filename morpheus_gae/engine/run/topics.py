"""Topics: the Kafka source and sinks of a pipeline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run.by_partition import ByPartition
from morpheus_gae.engine.run.operators import AlertSink, BuildGraph
from morpheus_gae.engine.run.pair_flows import PairFlows
from morpheus_gae.engine.settings import STDOUT, Settings
from morpheus_gae.engine.window import Window
from morpheus_gae.errors import UsageError
from morpheus_gae.kafka.config import KafkaConfig, load_config
from morpheus_gae.kafka.url import TopicUrl, is_kafka, parse
from morpheus_gae.sinks.remote.target import is_remote

if TYPE_CHECKING:
    from morpheus_gae.flows.bad import BadRecord
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.kafka.changelog import Changelog
    from morpheus_gae.kafka.dead_letters import DeadLetters
    from morpheus_gae.kafka.outbox import Outbox
    from morpheus_gae.kafka.source import KafkaSource

WAIT_SECONDS = 5.0
"""Default maximum wall-clock time from the first flow of a topic's window to its scoring."""


class Topics:
    """Source, alert sink and dead letters of a pipeline in Kafka.

    Parameters
    ----------
    settings
        Inputs and outputs.
    stages
        Names of the pipeline's stages.
    metrics
        Counts.
    say
        Reports one line to the user.

    Attributes
    ----------
    source
        Reads topics; None if the pipeline reads files.

    Raises
    ------
    GaeError
        If the settings are inconsistent, or a client cannot be created.
    """

    def __init__(
        self, settings: Settings, stages: Sequence[str], metrics: Metrics, say: Callable[[str], None]
    ) -> None:
        self._settings, self._metrics, self._say = settings, metrics, say
        self._inputs = _inputs(settings)
        self._output = _topic(settings.output)
        self._dead = _topic(settings.dead_letters_path)
        self._incidents = _topic(settings.incidents)
        self._state = _topic(settings.incident_state_url)
        self._check(stages)
        self._config = _config(settings, self._output)
        self._outboxes: dict[str, Outbox] = {}
        self.source: KafkaSource | None = None
        self._said: set[str] = set()
        if self._inputs:
            self.source = self._open_source()
        elif self._output is not None:
            self._wait_for_output()

    def build_graph(
        self,
        build: Callable[[Flows], WindowGraph],
        slot: Any,
        pair: Callable[[Callable[[str], None]], PairFlows],
    ) -> ByPartition:
        """Create build-graph, preceded by pairing, for each partition separately.

        Parameters
        ----------
        build
            Builds one window's graph.
        slot
            Provides the model of each window, with hot reload.
        pair
            Creates the pairing, given the function that reports to the user.
        """
        from morpheus_gae.engine.run.cut import windower

        assert self.source is not None
        settings = self._settings
        wait = settings.window_seconds or WAIT_SECONDS

        def make() -> tuple[PairFlows, BuildGraph, Callable[[], int]]:
            cutter = windower(settings, whole_messages=True)
            graphs = BuildGraph(cutter, build, self._metrics, wait, slot=slot)
            return pair(self._once), graphs, lambda: cutter.held

        return ByPartition(make, self.source, settings.graph_size)

    def sink(self, encode: Callable[[Any], Any] | None) -> AlertSink | None:
        """Return the alert sink; None if not in Kafka."""
        if self._output is not None:
            from morpheus_gae.kafka.sink import KafkaSink

            outbox = self._outbox(self._output)
            return KafkaSink(outbox, self._output.topic, self._settings.output_format, encode)
        path = self._settings.output or STDOUT
        if not self._inputs or path == STDOUT:
            return None
        from morpheus_gae.sinks.append import AppendSink
        from morpheus_gae.sinks.encoded import EncodedSink
        from morpheus_gae.sinks.lazy import LazySink

        sink = LazySink(partial(AppendSink, path))
        return sink if encode is None else EncodedSink(sink, encode)

    def incident_sink(self) -> AlertSink | None:
        """Return the incident sink, keyed by id; None if not in Kafka."""
        if self._incidents is not None:
            from morpheus_gae.kafka.sink import KafkaSink
            from morpheus_gae.sinks.together import sent_of

            outbox = self._outbox(self._incidents)
            return KafkaSink(outbox, self._incidents.topic, encode=sent_of, key="id")
        path = self._settings.incidents
        if not self._inputs or path is None or path == STDOUT or is_remote(path):
            return None
        from morpheus_gae.sinks.append import AppendSink
        from morpheus_gae.sinks.lazy import LazySink

        return LazySink(partial(AppendSink, path))

    def changelog(self) -> Changelog | None:
        """What keeps open incidents in the transactions of the run; None where nothing does."""
        if self._state is None:
            return None
        from morpheus_gae.kafka.changelog import Changelog

        consumer = self._config.consumer(self._state.servers)
        return Changelog(self._outbox(self._state), self._state.topic, self._config.group, consumer)

    def dead_letters(self) -> TopicDeadLetters | None:
        """Return the sink of files' bad records, if it is a topic."""
        if self._inputs or self._dead is None:
            return None
        return TopicDeadLetters(self._outbox(self._dead), self._dead.topic)

    def admit(self, window: Window) -> bool:
        """Whether a window should still be written; see ``KafkaSource.admit``."""
        if self.source is None or window.origin is None:
            return True
        origin, done = window.origin, window.flows.done
        early_end = done[-1].offset if origin.early and done else None
        return self.source.admit(origin.source, origin.partition, early_end)

    def end(self) -> None:
        """Leave the group and close the clients."""
        if self.source is not None:
            self.source.end()
        for outbox in self._outboxes.values():
            outbox.close()

    def _open_source(self) -> KafkaSource:
        from morpheus_gae.kafka.client import make_consumer
        from morpheus_gae.kafka.source import KafkaSource, Reading

        settings, servers = self._settings, self._inputs[0].servers
        transactions = self._transactions() if settings.exactly_once else None
        preset = None if settings.layout == "auto" else settings.layout
        return KafkaSource(
            partial(make_consumer, self._config.consumer(servers)),
            Reading(
                servers,
                tuple(dict.fromkeys(url.topic for url in self._inputs)),
                preset,
                self._config.avro_schema,
                settings.fail_fast,
            ),
            self._metrics,
            self._dead_letters(),
            self._say,
            transactions,
            wanted=self._missing,
        )

    def _dead_letters(self) -> DeadLetters:
        from morpheus_gae.kafka.dead_letters import DeadLetters, FilePost, NoPost, Post, TopicPost

        path = self._settings.dead_letters_path
        post: Post = NoPost()
        if self._dead is not None:
            post = TopicPost(self._outbox(self._dead), self._dead.topic)
        elif path is not None:
            post = FilePost(path)
        else:
            told = "Note: bad records are counted and not kept: give --dead_letters (a file or kafka:// URL)"
            self._say(Line(told, "no_dead_letters"))
        return DeadLetters(post)

    def _outbox(self, url: TopicUrl) -> Outbox:
        from morpheus_gae.kafka.client import make_producer
        from morpheus_gae.kafka.outbox import Outbox

        key = ",".join(sorted(url.servers.split(",")))
        if key not in self._outboxes:
            make = partial(make_producer, self._config.producer(url.servers))
            self._outboxes[key] = Outbox(make, url.servers)
        return self._outboxes[key]

    def _transactions(self) -> Any:
        from morpheus_gae.kafka.client import make_producer
        from morpheus_gae.kafka.transactions import Transactions

        servers = self._inputs[0].servers
        options = self._config.producer(servers)
        # a transactional id reused after a restart fences off the old process
        name = options.setdefault("transactional.id", f"{self._config.group}-{socket.gethostname()}")
        make = partial(make_producer, options)
        out = Transactions(make, servers, name)
        self._outboxes[",".join(sorted(servers.split(",")))] = out
        return out

    def _missing(self) -> str | None:
        """Describe what the output clusters lack."""
        from morpheus_gae.kafka.wait import missing

        for url in (self._output, self._dead, self._incidents, self._state):
            if url is not None:
                box = self._outbox(url)
                what = missing(box.producer, url.servers, [url.topic], box.trouble)
                if what is not None:
                    return what
        return None

    def _wait_for_output(self) -> None:
        from morpheus_gae.kafka.wait import Patience, wait_for_topics

        assert self._output is not None
        box = self._outbox(self._output)
        wait_for_topics(
            box.producer,
            self._output.servers,
            [self._output.topic],
            Patience(self._say),
            box.trouble,
            pause=threading.Event().wait,
            fail_fast=self._settings.fail_fast,
            also=self._missing,
        )

    def _once(self, line: str) -> None:
        """Report only once what each partition would report."""
        if line not in self._said:
            self._said.add(line)
            self._say(line)

    def _check(self, stages: Sequence[str]) -> None:
        settings, inputs, output = self._settings, self._inputs, self._output
        incidents, state = self._incidents, self._state
        written = incidents if settings.incidents_only else output
        if settings.exactly_once and (not inputs or written is None or not _same(inputs[0], written)):
            raise UsageError(
                "--exactly_once needs --input and --output on the same Kafka cluster: a transaction has both"
            )
        if settings.incident_state is not None and state is None:
            raise UsageError("--incident_state is for --exactly_once with --incidents kafka://...")
        if state is not None and state in (incidents, output, self._dead, *inputs):
            raise UsageError(f"{state} cannot keep open incidents: it is read or written already")
        if self._dead is not None and self._dead in (output, *inputs):
            raise UsageError(f"{self._dead} cannot hold the dead letters: it is read or written already")
        if output is not None and output in inputs:
            raise UsageError(f"{output} is read as input: write the alerts to another topic")
        if incidents is not None and incidents in (output, self._dead, *inputs):
            raise UsageError(f"{incidents} cannot hold incidents: it is read or written already")
        elsewhere = settings.incidents is not None and (incidents is None or not _same(incidents, inputs[0]))
        if settings.exactly_once and elsewhere:
            raise UsageError("--exactly_once needs --incidents on the same Kafka cluster")
        if not inputs:
            return
        if "to-alerts" not in stages:
            raise UsageError("a kafka:// input needs the stage to-alerts: what it has written is committed")
        if settings.checkpoint is not None:
            raise UsageError("--checkpoint is for files: with Kafka the group's offsets say where to go on")
        path = settings.output or STDOUT
        if (
            output is None
            and path != STDOUT
            and not is_remote(path)
            and not path.endswith((".jsonl", ".ndjson"))
        ):
            raise UsageError(
                f"{path}: alerts of a topic are appended to what an earlier run wrote: give .jsonl or kafka://"
            )


class TopicDeadLetters:
    """Bad records of files, as messages.

    Parameters
    ----------
    outbox
        Delivers.
    topic
        Where to.
    """

    def __init__(self, outbox: Outbox, topic: str) -> None:
        from morpheus_gae.kafka.dead_letters import TopicPost

        self._post = TopicPost(outbox, topic)

    def add(self, records: list[BadRecord]) -> None:
        """Send records, with the source file in place of the topic."""
        from morpheus_gae.kafka.dead_letters import DeadLetter

        self._post.write(
            [
                DeadLetter(r.source, -1, -1, r.row, r.reason.value, r.detail, r.record.encode())
                for r in records
            ]
        )
        self._post.flush()

    def close(self) -> None:
        """Do nothing: everything is delivered already."""


def open_topics(
    settings: Settings, stages: Sequence[str], metrics: Metrics, say: Callable[[str], None]
) -> Topics | None:
    """Open the Kafka source and sinks of a pipeline; None if there are none.

    Raises
    ------
    GaeError
        See ``Topics``.
    """
    urls = (*settings.input, settings.output, settings.dead_letters_path, settings.incidents)
    if any(map(is_kafka, urls)):
        return Topics(settings, stages, metrics, say)
    if settings.exactly_once:
        raise UsageError("--exactly_once needs --input and --output on the same Kafka cluster")
    if settings.incident_state is not None:
        raise UsageError("--incident_state is for --exactly_once with --incidents kafka://...")
    return None


def _inputs(settings: Settings) -> list[TopicUrl]:
    urls = [parse(url) for url in settings.input if is_kafka(url)]
    if urls and len(urls) < len(settings.input):
        raise UsageError("files and topics cannot be read together: give one or the other as --input")
    if any(not _same(url, urls[0]) for url in urls):
        raise UsageError("--input names topics of different Kafka clusters: run a pipeline for each")
    return urls


def _topic(url: str | None) -> TopicUrl | None:
    return parse(url) if url is not None and is_kafka(url) else None


def _same(one: TopicUrl, other: TopicUrl) -> bool:
    return set(one.servers.split(",")) == set(other.servers.split(","))


def _config(settings: Settings, output: TopicUrl | None) -> KafkaConfig:
    config = load_config(settings.kafka_config, settings.group)
    if not settings.exactly_once and any(n.endswith("transactional.id") for n in config.given):
        raise UsageError("the Kafka option transactional.id is for --exactly_once: give both or none")
    return config
