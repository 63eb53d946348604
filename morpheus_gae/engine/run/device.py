"""Device: operators that cut and score windows on a GPU, without copies to the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, SupportsInt

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.stage import Operator
from morpheus_gae.executors.cuda.device import DeviceFlows, DeviceScores, fitting
from morpheus_gae.flows.readers.cudf_batch import DeviceFrame, concat_frames

if TYPE_CHECKING:
    from torch import Tensor

    from morpheus_gae.flows.frame import Position


class DeviceExecutor(Protocol):
    """Protocol: scores columns on a device."""

    def score_device(self, flows: DeviceFlows) -> DeviceScores:
        """Score every flow of one window."""
        ...

    def later(self, number: Tensor) -> SupportsInt:
        """Start copying a number of a window's scores to the host."""
        ...


@dataclass(frozen=True)
class DeviceWindow:
    """A window on a device; its graph is built during scoring."""

    flows: DeviceFrame
    scores: DeviceScores | None = None
    origin: None = None

    @property
    def done(self) -> tuple[Position, ...]:
        """Positions reached by the window."""
        return self.flows.done


class CutOnDevice(Operator):
    """Cuts windows by number of flows.

    Parameters
    ----------
    graph_size
        Flows in a window.
    package
        ``cudf``.
    """

    name = "build-graph"

    def __init__(self, graph_size: int, package: Any) -> None:
        self._size, self._package = graph_size, package
        self._parts: list[DeviceFrame] = []
        self._held = 0

    def process(self, item: DeviceFrame) -> Iterator[DeviceWindow]:
        """Add flows; yield the completed windows."""
        at = 0
        while at < len(item):
            stop = min(len(item), at + self._size - self._held)
            self._parts.append(item.slice(at, stop))
            self._held += stop - at
            at = stop
            if self._held == self._size:
                yield from self.finish()

    def finish(self) -> Iterator[DeviceWindow]:
        """Yield the last, shorter window."""
        parts, self._parts, self._held = self._parts, [], 0
        if parts:
            yield DeviceWindow(concat_frames(parts, self._package))


class InferOnDevice(Operator):
    """Scores every flow of each window.

    Parameters
    ----------
    executor
        Runs the model.
    metrics
        Counts flows, windows and unseen hosts.
    """

    name = "infer-gae"

    def __init__(self, executor: DeviceExecutor, metrics: Metrics) -> None:
        self._executor, self._metrics = executor, metrics
        self._unseen: SupportsInt | None = None

    def process(self, item: DeviceWindow) -> Iterator[DeviceWindow]:
        """Add scores to the window."""
        with fitting(len(item.flows)):
            scores = self._executor.score_device(DeviceFlows(*item.flows.columns))
        self._metrics.add(flows=len(item.flows), windows=1)
        # the one number copied to the host is read a window later, to avoid waiting for the scores
        before, self._unseen = self._unseen, self._executor.later(scores.unseen_hosts)
        self._count(before)
        yield DeviceWindow(item.flows, scores)

    def finish(self) -> tuple[()]:
        """Count the last window's unseen hosts."""
        before, self._unseen = self._unseen, None
        self._count(before)
        return ()

    def _count(self, unseen: SupportsInt | None) -> None:
        if unseen is not None:
            self._metrics.add(unseen_hosts=int(unseen))
