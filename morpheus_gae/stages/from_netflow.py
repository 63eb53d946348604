"""from-netflow as a Morpheus source."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import mrc
from morpheus.cli.register_stage import register_stage
from morpheus.config import Config
from morpheus.messages import ControlMessage, MessageMeta
from morpheus.pipeline.execution_mode_mixins import GpuAndCpuMixin
from morpheus.pipeline.single_output_source import SingleOutputSource

from morpheus_gae.engine.settings import STDIN, Settings
from morpheus_gae.engine.source import FlowSource
from morpheus_gae.engine.stdin import StoppableStdin, stoppable
from morpheus_gae.errors import UsageError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.read import expand, read_flows
from morpheus_gae.sinks.dead_letters import DeadLetters
from morpheus_gae.stages.frames import frame_of
from morpheus_gae.stages.shared import Run, downstream, end, run_of
from morpheus_gae.stages.to_alerts import ToAlertsStage


@register_stage("from-netflow")
class FromNetflowStage(GpuAndCpuMixin, SingleOutputSource):
    """
    Read flow records (Parquet, CSV, NDJSON, Arrow); set bad ones aside.

    A batch is a message, so memory does not grow with the input; build-graph cuts the windows.

    Parameters
    ----------
    config : `morpheus.config.Config`
        Pipeline configuration.
    input : list[str]
        File, glob, or - for stdin; repeatable.
    format : str
        Format of stdin (arrow, csv, ndjson, parquet); found out from its first bytes by default.
    dead_letters : str
        Bad records; OUTPUT.dead.ndjson by default, if the pipeline ends with to-alerts.
    repeat : int, min = 1
        Read the input so many times.
    batch_size : int, min = 1
        Rows read at a time; results do not depend on it.
    """

    def __init__(
        self,
        config: Config,
        input: list[str],
        format: str = None,
        dead_letters: str = None,
        repeat: int = 1,
        batch_size: int = 65_536,
    ):
        super().__init__(config)
        self._cpus = os.sched_getaffinity(0)
        if not input:
            raise UsageError("from-netflow has nothing to read: give --input URL (a file, a glob, or -)")
        inputs = tuple(input)
        if repeat > 1 and STDIN in inputs:
            raise UsageError("--repeat: stdin can be read only once")
        self._settings = Settings(inputs, format=format, dead_letters=dead_letters, batch_size=batch_size)
        self._repeat = repeat
        self._source: FlowSource | None = None
        self._stdin: StoppableStdin | None = None
        self._error: Exception | None = None

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "from-netflow"

    @property
    def shared(self) -> Run:
        """Shared with all our stages of this pipeline."""
        return run_of(self._pipeline)

    def supports_cpp_node(self) -> bool:
        """There is no C++ node."""
        return False

    def compute_schema(self, schema: Any) -> None:
        """Set the output type and open the input, on the main thread, where errors are clear."""
        schema.output_schema.set_type(ControlMessage)
        expand(self._settings.input)
        alerts = downstream(self, ToAlertsStage)
        if alerts is not None:
            self._settings = replace(self._settings, output=alerts.settings.output)
        dead_letters = DeadLetters(self._settings.dead_letters_path)
        settings, self._stdin = stoppable(self._settings)
        batches = chain.from_iterable(
            read_flows(settings.input, batch_rows=settings.batch_size, stdin_format=settings.format)
            for _ in range(self._repeat)
        )
        wake = None if self._stdin is None else self._stdin.stop
        self._source = FlowSource(batches, self.shared.metrics, dead_letters, wake)
        self.shared.opened.append(self._source)

    def _build_source(self, builder: mrc.Builder) -> mrc.SegmentObject:
        if self._stdin is not None:
            self._stdin.__enter__()
        node = builder.make_source(self.unique_name, self._messages)
        # a second engine would read everything a second time
        node.launch_options.pe_count = 1
        return node

    def _messages(self, subscription: mrc.Subscription) -> Iterator[ControlMessage]:
        os.sched_setaffinity(0, self._cpus)
        assert self._source is not None
        rows = 0
        try:
            for flows in self._source:
                yield self._message(flows, rows)
                rows += len(flows)
                if not subscription.is_subscribed():
                    return
        except Exception as error:
            self._error = error
            raise

    def _message(self, flows: Flows, first: int) -> ControlMessage:
        package = self.get_df_pkg()
        index = package.RangeIndex(first, first + len(flows))
        out = ControlMessage()
        # metadata of the input file is no description of this frame
        out.payload(MessageMeta(frame_of(flows.table.replace_schema_metadata(None), package, index)))
        return out

    def stop(self) -> None:
        """End after the batch that is being read."""
        super().stop()
        self.shared.stopped = True
        if self._source is not None:
            self._source.stop()

    async def join(self) -> None:
        """Close everything; raise what went wrong."""
        await super().join()
        if self._stdin is not None:
            self._stdin.__exit__()
        end(self.shared, self._error)
