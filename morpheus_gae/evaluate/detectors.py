"""Detectors: models, comparators and baselines, trained on the same flows, thresholds by the same rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import UsageError
from morpheus_gae.evaluate.baselines.comparators import COMPARATORS, Comparator
from morpheus_gae.evaluate.baselines.published import BASELINES
from morpheus_gae.evaluate.score import score_flows
from morpheus_gae.flows.exporters.enriched import kept
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.spec import PRESETS, ModelSpec, enriched
from morpheus_gae.model.spec import preset as preset_of

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact
    from morpheus_gae.train.weights import Weights

Real = npt.NDArray[np.floating]
VALIDATION = 0.25
"""Share of the training flows, the last ones, used for the thresholds of comparators."""
LEARNING = "learning"
"""The default model with online learning (`evaluate.studies.learning`)."""
ADAPTIVE = "adaptive"
"""The default model with an adaptive threshold (`evaluate.studies.adaptive`)."""
ENRICHED = "enriched"
"""The default model with enriched columns (`train --features enriched`)."""
RULES = ("unseen host", "unseen pair", "attribute histogram")
"""Trivial rules, included in every table as a baseline."""


@dataclass(frozen=True)
class Detector:
    """A fitted detector with its thresholds.

    Attributes
    ----------
    name
        In tables.
    score
        Flows -> float [E], higher is more anomalous.
    thresholds
        Threshold on that for each alert budget.
    supported
        Budgets with at least 10 benign validation flows above the threshold.
    own
        Published threshold of the detector, if any.
    follow
        For adaptive detectors: scores, and flagged flows at each budget.
    artifact
        Of a model.
    """

    name: str
    score: Callable[[Flows], Real]
    thresholds: dict[str, float]
    supported: tuple[str, ...]
    own: float | None = None
    follow: Callable[[Flows], tuple[Real, dict[str, npt.NDArray[np.bool_]]]] | None = None
    artifact: Artifact | None = None


@dataclass(frozen=True)
class Setting:
    """How detectors are trained and run.

    Attributes
    ----------
    seed
        Of everything random in training.
    epochs
        Of a model; None: the trainer's own.
    graph_size
        Flows of a window.
    executor
        That scores.
    """

    seed: int = 0
    epochs: int | None = None
    graph_size: int = 200_000
    executor: str = "cpu"


def known() -> tuple[str, ...]:
    """Return the names of all detectors: our models, comparators, then baselines."""
    return (*PRESETS, ENRICHED, LEARNING, ADAPTIVE, *COMPARATORS, *BASELINES)


def named(text: str) -> str:
    """Return a detector's canonical name, from any spelling (``unseen_host``).

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    for name in known():
        if _plain(name) == _plain(text):
            return name
    listed = ", ".join(_plain(name) for name in known())
    raise UsageError(f"unknown detector {text!r}: choose of {listed}")


def fit(name: str, flows: Flows, folder: Path, setting: Setting) -> Detector:
    """Train the detector of that name on flows, in the order given; a model's artifact goes to ``folder``.

    Raises
    ------
    MissingExtraError
        If it needs a library that is not installed.
    InputError
        If there are too few flows.
    """
    if name in COMPARATORS or name in BASELINES:
        return fit_comparator(name, flows, setting.seed)
    return train_preset(name, flows, folder, setting)


def train_preset(
    preset: str,
    flows: Flows,
    folder: Path,
    setting: Setting,
    spec: ModelSpec | None = None,
    weights: Weights | None = None,
) -> Detector:
    """Train a model as the ``train`` command does, with its options left as they are.

    Parameters
    ----------
    preset
        Its name in tables.
    flows, folder, setting
        See ``fit``.
    spec
        Its parts; None: those of the name.
    weights
        Of models that were trained on the same flows before.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    InputError
        If there are too few flows.
    """
    from morpheus_gae.train.options import TrainOptions
    from morpheus_gae.train.train import train_model

    train_model(
        unlabelled(flows),
        folder,
        spec=spec or spec_of(preset),
        epochs=setting.epochs,
        options=TrainOptions(seed=setting.seed, graph_size=setting.graph_size),
        weights=weights,
    )
    return replace(open_model(folder, setting), name=preset)


def spec_of(name: str) -> ModelSpec:
    """Return the spec of a model name: a preset, or the default's with enriched features."""
    if name == ENRICHED:
        return enriched(preset_of("default"))
    return preset_of(name)


def open_model(folder: str | Path, setting: Setting) -> Detector:
    """Open a trained model.

    Raises
    ------
    ArtifactError
        If there is none in the folder.
    """
    from morpheus_gae.executors.open import open_executor

    runs = open_executor(folder, setting.executor)
    artifact = runs.artifact
    return Detector(
        artifact.name,
        lambda stream: score_flows(stream, runs, setting.graph_size),
        artifact.thresholds,
        tuple(artifact.supported_budgets),
        artifact=artifact,
    )


def fit_comparator(name: str, flows: Flows, seed: int) -> Detector:
    """Fit a comparator or baseline on three quarters of the flows; thresholds come from the rest."""
    from morpheus_gae.train.calibrate import thresholds

    flows = unlabelled(flows)
    kept = len(flows) - max(int(len(flows) * VALIDATION), 1)
    held_back = flows.slice(kept, len(flows))
    comparator = make(name, seed)
    comparator.fit(flows.slice(0, kept))
    limits = thresholds(comparator.score(held_back))
    supported = tuple(b for b in limits if len(held_back) * float(b) >= 10)
    return Detector(name, comparator.score, limits, supported, getattr(comparator, "own", None))


def make(name: str, seed: int) -> Comparator:
    """Create an unfitted comparator or baseline by name.

    Raises
    ------
    MissingExtraError
        If it needs a library that is not installed.
    """
    return {**COMPARATORS, **BASELINES}[name](seed)


def unlabelled(flows: Flows) -> Flows:
    """Return the flows without columns unused in training, labels in particular."""
    return replace(flows, table=kept(flows.table))


def _plain(name: str) -> str:
    return "_".join(re.findall(r"[a-z0-9.]+", name.lower()))


@contextmanager
def model_folder(keep: Path | None) -> Iterator[Path]:
    """Provide the folder of trained models: ``keep``, created if necessary, or a temporary one."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)
