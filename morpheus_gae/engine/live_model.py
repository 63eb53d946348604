"""Live model: a model as it is at work; what builds, scores and decides belongs together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from morpheus_gae.detect.threshold import Threshold
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph


@dataclass(frozen=True)
class LiveModel:
    """One model, with the way to build its graphs and the threshold that belongs to it.

    Attributes
    ----------
    executor
        Runs the model.
    build
        Builds one window's graph as the model's spec wants it.
    threshold
        Decides which flows are flagged; None in a pipeline without flag-anomalies.
    """

    executor: Executor
    build: Callable[[Flows], WindowGraph]
    threshold: Threshold | None = None

    @property
    def label(self) -> str:
        """``name@hash``, told in every alert."""
        return f"{self.executor.artifact.name}@{self.executor.artifact.hash}"


class Slot:
    """Holds the model that the next window takes along; a window keeps the one it was built with.

    Parameters
    ----------
    served
        The first one.
    """

    def __init__(self, live: LiveModel) -> None:
        # one attribute, so that a reader in another thread sees the old one or the new one, whole
        self.current = live

    def swap(self, live: LiveModel) -> None:
        """Give this one to the windows that are built from now on."""
        self.current = live
