"""to-alerts as a Morpheus stage."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

from dataclasses import replace
from typing import Any

from morpheus.cli.register_stage import register_stage
from morpheus.config import Config

from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import _operator as make_operator
from morpheus_gae.engine.run.topics import open_topics
from morpheus_gae.engine.settings import STDOUT, Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.stages.base import GaeStage
from morpheus_gae.stages.columns import window_of
from morpheus_gae.stages.seen import SeenWindows
from morpheus_gae.stages.shared import say, upstream


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
        File (by its extension), - for NDJSON on stdout, kafka://host:port/topic, or the URL of a server.
    encoding : str
        Form of an alert: plain, ecs, ocsf, eve or cef; that which the output usually has, by default.
    output_format : str
        Kafka messages: ndjson (an alert each) or arrow (many in Arrow IPC).
    exactly_once : bool, is_flag = True
        Kafka to Kafka: alerts and the offsets they came from in one transaction.
    kafka_config : str
        File of options for the Kafka producer, if the source is not from-netflow.
    incidents : str
        Fold alerts into incidents and write these there: as output.
    incident_state : str
        With exactly_once: topic that keeps open incidents; that of incidents and .state by default.
    incidents_only : bool, is_flag = True
        Write incidents and no alerts.
    incident_encoding : str
        Form of an incident: plain, ecs, ocsf or eve; that of the alerts by default.
    incident_budget : float
        Leave out incidents that benign traffic shows more than so many a day of.
    incident_quiet : float
        Minutes without a flow after which an incident ends.
    policy : str
        File of rules: incidents that break one are told as policy breaks.
    refused : str
        Keep alerts that a server refuses there, and go on.
    retry_seconds : float
        How long a server may take no alerts before the run fails.
    """

    def __init__(
        self,
        config: Config,
        output: str = STDOUT,
        encoding: str = None,
        output_format: str = "ndjson",
        exactly_once: bool = False,
        kafka_config: str = None,
        incidents: str = None,
        incident_state: str = None,
        incidents_only: bool = False,
        incident_encoding: str = None,
        incident_budget: float = None,
        incident_quiet: float = 60.0,
        policy: str = None,
        refused: str = None,
        retry_seconds: float = 300.0,
    ):
        super().__init__(config)
        # together with the settings of from-netflow, when topics are opened
        self.told = {
            "output": output,
            "encoding": encoding,
            "output_format": output_format,
            "exactly_once": exactly_once,
            "kafka_config": kafka_config,
            "incidents": incidents,
            "incident_state": incident_state,
            "incidents_only": incidents_only,
            "incident_encoding": incident_encoding,
            "incident_budget": incident_budget,
            "incident_quiet": incident_quiet,
            "policy": policy,
            "refused": refused,
            "retry_seconds": retry_seconds,
        }
        self.settings = Settings().overridden(self.told)
        self._seen = SeenWindows()

    @property
    def name(self) -> str:
        """Name on the command line."""
        return "to-alerts"

    def _open(self) -> Operator:
        self._before("flag-anomalies")
        executor = self._before("infer-gae").executor
        run = self.shared
        if upstream(self, "from-netflow") is None:
            run.topics = run.topics or open_topics(self.settings, USUAL, run.metrics, say)
        return make_operator(
            *("to-alerts", self.settings, run.metrics, executor, say),
            topics=run.topics,
            suppression=run.suppression,
        )

    def _take(self, message: Any) -> Window:
        window = window_of(message)
        return window if self.settings.incidents is None else replace(window, seen=self._seen.of(message))

    def _give(self, message: Any, item: Window) -> Any:
        return message
