"""build-graph as a Morpheus stage."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

from collections import Counter
from typing import Any

from morpheus.cli.register_stage import register_stage
from morpheus.config import Config
from morpheus.messages import ControlMessage, MessageMeta

from morpheus_gae.engine.pipeline import _operator as make_operator
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.read import table_to_flows
from morpheus_gae.sinks.dead_letters import DeadLetters
from morpheus_gae.stages.base import GaeStage
from morpheus_gae.stages.frames import IndexKeeper, frame_of, table_of
from morpheus_gae.stages.infer_gae import InferGaeStage
from morpheus_gae.stages.shared import WINDOW, say


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
        self._settings = Settings().overridden({"graph_size": graph_size, "window_seconds": window_seconds})
        self._index = IndexKeeper()
        self._dead_letters = DeadLetters(dead_letters)

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "build-graph"

    def accepted_types(self) -> tuple[type, ...]:
        """Messages this stage takes."""
        return (ControlMessage, MessageMeta)

    def _open(self) -> Operator:
        self.shared.opened.append(self._dead_letters)
        infer = self._after(InferGaeStage)
        # the model says what it needs in a graph
        executor = None if infer is None else infer.executor
        return make_operator("build-graph", self._settings, self.shared.metrics, executor, say)

    def _take(self, message: Any) -> Flows:
        meta = message.payload() if isinstance(message, ControlMessage) else message
        with meta.mutable_dataframe() as frame:
            table, index = table_of(frame), frame.index
        batch = table_to_flows(table, "message", self._index.rows)
        self._index.add(index)
        if batch.bad:
            self.shared.metrics.bad(Counter(record.reason.value for record in batch.bad))
            self._dead_letters.add(batch.bad)
        return batch.flows

    def _give(self, message: Any, item: Window) -> ControlMessage:
        frame = frame_of(item.flows.table, self.get_df_pkg(), self._index.of(item.flows.rows))
        out = ControlMessage()
        out.payload(MessageMeta(frame))
        out.set_metadata(WINDOW, item)
        return out
