"""Learning: evaluates a model with online learning (``run --learn``).

Prequential: each window is scored with what was learnt from earlier windows, and learnt afterwards. Flagged
flows are not learnt, so each alert budget needs a separate run. The learner is the engine's, and passed in,
since this room must not import the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.learner import WINDOW, WINDOW_LEAST, WINDOW_SECONDS
from morpheus_gae.errors import UsageError
from morpheus_gae.evaluate.detectors import LEARNING, Detector, Setting, open_model
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.windows import windows

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor, Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph

Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
Take = Callable[["WindowGraph", "npt.NDArray[np.int64] | None"], "tuple[Scores, np.float32]"]
Learns = Callable[["Executor", float], Take]
"""From a model and an alert rate to what takes one window after the other: scores, and their threshold."""

TOLD = "0.01"
"""Budget of the run whose surprises stand for the ranking."""


def learning(folder: str | Path, setting: Setting, learns: Learns | None) -> Detector:
    """A trained model as it learns from the stream.

    Raises
    ------
    UsageError
        If nobody handed in how to learn, or the model has no memory.
    ArtifactError
        If there is no model in the folder.
    """
    if learns is None:
        raise UsageError(f"{LEARNING} is a row of evaluate --suite")
    from morpheus_gae.executors.open import open_executor

    executor = open_executor(folder, setting.executor)
    model = open_model(folder, setting)
    # refused before anything is scored
    learns(executor, float(TOLD))
    budgets = tuple(model.thresholds)
    size = min(setting.graph_size, WINDOW)
    return replace(
        model, name=LEARNING, supported=budgets, follow=partial(_follow, executor, learns, budgets, size)
    )


def _follow(
    executor: Executor, learns: Learns, budgets: tuple[str, ...], size: int, flows: Flows
) -> tuple[F64, dict[str, Bool]]:
    """Surprise of each flow, and what is flagged at each budget."""
    spec = executor.artifact.spec
    graphs = [
        (
            build_graph(
                w,
                octets=spec.octets,
                tolerance=spec.tolerance,
                max_sweeps=spec.max_sweeps,
                enriched=spec.enriched,
            ),
            w.time_ms,
        )
        for w in windows([flows], size, WINDOW_SECONDS, WINDOW_LEAST)
    ]
    told: dict[str, F64] = {}
    flagged: dict[str, Bool] = {}
    for budget in budgets:
        take = learns(executor, float(budget))
        scored = [take(graph, times) for graph, times in graphs]
        told[budget] = np.concatenate([np.zeros(0), *(s.surprise for s, _ in scored)])
        hits = (s.surprise >= limit for s, limit in scored)
        flagged[budget] = np.concatenate([np.zeros(0, np.bool_), *hits])
    return told[TOLD if TOLD in told else budgets[0]], flagged
