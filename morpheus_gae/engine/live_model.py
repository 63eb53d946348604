"""Live model: a loaded model with its graph builder and threshold, and the slot for hot reload."""

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
    """One loaded model, with its graph builder and its threshold.

    Attributes
    ----------
    executor
        Runs the model.
    build
        Builds one window's graph according to the model's spec.
    threshold
        Decides which flows are flagged; None in a pipeline without flag-anomalies.
    """

    executor: Executor
    build: Callable[[Flows], WindowGraph]
    threshold: Threshold | None = None

    @property
    def label(self) -> str:
        """``name@hash``, written in every alert."""
        return f"{self.executor.artifact.name}@{self.executor.artifact.hash}"


class Slot:
    """Holds the current model; each window keeps the one it was built with.

    Parameters
    ----------
    served
        The first one.
    """

    def __init__(self, live: LiveModel) -> None:
        # one attribute, so that other threads see either the old or the new model, atomically
        self.current = live

    def swap(self, live: LiveModel) -> None:
        """Use this model for all windows built from now on."""
        self.current = live
