"""build-graph as a Morpheus stage."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

from collections import Counter
from dataclasses import replace
from typing import Any

from morpheus.cli.register_stage import register_stage
from morpheus.config import Config
from morpheus.messages import ControlMessage, MessageMeta

from morpheus_gae.engine.run.device import CutOnDevice
from morpheus_gae.engine.run.pipeline import _operator as make_operator
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.errors import UsageError
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.readers.cudf_columns import frame_to_flows
from morpheus_gae.flows.readers.read import table_to_flows
from morpheus_gae.sinks.dead_letters import DeadLetters
from morpheus_gae.stages.base import GaeStage
from morpheus_gae.stages.columns import note, positions, with_done
from morpheus_gae.stages.device import on_device
from morpheus_gae.stages.frames import frame_of, table_of
from morpheus_gae.stages.index import IndexKeeper
from morpheus_gae.stages.metadata import WINDOW, write
from morpheus_gae.stages.shared import reached, say, upstream


@register_stage("build-graph")
class BuildGraphStage(GaeStage):
    """
    Cut windows of flows and build the graph of each.

    Takes messages of any size with the canonical NetFlow columns, ours or a stock source's, and gives one
    message per window. Index, order and extra columns of the rows stay as they are.

    Parameters
    ----------
    config : `morpheus.config.Config`
        Pipeline configuration.
    graph_size : int, min = 1
        Flows in a window.
    window_seconds : float
        End a window after so many seconds of flow time.
    dead_letters : str
        File for bad records that a stock source let through.
    """

    def __init__(
        self,
        config: Config,
        graph_size: int = 200_000,
        window_seconds: float = None,
        dead_letters: str = None,
    ):
        super().__init__(config)
        self.settings = Settings().overridden({"graph_size": graph_size, "window_seconds": window_seconds})
        self._index = IndexKeeper()
        self._dead_letters = DeadLetters(dead_letters)
        self._preset: str | None = None
        self.on_device = False

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "build-graph"

    def accepted_types(self) -> tuple[type, ...]:
        """Message types accepted by this stage."""
        return (ControlMessage, MessageMeta)

    def _open(self) -> Operator:
        run = self.shared
        run.opened.append(self._dead_letters)
        source = upstream(self, "from-netflow")
        if source is not None:
            # its columns are canonical; it knows whether the source is live
            self._preset = CANONICAL
            size, seconds = self.settings.graph_size, self.settings.window_seconds
            self.settings = replace(source.settings, graph_size=size, window_seconds=seconds)
        topics = run.topics if source is not None else None
        if topics is not None and topics.source is not None:
            self._index = IndexKeeper(keep=False)
        takers = reached(self, "infer-gae", lambda stage: stage.get_all_output_stages())
        run.windows.expect(self.unique_name, [taker.unique_name for taker in takers])
        # the model determines the graph's features
        executor = takers[0].executor if takers else None
        # times and partitions are handled on the host
        by_rows = self.settings.window_seconds is None and self._index.keep
        self.on_device = by_rows and on_device(self._config, executor)
        if self.on_device:
            # a frame on the device keeps its index
            self._index = IndexKeeper(keep=False)
            return CutOnDevice(self.settings.graph_size, self.get_df_pkg())
        return make_operator("build-graph", self.settings, run.metrics, executor, say, topics=topics)

    def _take(self, message: Any) -> Any:
        control = isinstance(message, ControlMessage)
        meta = message.payload() if control else message
        done = positions(message)[0] if control else ()
        if not meta.count and not done:
            return None
        batch: Any
        with meta.mutable_dataframe() as frame:
            if len(frame) != meta.count:
                raise UsageError(
                    f"build-graph got a view of {meta.count} rows of a frame of {len(frame)}, "
                    "as the stock stage serialize gives them: put it before that"
                )
            index, first = frame.index, self._index.rows
            if self.on_device:
                batch = frame_to_flows(frame, self.get_df_pkg(), "message", first, preset=self._preset)
            else:
                batch = table_to_flows(table_of(frame), "message", first, preset=self._preset)
        self._index.add(index)
        self.shared.metrics.skip(batch.skipped)
        self.shared.metrics.note(batch.noted)
        if batch.bad:
            self.shared.metrics.bad(Counter(record.reason.value for record in batch.bad))
            self._dead_letters.add(batch.bad)
        return with_done(batch.flows, done) if done else batch.flows

    def _give(self, message: Any, item: Any) -> ControlMessage:
        if self.on_device:
            frame = item.flows.frame
        else:
            frame = frame_of(item.flows.table, self.get_df_pkg(), self._index.of(item.flows.rows))
        out = ControlMessage()
        out.payload(MessageMeta(frame))
        write(out, WINDOW, self.shared.windows.give(self.unique_name, item))
        note(out, item.flows.done, item.origin)
        return out
