"""Two sources into one graph on NVIDIA Morpheus: hosts of two exporters are seen together.

Usage: python pipelines/morpheus_two_sources.py first.csv second.csv alerts.jsonl [MODEL]

Needs NVIDIA Morpheus 25.06. Windows hold flows of both files, in the order in which they happen to arrive.
"""

from __future__ import annotations

import sys
from itertools import pairwise

from morpheus.config import Config, ExecutionMode, PipelineModes
from morpheus.pipeline import Pipeline

from morpheus_gae.stages import (
    BuildGraphStage,
    FlagAnomaliesStage,
    FromNetflowStage,
    InferGaeStage,
    ToAlertsStage,
)


def main(first: str, second: str, alerts: str, model: str = "models/default") -> None:
    """Write the alerts of both."""
    config = Config()
    config.execution_mode = ExecutionMode.CPU
    config.mode = PipelineModes.OTHER
    config.edge_buffer_size = 4
    pipeline = Pipeline(config)
    # each with dead letters of its own: the default would be one file for both
    sources = [
        FromNetflowStage(config, [path], dead_letters=f"{alerts}.{number}.dead.ndjson")
        for number, path in enumerate((first, second), 1)
    ]
    stages = [
        BuildGraphStage(config, graph_size=200_000),
        InferGaeStage(config, model),
        FlagAnomaliesStage(config, alert_rate=0.001),
        ToAlertsStage(config, alerts),
    ]
    for stage in (*sources, *stages):
        pipeline.add_stage(stage)
    for source in sources:
        pipeline.add_edge(source, stages[0])
    for before, after in pairwise(stages):
        pipeline.add_edge(before, after)
    pipeline.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
