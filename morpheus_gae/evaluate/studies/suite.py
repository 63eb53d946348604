"""Suite: runs all combinations of detectors, sets, protocols, streams and seeds, keeping every run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from morpheus_gae.errors import GaeError, InputError, MissingExtraError
from morpheus_gae.evaluate.detectors import (
    ADAPTIVE,
    LEARNING,
    RULES,
    Detector,
    Setting,
    fit,
    model_folder,
    open_model,
)
from morpheus_gae.evaluate.labels import Labels, labels_of
from morpheus_gae.evaluate.metrics import figures
from morpheus_gae.evaluate.studies.ablation import BASE, ablated, fits, variants
from morpheus_gae.evaluate.studies.adaptive import adaptive
from morpheus_gae.evaluate.studies.learning import Learns, learning
from morpheus_gae.evaluate.studies.over_time import Real, by_tenth
from morpheus_gae.evaluate.studies.protocols import Case, Protocol, Trial, case, other_network
from morpheus_gae.evaluate.studies.suite_summary import summarised
from morpheus_gae.flows.frame import Flows

WINDOWS = 100
"""Steps of an adaptive threshold over a stream, if that has enough flows."""
LEAST_WINDOW = 500


@dataclass(frozen=True)
class SuitePlan:
    """What is measured.

    Attributes
    ----------
    protocols
        See ``protocols``.
    detectors
        Names; the trivial rules are always added.
    streams
        Names of ``streams.STREAMS``.
    seeds
        Number of runs.
    epochs, graph_size, executor
        See ``detectors.Setting``.
    model
        Folder of a trained model, for ``cold``; None: models of the suite's other sets.
    learns
        How a model learns from a stream, for the detector ``learning``.
    ablation
        Also measure the default without each of its parts (``ablation``).
    """

    protocols: tuple[Protocol, ...]
    detectors: tuple[str, ...] = ("default",)
    streams: tuple[str, ...] = ("burst20", "camo")
    seeds: int = 3
    epochs: int | None = None
    graph_size: int = 200_000
    executor: str = "cpu"
    model: str | None = None
    learns: Learns | None = None
    ablation: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Detectors, with the rules; an ablation begins with the default."""
        first = (BASE,) if self.ablation else ()
        return tuple(dict.fromkeys((*first, *self.detectors, *RULES)))

    @property
    def each(self) -> int:
        """Detectors of every set, protocol and seed."""
        return len(self.names) + (len(variants()) if self.ablation else 0)

    def steps(self, sets: int) -> int:
        """Detectors that are fitted at most, over everything."""
        return sets * len(self.protocols) * self.seeds * self.each

    def setting(self, seed: int) -> Setting:
        """How detectors of one seed are trained."""
        return Setting(seed, self.epochs, self.graph_size, self.executor)


@dataclass
class Watch:
    """Who is told what happens.

    Attributes
    ----------
    step
        Before a detector is fitted: set, protocol, detector.
    skip
        So many detectors will not be fitted.
    failed
        One line about what could not be measured; the rest goes on.
    scored
        Each run of the first seed, with labels, surprise and thresholds, for plots.
    so_far
        After each set, what ``run_suite`` would give if it ended there: a suite may take hours.
    """

    step: Callable[[str], object] = lambda text: None
    skip: Callable[[int], object] = lambda steps: None
    failed: Callable[[str], object] = lambda text: None
    scored: Callable[[dict[str, Any], Labels, Real, Mapping[str, float]], object] = lambda *given: None
    so_far: Callable[[dict[str, Any]], object] = lambda found: None


