"""A small test double of NVIDIA Morpheus and its engine, to run our stages without Morpheus.

It mimics the observed behaviour of the engine, where that matters to a stage: every node has a thread, pinned
to one CPU; an error in ``on_completed`` is silently dropped; any other ends the run, and ``join`` is still
awaited; a stopped source ends at its next value, which is lost. It has no queues and no stock stages.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from morpheus_gae.testing import messages


class StageBase:
    """What stages and sources have in common."""

    def __init__(self, config: messages.Config) -> None:
        self._config = config
        self._pipeline: Pipeline | None = None
        self.befores: list[StageBase] = []
        self.afters: list[StageBase] = []

    @property
    def unique_name(self) -> str:
        """Name of the node."""
        return f"{self.name}-{id(self)}"  # type: ignore[attr-defined]

    def get_all_input_stages(self) -> list[StageBase]:
        """Stages right before this one."""
        return self.befores

    def get_all_output_stages(self) -> list[StageBase]:
        """Stages right after this one."""
        return self.afters

    async def start_async(self) -> None:
        """Awaited before the nodes start."""

    def stop(self) -> None:
        """Called when the pipeline is stopped."""

    async def join(self) -> None:
        """Awaited at the end, after an error too."""


class SinglePortStage(StageBase):
    """One way in, one way out."""


class SingleOutputSource(StageBase):
    """A source."""


class PreallocatorMixin:
    """Marks stages behind which stock ones get the columns they will fill; the double has no stock stages."""


class GpuAndCpuMixin:
    """Both execution modes; the double has the CPU one only."""

    def get_df_pkg(self) -> ModuleType:
        """The data frame package."""
        return __import__("pandas")


class Node:
    """A node: operators in a row, in a thread of its own that is pinned to one CPU."""

    def __init__(self, operators: tuple[tuple[str, Any], ...]) -> None:
        self.operators = operators
        self.targets: list[Node] = []
        self.open_inputs = 0
        self.launch_options = SimpleNamespace(pe_count=0, engines_per_pe=0)
        self._thread = ThreadPoolExecutor(1, initializer=pin)

    def call(self, function: Callable[..., Any], *given: Any) -> Any:
        """Call in the node's thread."""
        return self._thread.submit(function, *given).result()

    def push(self, value: Any) -> None:
        """Take a value and send on what follows from it."""
        for out in self.call(self._through, self.operators, [value]):
            for target in self.targets:
                target.push(out)

    def complete(self) -> None:
        """End of one input; what the last one gives is sent on, then the end."""
        self.open_inputs -= 1
        if self.open_inputs > 0:
            return
        for i, (kind, function) in enumerate(self.operators):
            if kind != "on_completed":
                continue
            try:
                value = self.call(function)
            except Exception:
                continue
            given = [] if value is None else self.call(self._through, self.operators[i + 1 :], [value])
            for out in given:
                for target in self.targets:
                    target.push(out)
        for target in self.targets:
            target.complete()

    @staticmethod
    def _through(operators: tuple[tuple[str, Any], ...], values: list[Any]) -> list[Any]:
        for kind, function in operators:
            if kind == "map":
                values = [function(value) for value in values]
            elif kind == "flatten":
                values = [part for value in values for part in value]
            elif kind == "filter":
                values = [value for value in values if function(value)]
        return values


