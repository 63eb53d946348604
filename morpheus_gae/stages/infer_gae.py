"""infer-gae as a Morpheus stage."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

from functools import cached_property
from typing import Any

from morpheus.cli.register_stage import register_stage
from morpheus.config import Config, ExecutionMode
from morpheus.messages import ControlMessage, MessageMeta, TensorMemory
from morpheus.pipeline.preallocator_mixin import PreallocatorMixin

from morpheus_gae.engine.run.defaults import choose_model
from morpheus_gae.engine.run.device import InferOnDevice
from morpheus_gae.engine.run.pipeline import _operator as make_operator
from morpheus_gae.engine.run.warm_up import warm_up
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.errors import UsageError
from morpheus_gae.executors import open as executors
from morpheus_gae.executors.base import Executor
from morpheus_gae.stages.base import GaeStage
from morpheus_gae.stages.columns import scored
from morpheus_gae.stages.device import best_executor, scored_on_device, share_memory
from morpheus_gae.stages.metadata import WINDOW, read
from morpheus_gae.stages.seen import note_seen
from morpheus_gae.stages.shared import reached, say


@register_stage("infer-gae")
class InferGaeStage(PreallocatorMixin, GaeStage):
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
        What computes: cpu, cuda or torch; auto is cuda in GPU mode where there is a device, else cpu.
    deterministic : bool
        Same bits in every run on a GPU too; the cpu executor always is.
    """

    def __init__(
        self, config: Config, model: str = None, executor: str = "auto", deterministic: bool = False
    ):
        super().__init__(config)
        self._model = model
        self._kind = executor
        self._deterministic = deterministic
        self._on_device = self._folds = False

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "infer-gae"

    @cached_property
    def executor(self) -> Executor:
        """Executor of the model, loaded on first use."""
        kind = best_executor(self._config) if self._kind == "auto" else self._kind
        if kind.startswith("cuda") and self._config.execution_mode == ExecutionMode.GPU:
            share_memory()
        # only set if requested
        how = {"deterministic": True} if self._deterministic else {}
        executor = executors.open_executor(choose_model(self._model), kind, **how)
        warm_up(executor, explains=True)
        return executor

    def _open(self) -> Operator:
        self._on_device = self._before("build-graph").on_device
        takers = reached(self, "to-alerts", lambda stage: stage.get_all_output_stages())
        self._folds = any(taker.settings.incidents is not None for taker in takers)
        if self._on_device:
            device: Any = self.executor
            return InferOnDevice(device, self.shared.metrics)
        return make_operator("infer-gae", Settings(), self.shared.metrics, self.executor, say)

    def _take(self, message: Any) -> Any:
        key = read(message, WINDOW, "")
        window = self.shared.windows.take(key, self.unique_name)
        rows = message.payload().count
        if window is None or len(window.flows) != rows:
            found = "no graph" if window is None else f"a graph of {len(window.flows)} flows"
            raise UsageError(
                f"infer-gae got a message of {rows} rows with {found}: put it after build-graph, "
                "without a stage between them that changes the rows or the order of messages"
            )
        return window

    def _give(self, message: Any, item: Any) -> ControlMessage:
        out = ControlMessage(message)
        if self._folds:
            note_seen(out, item.flows)
        give = scored_on_device if self._on_device else scored
        with message.payload().mutable_dataframe() as frame:
            whole, probs = give(frame, item.scores, self.get_df_pkg())
        out.payload(MessageMeta(whole))
        out.tensors(TensorMemory(count=len(item.flows), tensors={"probs": probs}))
        return out
