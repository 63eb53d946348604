"""to-alerts as a Morpheus stage."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

from typing import Any

from morpheus.cli.register_stage import register_stage
from morpheus.config import Config

from morpheus_gae.engine.pipeline import _operator as make_operator
from morpheus_gae.engine.settings import STDOUT, Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.stages.base import GaeStage
from morpheus_gae.stages.columns import window_of
from morpheus_gae.stages.flag_anomalies import FlagAnomaliesStage
from morpheus_gae.stages.infer_gae import InferGaeStage
from morpheus_gae.stages.shared import say


@register_stage("to-alerts")
class ToAlertsStage(GaeStage):
    """
    Write the flagged flows.

    One alert per flagged row, with every column of the message. The message itself goes on unchanged.

    Parameters
    ----------
    config : `morpheus.config.Config`
        Pipeline configuration.
    output : str
        File (by its extension), or - for NDJSON on stdout.
    """

    def __init__(self, config: Config, output: str = STDOUT):
        super().__init__(config)
        self.settings = Settings(output=output)

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "to-alerts"

    def _open(self) -> Operator:
        self._before("flag-anomalies", FlagAnomaliesStage)
        executor = self._before("infer-gae", InferGaeStage).executor
        return make_operator("to-alerts", self.settings, self.shared.metrics, executor, say)

    def _take(self, message: Any) -> Window:
        return window_of(message)

    def _give(self, message: Any, item: Window) -> Any:
        return message
