"""infer-gae as a Morpheus stage."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

from functools import cached_property
from typing import Any

from morpheus.cli.register_stage import register_stage
from morpheus.config import Config, ExecutionMode
from morpheus.messages import ControlMessage, MessageMeta, TensorMemory

from morpheus_gae.engine.choose import choose_model
from morpheus_gae.engine.pipeline import _operator as make_operator
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.warm import warm_up
from morpheus_gae.engine.window import Window
from morpheus_gae.errors import UsageError
from morpheus_gae.executors import base as executors
from morpheus_gae.executors.base import Executor
from morpheus_gae.stages.base import GaeStage
from morpheus_gae.stages.handover import KEY
from morpheus_gae.stages.shared import say


@register_stage("infer-gae")
class InferGaeStage(GaeStage):
    """
    Score every flow of each window.

    Adds the columns anomaly_score, surprise, surprise_pair and surprise_flow, and the scores as the tensor
    "probs" of shape [rows, 1], which the stock stages add-scores and filter read.

    Parameters
    ----------
    config : `morpheus.config.Config`
        Pipeline configuration.
    model : str
        Model folder; models/default by default.
    executor : str
        What computes: cpu or torch. In GPU mode, too, it computes on the host; results go to the device.
    """

    def __init__(self, config: Config, model: str = None, executor: str = "cpu"):
        super().__init__(config)
        self._model = model
        self._kind = executor

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "infer-gae"

    @cached_property
    def executor(self) -> Executor:
        """The model, loaded when the first stage asks for it."""
        executor = executors.open_executor(choose_model(self._model), self._kind)
        warm_up(executor)
        return executor

    def _open(self) -> Operator:
        self._before("build-graph")
        return make_operator("infer-gae", Settings(), self.shared.metrics, self.executor, say)

    def _take(self, message: Any) -> Window:
        key = message.get_metadata(KEY) if message.has_metadata(KEY) else ""
        window: Window | None = self.shared.windows.take(key, self.unique_name)
        rows = message.payload().count
        if window is None or len(window.flows) != rows:
            found = "no graph" if window is None else f"a graph of {len(window.flows)} flows"
            raise UsageError(
                f"infer-gae got a message of {rows} rows with {found}: put it after build-graph, "
                "without a stage between them that changes the rows or the order of messages"
            )
        return window

    def _give(self, message: Any, item: Window) -> ControlMessage:
        scores = item.scores
        assert scores is not None
        out = ControlMessage(message)
        with message.payload().mutable_dataframe() as frame:
            scored = frame.assign(
                anomaly_score=scores.score,
                surprise=scores.surprise,
                surprise_pair=scores.pair_part,
                surprise_flow=scores.flow_part,
            )
        out.payload(MessageMeta(scored))
        probs = scores.score.reshape(-1, 1)
        if self._config.execution_mode == ExecutionMode.GPU:
            import cupy

            probs = cupy.asarray(probs)
        out.tensors(TensorMemory(count=len(item.flows), tensors={"probs": probs}))
        return out
