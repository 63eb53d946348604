"""The usual pipeline on NVIDIA Morpheus, from Python: stages in a row, our alerts and a stock sink.

Usage: python pipelines/morpheus_linear.py flows.csv alerts.jsonl scored.csv [MODEL]

Needs NVIDIA Morpheus 25.06. It runs on the CPU; take the line with ExecutionMode.CPU out for a GPU.
"""

from __future__ import annotations

import sys

from morpheus.config import Config, ExecutionMode, PipelineModes
from morpheus.pipeline import LinearPipeline
from morpheus.stages.output.write_to_file_stage import WriteToFileStage
from morpheus.stages.postprocess.serialize_stage import SerializeStage

from morpheus_gae.stages import (
    BuildGraphStage,
    FlagAnomaliesStage,
    FromNetflowStage,
    InferGaeStage,
    ToAlertsStage,
)


def main(flows: str, alerts: str, scored: str, model: str = "models/default") -> None:
    """Write the alerts to one file and all scored flows to another."""
    config = Config()
    config.execution_mode = ExecutionMode.CPU
    config.mode = PipelineModes.OTHER
    # windows are big: the default of 128 of them on every edge would not fit into memory
    config.edge_buffer_size = 4
    pipeline = LinearPipeline(config)
    pipeline.set_source(FromNetflowStage(config, [flows]))
    pipeline.add_stage(BuildGraphStage(config, graph_size=200_000))
    pipeline.add_stage(InferGaeStage(config, model))
    pipeline.add_stage(FlagAnomaliesStage(config, alert_rate=0.001))
    pipeline.add_stage(ToAlertsStage(config, alerts))
    pipeline.add_stage(SerializeStage(config))
    pipeline.add_stage(WriteToFileStage(config, scored, overwrite=True))
    pipeline.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