@dataclass
class _Kept:
    """What was found so far."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def found(self, plan: SuitePlan) -> dict[str, Any]:
        """All of it, for tables and JSON."""
        apart = variants() if plan.ablation else {}
        told = ablated(self.runs) if plan.ablation else {}
        return {
            "protocols": [p.name for p in plan.protocols],
            "detectors": list(plan.names),
            "seeds": plan.seeds,
            "sets": self.sets,
            "results": summarised([r for r in self.runs if r["detector"] not in apart]),
            **({"ablation": told} if told else {}),
            "failures": self.failures,
            "runs": self.runs,
        }


def run_suite(
    sets: Mapping[str, Callable[[], Flows]],
    plan: SuitePlan,
    *,
    keep: Path | None = None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Run a plan.

    Parameters
    ----------
    sets
        How to read each set: labelled flows in file order, ``rows`` rising. One is in memory at a time (two
        for ``cold``).
    keep
        Folder the models are kept in, as ``set/protocol/seed/detector``; None keeps none.

    Returns
    -------
    dict
        ``protocols``, ``detectors``, ``seeds``, ``sets`` (``flows``, ``attacks``, ``prevalence``,
        ``classes``, ``hours`` of each), ``results`` (a summary of every set, protocol, stream and
        attackers, see ``suite_summary``), ``failures`` (``set``, ``protocol``, ``detector``, ``reason``),
        ``runs`` (every single run: ``metrics.figures``, and where it was); ``ablation``, if it was asked for
        and could be measured (see ``ablation.ablated``).
    """
    watch = watch or Watch()
    kept = _Kept()
    with model_folder(keep) as folder:
        for name in sets:
            _set(name, sets, plan, folder, watch, kept)
            watch.so_far(kept.found(plan))
    return kept.found(plan)


def _set(
    name: str,
    sets: Mapping[str, Callable[[], Flows]],
    plan: SuitePlan,
    folder: Path,
    watch: Watch,
    kept: _Kept,
) -> None:
    try:
        flows = sets[name]()
    except (GaeError, OSError) as error:
        _failed(watch, kept, name, None, None, error)
        watch.skip(plan.steps(1))
        return
    kept.sets[name] = about(flows)
    for protocol in plan.protocols:
        for seed in range(plan.seeds):
            where = folder / name / protocol.name / str(seed)
            try:
                other = None
                if protocol.base == "cold" and plan.model is None:
                    other_name, other = _other(name, sets, seed)
                asked = case(protocol, flows, plan.streams, seed, where, other)
                if other is not None:
                    asked.facts["trained_on"] = other_name
            except GaeError as error:
                # what a protocol cannot ask of a set it cannot ask with another seed
                _failed(watch, kept, name, protocol.name, None, error)
                watch.skip((plan.seeds - seed) * plan.each)
                break
            for detector in _detectors(name, protocol, asked, plan, seed, where, watch, kept):
                for trial in asked.trials:
                    run = {
                        "set": name,
                        "protocol": protocol.name,
                        "stream": trial.stream,
                        "attackers": trial.attackers,
                        "seed": seed,
                        "detector": detector.name,
                        **asked.facts,
                    }
                    kept.runs.append({**run, **_measured(trial, detector, protocol, plan, run, watch)})


def _detectors(
    name: str,
    protocol: Protocol,
    asked: Case,
    plan: SuitePlan,
    seed: int,
    where: Path,
    watch: Watch,
    kept: _Kept,
) -> Iterator[Detector]:
    setting = plan.setting(seed)
    if protocol.base == "cold" and plan.model is not None:
        watch.step(f"{name} {protocol.name} {plan.model}")
        watch.skip(plan.each - 1)
        yield open_model(plan.model, setting)
        if LEARNING in plan.names:
            yield learning(plan.model, setting, plan.learns)
        if ADAPTIVE in plan.names:
            yield adaptive(plan.model, setting)
        return
    for detector, make in _fits(asked, plan, setting, where):
        watch.step(f"{name} {protocol.name} {detector}")
        if detector in kept.missing:
            continue
        began = time.perf_counter()
        try:
            made = make()
        except MissingExtraError as error:
            kept.missing[detector] = str(error)
            _failed(watch, kept, None, None, detector, error)
            continue
        except GaeError as error:
            _failed(watch, kept, name, protocol.name, detector, error)
            continue
        asked.facts["seconds"] = round(time.perf_counter() - began, 2)
        yield made


