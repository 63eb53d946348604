"""Detectors: models and comparators, trained on the same benign flows, with thresholds from the same rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from morpheus_gae.evaluate.comparators import make
from morpheus_gae.evaluate.score import score_flows
from morpheus_gae.flows.frame import Flows

Real = npt.NDArray[np.floating]
VALIDATION = 0.25
"""Share of the training flows, the last ones, that thresholds come from."""


@dataclass(frozen=True)
class Detector:
    """Something that scores flows and knows its thresholds.

    Attributes
    ----------
    name
        In tables.
    score
        Flows -> float [E], higher is stranger.
    thresholds
        Threshold on that for each alert budget.
    supported
        Budgets with at least 10 benign validation flows above the threshold.
    """

    name: str
    score: Callable[[Flows], Real]
    thresholds: dict[str, float]
    supported: tuple[str, ...]


def train_preset(
    preset: str,
    flows: Flows,
    folder: Path,
    *,
    seed: int,
    epochs: int | None,
    graph_size: int,
    executor: str = "cpu",
    progress: bool = False,
) -> Detector:
    """Train a model on benign flows, in the order given; its artifact goes to ``folder``.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    InputError
        If there are too few flows.
    """
    from morpheus_gae.executors.base import open_executor
    from morpheus_gae.train.train import TrainOptions, train_model

    artifact = train_model(
        unlabelled(flows),
        folder,
        preset=preset,
        seed=seed,
        epochs=epochs,
        options=TrainOptions(graph_size=graph_size, validation=VALIDATION),
        progress=progress,
    )
    runs = open_executor(folder, executor)
    return Detector(
        preset,
        lambda stream: score_flows(stream, runs, graph_size),
        artifact.thresholds,
        artifact.supported_budgets,
    )


def fit_comparator(name: str, flows: Flows, seed: int) -> Detector:
    """Fit a comparator on three quarters of benign flows; thresholds from the rest, by the model's rule."""
    from morpheus_gae.train.calibrate import thresholds

    flows = unlabelled(flows)
    kept = len(flows) - max(int(len(flows) * VALIDATION), 1)
    held_back = flows.slice(kept, len(flows))
    comparator = make(name, seed)
    comparator.fit(flows.slice(0, kept))
    limits = thresholds(comparator.score(held_back))
    supported = tuple(b for b in limits if len(held_back) * float(b) >= 10)
    return Detector(name, comparator.score, limits, supported)


def unlabelled(flows: Flows) -> Flows:
    """The same flows without the columns that training has no use for, labels above all."""
    import pyarrow as pa

    return replace(flows, table=pa.table({"row": flows.rows}))
