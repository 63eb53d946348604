"""GaeStage: base of all stages except the source; wraps an operator of the embedded engine."""

# mypy: implicit-optional
# No "from __future__ import annotations": the host reads the annotations of stages when it registers them.

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import mrc
from morpheus.config import Config
from morpheus.messages import ControlMessage
from morpheus.pipeline.execution_mode_mixins import GpuAndCpuMixin
from morpheus.pipeline.single_port_stage import SinglePortStage
from mrc.core import operators as ops

from morpheus_gae.engine.stage import Operator
from morpheus_gae.errors import UsageError
from morpheus_gae.stages.shared import Run, end, run_of, upstream


class GaeStage(GpuAndCpuMixin, SinglePortStage):
    """Runs an operator on every message.

    Parameters
    ----------
    config : `morpheus.config.Config`
        Pipeline configuration.
    """

    def __init__(self, config: Config):
        super().__init__(config)
        # the engine pins node threads to one CPU each; the main thread may use all
        self._cpus = os.sched_getaffinity(0)
        self._unpinned: set[int] = set()
        self._operator = Operator()
        self._error: Exception | None = None

    def accepted_types(self) -> tuple[type, ...]:
        """Message types accepted by this stage."""
        return (ControlMessage,)

    def supports_cpp_node(self) -> bool:
        """Return False: there is no C++ node."""
        return False

    def compute_schema(self, schema: Any) -> None:
        """Set the output type, and open resources.

        The host calls this on the main thread before the run, so that a missing model or an unwritable output
        is a clear error instead of one from inside the engine.
        """
        schema.output_schema.set_type(ControlMessage)
        self._operator = self._open()
        self.shared.opened.append(self._operator)

    @property
    def shared(self) -> Run:
        """State shared by all our stages of this pipeline."""
        return run_of(self._pipeline)

    def _open(self) -> Operator:
        raise NotImplementedError

    def _take(self, message: Any) -> Any:
        """Extract the operator's item from a message; None if there is none."""
        raise NotImplementedError

    def _give(self, message: Any, item: Any) -> Any:
        """Build the message of an item from the operator; ``message`` is None at the end of the stream."""
        raise NotImplementedError

    def _before(self, name: str) -> Any:
        """Return the nearest earlier stage of a name; it must exist."""
        found = upstream(self, name)
        if found is None:
            raise UsageError(f"stage {self.name} needs {name} somewhere before it")
        return found

    def _build_single(self, builder: mrc.Builder, input_node: mrc.SegmentObject) -> mrc.SegmentObject:
        node = builder.make_node(
            self.unique_name,
            ops.map(self._on_next),
            ops.on_completed(self._on_completed),
            # an empty list emits nothing: None is never sent on
            ops.flatten(),
        )
        # more engines would shuffle the windows, and end the stream several times
        node.launch_options.pe_count = 1
        node.launch_options.engines_per_pe = 1
        builder.make_edge(input_node, node)
        return node

    def _on_next(self, message: Any) -> list[Any]:
        # after an error the node keeps running and drops its input: otherwise the node before it would wait
        # for space in the edge for ever
        if message is None or self._error is not None:
            return []
        return self._messages(message, lambda: self._items(message))

    def _items(self, message: Any) -> Iterator[Any]:
        item = self._take(message)
        if item is not None:
            yield from self._operator.process(item)
        now = time.monotonic()
        # a live source sends empty messages as ticks: the host has no clock
        while (deadline := self._operator.deadline()) is not None and deadline <= now:
            yield from self._operator.expire()

    def _on_completed(self) -> list[Any]:
        # after a failed stage, this looks like the end of the stream
        return [] if self.shared.error is not None else self._messages(None, self._operator.finish)

    def _messages(self, message: Any, give: Callable[[], Iterable[Any]]) -> list[Any]:
        try:
            self._unpin()
            return [self._give(message, item) for item in self._timed(give)]
        except Exception as error:
            # the engine silently drops errors at the end of a stream: join raises them
            self._error = error
            self.shared.fail(error)
            return []

    def _timed(self, give: Callable[[], Iterable[Any]]) -> Iterator[Any]:
        started = time.perf_counter()
        for item in give():
            self.shared.metrics.spent(self.name, time.perf_counter() - started)
            yield item
            started = time.perf_counter()
        self.shared.metrics.spent(self.name, time.perf_counter() - started)

    def _unpin(self) -> None:
        """Let this thread, and library threads started from it, use every CPU again."""
        thread = threading.get_ident()
        if thread not in self._unpinned:
            self._unpinned.add(thread)
            os.sched_setaffinity(0, self._cpus)

    async def start_async(self) -> None:
        """Prepare on the main thread, before the nodes start."""
        await super().start_async()
        self.shared.begin(self._pipeline)

    async def join(self) -> None:
        """Close everything; raise errors that the engine would drop."""
        await super().join()
        end(self.shared, self._error)
