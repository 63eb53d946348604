"""Stages: the pipeline stages for NVIDIA Morpheus; needs Morpheus to be importable."""

from morpheus_gae.stages.build_graph import BuildGraphStage
from morpheus_gae.stages.flag_anomalies import FlagAnomaliesStage
from morpheus_gae.stages.from_netflow import FromNetflowStage
from morpheus_gae.stages.infer_gae import InferGaeStage
from morpheus_gae.stages.to_alerts import ToAlertsStage

__all__ = ["BuildGraphStage", "FlagAnomaliesStage", "FromNetflowStage", "InferGaeStage", "ToAlertsStage"]
