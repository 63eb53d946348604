"""Study: compares detectors on one set, over streams and seeds; a short form of ``suite``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.baselines.comparators import COMPARATORS
from morpheus_gae.evaluate.data.split import split_benign
from morpheus_gae.evaluate.data.streams import stream
from morpheus_gae.evaluate.detectors import Detector, Setting, fit_comparator, model_folder, train_preset
from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.evaluate.metrics import figures
from morpheus_gae.evaluate.summary import of_stream
from morpheus_gae.flows.frame import Flows


@dataclass(frozen=True)
class Plan:
    """What to compare.

    Attributes
    ----------
    split
        How benign flows are divided, see ``split_benign``.
    streams, presets, comparators
        Names; comparators of ``COMPARATORS``.
    seeds
        Number of runs.
    epochs
        Of training; None: the trainer's own.
    graph_size
        Flows of a window.
    executor
        That scores.
    """

    split: str = "temporal"
    streams: tuple[str, ...] = ("burst20", "camo")
    presets: tuple[str, ...] = ("default",)
    comparators: tuple[str, ...] = tuple(COMPARATORS)
    seeds: int = 3
    epochs: int | None = None
    graph_size: int = 200_000
    executor: str = "cpu"

    @property
    def steps(self) -> int:
        """Detectors that will be fitted, over all seeds."""
        return self.seeds * (len(self.presets) + len(self.comparators))


def study(
    flows: Flows,
    plan: Plan,
    *,
    keep: Path | None = None,
    step: Callable[[str], object] = lambda name: None,
) -> dict[str, Any]:
    """Run a plan.

    Parameters
    ----------
    flows
        Labelled, in file order, ``rows`` rising; unlabelled ones are left out.
    keep
        Folder the models are kept in, as ``preset-seed``; None keeps none.
    step
        Called before each detector of each seed, with its name.

    Returns
    -------
    dict
        ``split``, ``seeds``, ``train_flows``; ``streams``: for each stream ``flows``, ``attacks``,
        ``prevalence`` and ``detectors``: for each detector its summarised figures, ``{mean, sd}`` (sd is
        None for one seed), see ``summary.summary``; ``runs``: every single figure.

    Raises
    ------
    InputError
        If attacks or benign flows are missing.
    """
    labels = labels_of(flows.table)
    benign = flows.take(labels.labelled & ~labels.attack)
    attacks = flows.take(labels.labelled & labels.attack)
    if not (len(benign) and len(attacks)):
        raise InputError(
            f"a study needs benign flows and attacks; found {len(benign):,} and {len(attacks):,} "
            f"among {len(flows):,} flows"
        )
    runs: list[dict[str, Any]] = []
    with model_folder(keep) as folder:
        for seed in range(plan.seeds):
            train, test = split_benign(benign, plan.split, seed)
            tests = {name: stream(name, test, attacks, seed, donors=train) for name in plan.streams}
            truth = {name: labels_of(s.table) for name, s in tests.items()}
            for detector in _detectors(train, plan, seed, folder, step):
                for name, flows_of in tests.items():
                    found = figures(
                        truth[name],
                        detector.score(flows_of),
                        detector.thresholds,
                        supported=detector.supported,
                    )
                    runs.append({"seed": seed, "stream": name, "detector": detector.name, **found})
    return {
        "split": plan.split,
        "seeds": plan.seeds,
        "train_flows": len(train),
        "streams": {name: of_stream([r for r in runs if r["stream"] == name]) for name in plan.streams},
        "runs": runs,
    }


def _detectors(
    train: Flows, plan: Plan, seed: int, folder: Path, step: Callable[[str], object]
) -> Iterator[Detector]:
    for preset in plan.presets:
        step(preset)
        yield train_preset(
            preset,
            train,
            folder / f"{preset}-{seed}",
            Setting(seed, plan.epochs, plan.graph_size, plan.executor),
        )
    for name in plan.comparators:
        step(name)
        yield fit_comparator(name, train, seed)
