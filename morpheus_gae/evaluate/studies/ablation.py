"""Ablation: contribution of each part of the default model, on every set, protocol and stream.

One part is taken out (or put in, where the default lacks it), everything else stays. Evidence, activity,
partners and lift come after the weights: without them a model has the default's very weights, and is
calibrated anew. Others take part in fitting, so weights are fitted anew without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from morpheus_gae.evaluate.detectors import Detector, Setting, train_preset
from morpheus_gae.evaluate.studies.suite_summary import summarised
from morpheus_gae.evaluate.summary import BUDGETS
from morpheus_gae.evaluate.tables import NONE, budget_name, marked, over, spread, table
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.spec import ModelSpec, preset

if TYPE_CHECKING:
    from morpheus_gae.train.weights import Weights

BASE = "default"
SAME, ANEW = "those of default", "fitted anew"
SHOWN = ("0.001", "0.01")
"""Budgets of the tables."""

_PARTS: tuple[tuple[str, dict[str, Any], dict[str, Any] | None], ...] = (
    ("evidence", {"evidence": False, "activity": False, "partners": False}, None),
    ("activity", {"activity": False, "partners": False}, {"activity": True}),
    ("partners", {"partners": False}, {"partners": True}),
    ("prefixes", {"prefixes": False}, None),
    ("lift", {"lift": False}, None),
    ("flow types", {"flow_types": 0, "lift": False}, None),
    ("graph encoder", {"attention": False}, {"attention": True}),
)
"""Name of each part, what takes it out, and what puts it in."""


def variants(base: ModelSpec | None = None) -> dict[str, ModelSpec]:
    """Models that differ from the base, the default if None, in one part, by name; the same weights first."""
    base = base or preset(BASE)
    out = {}
    for part, off, on in _PARTS:
        without = replace(base, **off)
        if without != base:
            out[f"without {part}"] = without
        elif on is not None and _rests(part, base):
            out[f"with {part}"] = replace(base, **on)
    return out


def _rests(part: str, base: ModelSpec) -> bool:
    """Whether the base has what a part is added to."""
    return {"activity": base.evidence, "partners": base.activity}.get(part, True)


def weights_of(name: str) -> str:
    """Where the weights of a variant come from: what comes after fitting is in no weight."""
    return SAME if name.endswith(("evidence", "activity", "partners", "lift")) else ANEW


def fits(flows: Flows, folder: Path, setting: Setting) -> Iterator[tuple[str, Callable[[], Detector]]]:
    """How the default and then each variant are trained, by name.

    Parameters
    ----------
    flows
        To train on.
    folder
        Gets a folder for each.
    setting
        See ``detectors.Setting``.
    """
    kept: list[Weights] = []

    def train(name: str, spec: ModelSpec) -> Detector:
        from morpheus_gae.train.weights import Weights

        if not kept:
            kept.append(Weights())
        return train_preset(name, flows, folder / name.replace(" ", "_"), setting, spec, kept[0])

    for name, spec in {BASE: preset(BASE), **variants()}.items():
        yield name, partial(train, name, spec)


def ablated(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the runs of default and its variants say.

    Parameters
    ----------
    runs
        Of a suite, all of them; those of other detectors are left out.

    Returns
    -------
    dict
        ``parts``: of each variant ``weights``, and ``change`` from default to it, means over all sets,
        protocols and streams that have both: ``roc_auc``, ``average_precision``, ``budgets`` with ``tpr`` and
        ``fpr``; None where nothing is known. ``results``: as those of a suite. Empty without variants.
    """
    names = list(variants())
    results = summarised([r for r in runs if r["detector"] in (BASE, *names)])
    both = {
        name: [r["detectors"] for r in results if {BASE, name} <= r["detectors"].keys()] for name in names
    }
    parts = {
        name: {"weights": weights_of(name), "change": _change(name, of)} for name, of in both.items() if of
    }
    return {"parts": parts, "results": results} if parts else {}


def _change(name: str, of: list[dict[str, Any]]) -> dict[str, Any]:
    def step(value: Callable[[dict[str, Any]], dict[str, Any] | None]) -> float | None:
        steps = []
        for detectors in of:
            a, b = value(detectors[BASE]), value(detectors[name])
            if a is not None and b is not None:
                steps.append(b["mean"] - a["mean"])
        return mean(steps) if steps else None

    def at(budget: str, key: str) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
        return lambda d: (d["budgets"][budget] or {}).get(key)

    return {
        **{key: step(lambda d, key=key: d[key]) for key in ("roc_auc", "average_precision")},  # type: ignore[misc]
        "budgets": {b: {key: step(at(b, key)) for key in ("tpr", "fpr")} for b in BUDGETS},
    }


def lines(found: dict[str, Any], seeds: int) -> list[str]:
    """An ablation in Markdown.

    Parameters
    ----------
    found
        As ``ablated`` gives it.
    seeds
        It was measured with.
    """
    names = [BASE, *found["parts"]]
    out = [
        f"## Ablation: {over(seeds)}",
        "",
        "What the default is without (or with) one part, all else being as it is. Area under the ROC curve; "
        "attacks found / benign flows flagged, in %.",
        "",
    ]
    head = ["set, protocol, stream", "", *map(marked, names)]
    rows = [head]
    for r in found["results"]:
        attackers = {"all": "", "others": ", other attackers", "same": ", same attackers"}[r["attackers"]]
        where = f"{marked(r['set'])}, {r['protocol']}, {r['stream']}{attackers}"
        of = r["detectors"]
        rows.append([where, "AUC", *(spread(of[n]["roc_auc"], 1, 3) if n in of else NONE for n in names)])
        for budget in SHOWN:
            cells = [_pair(of[n]["budgets"][budget]) if n in of else NONE for n in names]
            rows.append(["", budget_name(budget), *cells])
    out += [*table(rows), "", "Change from default, mean over these rows; weights of each:", ""]
    rows = [["", "weights", "AUC", "AP", *(f"{budget_name(b)}: found, flagged" for b in SHOWN)]]
    for name, part in found["parts"].items():
        change = part["change"]
        by = [change["budgets"][b] for b in SHOWN]
        rows.append(
            [
                marked(name),
                part["weights"],
                _signed(change["roc_auc"], 1, 4),
                _signed(change["average_precision"], 1, 4),
                *(f"{_signed(b['tpr'], 100, 1)}, {_signed(b['fpr'], 100, 2)}" for b in by),
            ]
        )
    return [*out, *table(rows), ""]


def _pair(b: dict[str, Any] | None) -> str:
    return NONE if b is None else f"{spread(b['tpr'])} / {spread(b['fpr'], 100, 2)}"


def _signed(value: float | None, scale: float, digits: int) -> str:
    return NONE if value is None else f"{scale * value:+.{digits}f}"