def pin() -> None:
    """Pin this thread to one CPU, as the engine does."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Builder:
    """Makes nodes."""

    def make_source(self, name: str, function: Any) -> Node:
        """Node of a source."""
        return Node((("source", function),))

    def make_node(self, name: str, *operators: tuple[str, Any]) -> Node:
        """Node of operators."""
        return Node(operators)

    def make_edge(self, start: Node, end: Node) -> None:
        """Connect two nodes."""
        start.targets.append(end)
        end.open_inputs += 1


class Pipeline:
    """Stages and the edges between them.

    Parameters
    ----------
    config
        Frozen by the real one.
    """

    def __init__(self, config: messages.Config) -> None:
        self.stages: list[Any] = []
        self.state = SimpleNamespace(name="STARTED")
        self._stopped = False

    def add_stage(self, stage: Any) -> Any:
        """Add a stage without an edge."""
        stage._pipeline = self
        self.stages.append(stage)
        return stage

    def add_edge(self, start: Any, end: Any) -> None:
        """Connect two stages."""
        start.afters.append(end)
        end.befores.append(start)

    def stop(self) -> None:
        """Stop the sources; what they sent is still worked on."""
        for stage in self.stages:
            stage.stop()
        self._stopped = True

    def run(self) -> None:
        """Build everything and run to the end."""
        for stage in self.stages:
            stage.compute_schema(SimpleNamespace(output_schema=SimpleNamespace(set_type=lambda kind: None)))
        builder, nodes = Builder(), {}
        for stage in self.stages:
            if isinstance(stage, SingleOutputSource):
                nodes[stage] = stage._build_source(builder)  # type: ignore[attr-defined]
            else:
                first, *others = stage.befores
                nodes[stage] = stage._build_single(builder, nodes[first])
                for other in others:
                    builder.make_edge(nodes[other], nodes[stage])
        asyncio.run(self._run([node for s, node in nodes.items() if isinstance(s, SingleOutputSource)]))

    async def _run(self, sources: list[Node]) -> None:
        for stage in self.stages:
            await stage.start_async()
        try:
            for node in sources:
                await asyncio.to_thread(self._drain, node)
        finally:
            # an error in one join keeps the others from being awaited, as it does in the real one
            for stage in self.stages:
                await stage.join()

    def _drain(self, node: Node) -> None:
        subscription = SimpleNamespace(is_subscribed=lambda: not self._stopped)
        values: Iterator[Any] = node.operators[0][1](subscription)
        nothing = object()
        while (value := node.call(next, values, nothing)) is not nothing and not self._stopped:
            for target in node.targets:
                target.push(value)
        for target in node.targets:
            target.complete()


class LinearPipeline(Pipeline):
    """Stages in a row."""

    def set_source(self, source: Any) -> Any:
        """Add the source."""
        return super().add_stage(source)

    def add_stage(self, stage: Any) -> Any:
        """Add a stage after the one that was added last."""
        self.add_edge(self.stages[-1], stage)
        return super().add_stage(stage)


def _module(name: str, **names: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(names)
    return module


@contextmanager
def installed() -> Iterator[None]:
    """``morpheus`` and ``mrc`` are this double while this lasts; our stages are imported anew in it."""
    modules = {module.__name__: module for module in _modules()}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n in modules or n.startswith("morpheus_gae.stages")]:
            del sys.modules[name]


def _modules() -> tuple[ModuleType, ...]:
    operators = _module(
        "mrc.core.operators",
        map=lambda function: ("map", function),
        filter=lambda function: ("filter", function),
        flatten=lambda: ("flatten", None),
        on_completed=lambda function: ("on_completed", function),
    )
    named = {name: getattr(messages, name) for name in ("ControlMessage", "MessageMeta", "TensorMemory")}
    settings = {name: getattr(messages, name) for name in ("Config", "ExecutionMode", "PipelineModes")}
    return (
        _module("mrc", Builder=Builder, SegmentObject=Node, Subscription=object, IS_DOUBLE=True),
        _module("mrc.core", operators=operators),
        operators,
        _module("morpheus"),
        _module("morpheus.cli"),
        _module("morpheus.cli.register_stage", register_stage=messages.register_stage),
        _module("morpheus.config", **settings),
        _module("morpheus.messages", **named),
        _module("morpheus.pipeline", LinearPipeline=LinearPipeline, Pipeline=Pipeline),
        _module("morpheus.pipeline.execution_mode_mixins", GpuAndCpuMixin=GpuAndCpuMixin),
        _module("morpheus.pipeline.preallocator_mixin", PreallocatorMixin=PreallocatorMixin),
        _module("morpheus.pipeline.single_output_source", SingleOutputSource=SingleOutputSource),
        _module("morpheus.pipeline.single_port_stage", SinglePortStage=SinglePortStage),
    )
