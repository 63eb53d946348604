"""Study: detectors side by side, over streams and seeds; mean and standard deviation of every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory
from typing import Any

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.comparators import COMPARATORS
from morpheus_gae.evaluate.detectors import Detector, fit_comparator, train_preset
from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.evaluate.metrics import figures
from morpheus_gae.evaluate.split import split_benign
from morpheus_gae.evaluate.streams import stream
from morpheus_gae.flows.frame import Flows

BUDGETS = ("0.001", "0.01", "0.02")
SUMMARY = ("roc_auc", "average_precision", "macro_f1", "youden_tpr", "youden_fpr")


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
        None for one seed), see ``summary``; ``runs``: every single figure.

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
    with _folder(keep) as folder:
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
        "streams": {name: _of_stream([r for r in runs if r["stream"] == name]) for name in plan.streams},
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
            seed=seed,
            epochs=plan.epochs,
            graph_size=plan.graph_size,
            executor=plan.executor,
        )
    for name in plan.comparators:
        step(name)
        yield fit_comparator(name, train, seed)


def _of_stream(runs: list[dict[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(r["detector"] for r in runs))
    return {
        **{key: mean(r[key] for r in runs) for key in ("flows", "attacks", "prevalence")},
        "detectors": {name: summary([r for r in runs if r["detector"] == name]) for name in names},
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over seeds of one detector's figures.

    Returns
    -------
    dict
        ``roc_auc``, ``average_precision``, ``macro_f1``, ``youden_tpr``, ``youden_fpr``; ``budgets``: for
        each budget ``tpr``, ``fpr`` and ``precision``, None where a run had too few validation flows for
        that budget; ``per_attack``: ``flows`` (mean) and ``tpr`` at the 1 % budget, None likewise.
    """
    flat = [{**r, **{f"youden_{k}": (r["youden"] or {}).get(k) for k in ("tpr", "fpr")}} for r in runs]
    classes = list(dict.fromkeys(name for r in runs for name in r["per_attack"]))
    refused = not all(r["budgets"]["0.01"]["supported"] for r in runs)
    budgets: dict[str, Any] = {}
    for budget in BUDGETS:
        of = [r["budgets"][budget] for r in runs]
        budgets[budget] = (
            {key: _spread([b[key] for b in of]) for key in ("tpr", "fpr", "precision")}
            if all(b["supported"] for b in of)
            else None
        )
    per_attack = {}
    for name in classes:
        # a stream that samples the attacks may lack a rare class now and then
        of = [r["per_attack"][name] for r in runs if name in r["per_attack"]]
        per_attack[name] = {
            "flows": mean(c["flows"] for c in of),
            "tpr": None if refused else _spread([c["tpr"] for c in of]),
        }
    out = {key: _spread([r[key] for r in flat]) for key in SUMMARY}
    if refused:
        # it is taken at the 1 % budget
        out["macro_f1"] = None
    return {**out, "budgets": budgets, "per_attack": per_attack}


def _spread(values: list[float | None]) -> dict[str, float | None] | None:
    known = [v for v in values if v is not None]
    if not known:
        return None
    return {"mean": mean(known), "sd": stdev(known) if len(known) > 1 else None}


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)
