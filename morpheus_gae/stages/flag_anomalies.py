"""flag-anomalies as a Morpheus stage."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

from typing import Any

import numpy as np
from morpheus.cli.register_stage import register_stage
from morpheus.config import Config
from morpheus.messages import ControlMessage, MessageMeta

from morpheus_gae.detect.threshold import score_of_surprise
from morpheus_gae.engine.run.pipeline import _operator as make_operator
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.suppression import open_suppression
from morpheus_gae.engine.window import Window
from morpheus_gae.stages.base import GaeStage
from morpheus_gae.stages.columns import window_of
from morpheus_gae.stages.metadata import THRESHOLD, write
from morpheus_gae.stages.shared import say
from morpheus_gae.suppress.rows import NEEDED


@register_stage("flag-anomalies")
class FlagAnomaliesStage(GaeStage):
    """
    Flag the flows whose score reaches the threshold.

    Adds the columns is_anomaly and threshold.

    Parameters
    ----------
    config : `morpheus.config.Config`
        Pipeline configuration.
    threshold : float, min = 0, max = 1
        Flag scores from this on; 0 flags every flow.
    alert_rate : float, min = 0, max = 1
        Share of benign flows to flag; 0.001 by default.
    adaptive : bool, is_flag = True
        Take the threshold from the recent traffic itself.
    labels : str
        Label column to report on.
    suppress : str
        File of rules that hold flagged flows back: these rows are no anomalies.
    suppressed : str
        File that gets what was held back.
    """

    def __init__(
        self,
        config: Config,
        threshold: float = None,
        alert_rate: float = None,
        adaptive: bool = False,
        labels: str = "Label",
        suppress: str = None,
        suppressed: str = None,
    ):
        super().__init__(config)
        told = {"threshold": threshold, "alert_rate": alert_rate, "adaptive": adaptive, "labels": labels}
        told |= {"suppress": suppress, "suppressed": suppressed}
        self._settings = Settings().overridden(told)

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "flag-anomalies"

    def _open(self) -> Operator:
        executor, run = self._before("infer-gae").executor, self.shared
        # to-alerts suppresses incidents by the same rules
        run.suppression = open_suppression(self._settings, run.metrics, say)
        return make_operator(
            "flag-anomalies", self._settings, run.metrics, executor, say, suppression=run.suppression
        )

    def _take(self, message: Any) -> Window:
        settings = self._settings
        needed = () if settings.suppress is None else NEEDED
        return window_of(message, settings.labels, needed if settings.suppressed is None else None)

    def _give(self, message: Any, item: Window) -> ControlMessage:
        assert item.threshold is not None
        out = ControlMessage(message)
        with message.payload().mutable_dataframe() as frame:
            # like the column anomaly_score
            threshold = score_of_surprise(item.threshold).astype(np.float32).repeat(len(item.flows))
            out.payload(MessageMeta(frame.assign(is_anomaly=item.flagged, threshold=threshold)))
        write(out, THRESHOLD, float(item.threshold))
        return out
