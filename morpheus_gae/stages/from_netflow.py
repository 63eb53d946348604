"""from-netflow as a Morpheus source."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mrc
from morpheus.cli.register_stage import register_stage
from morpheus.config import Config
from morpheus.messages import ControlMessage, MessageMeta
from morpheus.pipeline.execution_mode_mixins import GpuAndCpuMixin
from morpheus.pipeline.single_output_source import SingleOutputSource

from morpheus_gae.engine.run.feed import Feed
from morpheus_gae.engine.settings import Settings
from morpheus_gae.flows.exporters.presets.names import spelled
from morpheus_gae.stages.columns import note
from morpheus_gae.stages.frames import frame_of_flows
from morpheus_gae.stages.opening import check, open_feed
from morpheus_gae.stages.shared import Run, end, run_of


@register_stage("from-netflow")
class FromNetflowStage(GpuAndCpuMixin, SingleOutputSource):
    """
    Read flow records (Parquet, CSV, NDJSON, Arrow, Kafka topics); set bad ones aside.

    A batch is a message, so memory does not grow with the input; build-graph cuts the windows.

    Parameters
    ----------
    config : `morpheus.config.Config`
        Pipeline configuration.
    input : list[str]
        File, folder, glob, - for stdin, interface:eth0, or kafka://host:port/topic; repeatable.
    format : str
        Format of stdin (arrow, csv, ndjson, parquet); found out from its first bytes by default.
    dead_letters : str
        Bad records; OUTPUT.dead.ndjson by default, if the pipeline ends with to-alerts.
    repeat : int, min = 1
        Read the input so many times.
    batch_size : int, min = 1
        Rows read at a time; results do not depend on it.
    preset : str
        Exporter whose columns these are; found out from their names by default.
    map : list[str]
        OUR=THEIRS[:unit]: the column that is one of ours, with its unit; repeatable.
    columns : str
        Names of all columns of a file without a header, a,b,...; _ for one that is left out.
    pair_seconds : float, min = 0
        Join one-way records that start so close to one flow; 0 leaves them.
    group : str
        Kafka consumer group; morpheus-gae by default.
    kafka_config : str
        File of options for the Kafka clients, key=value lines.
    fail_fast : bool, is_flag = True
        Exit rather than wait for a Kafka broker or topic at the start.
    """

    def __init__(
        self, config: Config, input: list[str], format: str = None, dead_letters: str = None, repeat: int = 1,
        batch_size: int = 262_144, preset: str = None, pair_seconds: float = 60.0, group: str = None,
        kafka_config: str = None, fail_fast: bool = False, map: list[str] = None, columns: str = None,
    ):  # fmt: skip
        super().__init__(config)
        self._cpus = os.sched_getaffinity(0)
        kafka = {"group": group, "kafka_config": kafka_config, "fail_fast": fail_fast}
        preset = None if preset is None else spelled(preset)
        self.settings = Settings(tuple(input), None, dead_letters, format, preset, pair_seconds).overridden(
            {"batch_size": batch_size, "map": tuple(map or ()), "columns": columns, **kafka}
        )
        check(self.settings, repeat)
        self._repeat = repeat
        self._feed: Feed | None = None
        self._error: Exception | None = None

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "from-netflow"

    @property
    def shared(self) -> Run:
        """State shared by all our stages of this pipeline."""
        return run_of(self._pipeline)

    def supports_cpp_node(self) -> bool:
        """There is no C++ node."""
        return False

    def compute_schema(self, schema: Any) -> None:
        """Set the output type and open the input, on the main thread, where errors are clear."""
        schema.output_schema.set_type(ControlMessage)
        self.settings, self._feed = open_feed(self, self._repeat)

    def _build_source(self, builder: mrc.Builder) -> mrc.SegmentObject:
        node = builder.make_source(self.unique_name, self._messages)
        # a second engine would read everything twice
        node.launch_options.pe_count = 1
        return node

    def _messages(self, subscription: mrc.Subscription) -> Iterator[ControlMessage]:
        os.sched_setaffinity(0, self._cpus)
        assert self._feed is not None
        rows, silence = 0, None
        try:
            for flows in self._feed:
                if flows is not None:
                    yield self._message(flows, rows)
                    rows += len(flows)
                    silence = replace(flows.slice(0, 0), done=())
                elif silence is not None:
                    yield self._message(silence, rows)
                if self.shared.error is not None or not subscription.is_subscribed():
                    return
        except Exception as error:
            # not raised into the engine, see GaeStage
            self._error = error
            self.shared.fail(error)

    def _message(self, flows: Any, first: int) -> ControlMessage:
        out = ControlMessage()
        out.payload(MessageMeta(frame_of_flows(flows, self.get_df_pkg(), first)))
        note(out, flows.done)
        return out

    async def start_async(self) -> None:
        """Before the nodes start, on the main thread."""
        await super().start_async()
        self.shared.begin(self._pipeline)

    def stop(self) -> None:
        """Stop after the current batch."""
        super().stop()
        self.shared.stopped = True
        if self._feed is not None:
            self._feed.stop()

    async def join(self) -> None:
        """Close everything; raise the first error."""
        await super().join()
        end(self.shared, self._error)
