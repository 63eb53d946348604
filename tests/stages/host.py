"""Stages for tests, and short names; to be imported through the fixture ``host`` only."""

# No "from __future__ import annotations": the host reads annotations.

from typing import Any

import mrc
from morpheus.config import Config, ExecutionMode, PipelineModes
from morpheus.messages import ControlMessage, MessageMeta
from morpheus.pipeline import LinearPipeline, Pipeline
from morpheus.pipeline.execution_mode_mixins import GpuAndCpuMixin
from morpheus.pipeline.single_output_source import SingleOutputSource
from morpheus.pipeline.single_port_stage import SinglePortStage
from mrc.core import operators as ops

from morpheus_gae import stages
from morpheus_gae.stages.shared import run_of

REAL = not getattr(mrc, "IS_DOUBLE", False)

__all__ = ["REAL", "Pipeline", "run_of", "stages"]


def config(**settings: Any) -> Config:
    out = Config()
    out.execution_mode = ExecutionMode.CPU
    out.mode = PipelineModes.OTHER
    out.num_threads = 1
    out.edge_buffer_size = 4
    for name, value in settings.items():
        setattr(out, name, value)
    return out


def linear(c: Config, *parts: Any) -> LinearPipeline:
    pipeline = LinearPipeline(c)
    pipeline.set_source(parts[0])
    for part in parts[1:]:
        pipeline.add_stage(part)
    return pipeline


class Frames(GpuAndCpuMixin, SingleOutputSource):
    """A stock source: gives frames as they are; what is no frame is given as it is."""

    def __init__(self, c: Config, frames: list, control: bool = False):
        super().__init__(c)
        self._frames = frames
        self._control = control

    @property
    def name(self) -> str:
        return "frames"

    def supports_cpp_node(self) -> bool:
        return False

    def compute_schema(self, schema: Any) -> None:
        schema.output_schema.set_type(ControlMessage if self._control else MessageMeta)

    def _build_source(self, builder: mrc.Builder) -> mrc.SegmentObject:
        return builder.make_source(self.unique_name, self._messages)

    def _messages(self, subscription: mrc.Subscription) -> Any:
        for frame in self._frames:
            if not hasattr(frame, "columns"):
                yield frame
                continue
            meta = MessageMeta(frame)
            message = ControlMessage()
            message.payload(meta)
            yield message if self._control else meta


class Apply(GpuAndCpuMixin, SinglePortStage):
    """Calls a function on every message and passes on what it returns."""

    def __init__(self, c: Config, function: Any):
        super().__init__(c)
        self.seen: list[Any] = []
        self._function = function

    @property
    def name(self) -> str:
        return "apply"

    def accepted_types(self) -> tuple:
        return (ControlMessage, MessageMeta)

    def supports_cpp_node(self) -> bool:
        return False

    def compute_schema(self, schema: Any) -> None:
        schema.output_schema.set_type(ControlMessage)

    def _build_single(self, builder: mrc.Builder, input_node: mrc.SegmentObject) -> mrc.SegmentObject:
        node = builder.make_node(self.unique_name, ops.map(self._on_next))
        builder.make_edge(input_node, node)
        return node

    def _on_next(self, message: Any) -> Any:
        self.seen.append(message)
        return self._function(message)


class Collect(Apply):
    """Keeps every message."""

    def __init__(self, c: Config):
        super().__init__(c, lambda message: message)

    @property
    def name(self) -> str:
        return "collect"

    def frames(self) -> list[Any]:
        return [message.payload().copy_dataframe() for message in self.seen]


class Every(Apply):
    """Keeps every n-th row, as stock filter does: the tensors stay."""

    def __init__(self, c: Config, n: int):
        super().__init__(c, self._thin)
        self._n = n

    def _thin(self, message: Any) -> Any:
        message.payload(MessageMeta(message.payload().copy_dataframe().iloc[:: self._n]))
        return message