def _fits(
    asked: Case, plan: SuitePlan, setting: Setting, where: Path
) -> Iterator[tuple[str, Callable[[], Detector]]]:
    """How each detector of one seed is fitted."""
    flows, fitted, begun = asked.train, set[str](), set[str]()

    def follower(detector: str) -> Detector:
        if BASE not in fitted | begun:
            fit(BASE, flows, where / BASE, setting)
            begun.add(BASE)
        if detector == ADAPTIVE:
            return adaptive(where / BASE, setting)
        return learning(where / BASE, setting, plan.learns)

    def plain(detector: str) -> Detector:
        made = fit(detector, flows, where / detector.replace(" ", "_"), setting)
        fitted.add(detector)
        return made

    if plan.ablation:
        yield from ((name, make) for name, make in fits(flows, where, setting))
        fitted.add(BASE)
    for detector in plan.names:
        if detector in (LEARNING, ADAPTIVE):
            yield detector, partial(follower, detector)
        elif detector not in fitted:
            yield detector, partial(plain, detector)


def _measured(
    trial: Trial, detector: Detector, protocol: Protocol, plan: SuitePlan, run: dict[str, Any], watch: Watch
) -> dict[str, Any]:
    surprise, decided = (
        (detector.score(trial.flows), None) if detector.follow is None else detector.follow(trial.flows)
    )
    found = figures(
        trial.labels, surprise, detector.thresholds, supported=detector.supported, decided=decided
    )
    if detector.own is not None:
        found["own"] = at_own(trial.labels, surprise, detector.own)
    if protocol.over_time:
        window = min(plan.graph_size, max(len(trial.flows) // WINDOWS, LEAST_WINDOW))
        found["over_time"] = by_tenth(
            trial.flows, trial.labels, surprise, detector.thresholds, window, decided, detector.artifact
        )
    if run["seed"] == 0:
        watch.scored(run, trial.labels, surprise, detector.thresholds)
    return found


def at_own(labels: Labels, surprise: Real, limit: float) -> dict[str, Any]:
    """``threshold``, ``tpr`` and ``fpr`` at a threshold by a detector's own rule."""
    flagged = surprise >= np.float32(limit)
    attack, benign = labels.attack & labels.labelled, ~labels.attack & labels.labelled
    share = {"tpr": attack, "fpr": benign}
    return {
        "threshold": limit,
        **{name: float(flagged[of].mean()) if of.any() else None for name, of in share.items()},
    }


def about(flows: Flows) -> dict[str, Any]:
    """What a set holds, for tables."""
    labels = labels_of(flows.table)
    count = int(labels.labelled.sum())
    classes = {kind: int(n) for i, kind in enumerate(labels.kinds) if (n := int((labels.kind == i).sum()))}
    times = flows.time_ms
    return {
        "flows": len(flows),
        "attacks": int(labels.attack.sum()),
        "prevalence": int(labels.attack.sum()) / count if count else None,
        "classes": dict(sorted(classes.items(), key=lambda item: -item[1])),
        "hours": None if times is None else round((int(times.max()) - int(times.min())) / 3_600_000, 2),
    }


def _other(name: str, sets: Mapping[str, Callable[[], Flows]], seed: int) -> tuple[str, Flows]:
    """Training flows of another set of the suite, with each seed those of the next that can be read."""
    names = list(sets)
    at = names.index(name)
    rest = names[at + 1 :] + names[:at]
    for k in range(len(rest)):
        other = rest[(seed + k) % len(rest)]
        try:
            flows = other_network(sets[other]())
        except (GaeError, OSError):
            # told where that set has its turn
            continue
        if len(flows):
            return other, flows
    raise InputError("cold asks for a model of another network: give --model, or more sets")


def _failed(
    watch: Watch, kept: _Kept, name: str | None, protocol: str | None, detector: str | None, error: Exception
) -> None:
    where = " ".join(filter(None, (name, protocol, detector)))
    kept.failures.append({"set": name, "protocol": protocol, "detector": detector, "reason": str(error)})
    watch.failed(f"{where}: not measured: {error}")
