"""Flow types: a flow looks like one only where it lies within what the type's name says."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from morpheus_gae.detect.explain import Explainer
from morpheus_gae.detect.flow_types import types_of
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.artifact import load_artifact
from tests.fixtures.make import MODELS
from tests.support import make_flows

RANGE = re.compile(r"(?:from )?([\d.,e+-]+?)(?:-([\d.,e+]+))? (B up|B down|s)(?:,|$)")
UNITS = {"B up": (0, 1), "B down": (1, 1), "s": (2, 1000)}
WORDS = {"more B up": 0, "more B back": 1, "longer": 2, "less B up": 0, "less B back": 1, "shorter": 2}


def bounds(name: str) -> dict[int, tuple[float, float]]:
    """What a name says, by attribute."""
    out = {}
    for part in name.partition(": ")[2].split(", "):
        found = RANGE.fullmatch(part)
        if found is None:
            assert part == "no duration"
            continue
        low, high, unit = found.groups()
        at, times = UNITS[unit]
        least = float(low.replace(",", ""))
        most = np.inf if part.startswith("from") else float((high or low).replace(",", ""))
        out[at] = least * times, most * times
    return out


def looks(flows: Flows) -> tuple[list[str], list[str]]:
    """Names of the types, and what is told of each flow but its pair's other flows."""
    artifact = load_artifact(MODELS / "default")
    n, part = len(flows), np.zeros(len(flows), np.float32)
    scores = Scores(part, np.ones(n), part, part)
    facts = Explainer(artifact).columns(flows, scores, np.arange(n), flows.table)["facts"]
    told = [[fact for fact in row if fact.startswith(("looks", "nearest"))] for row in facts.to_pylist()]
    assert all(len(row) == 1 for row in told)
    return types_of(artifact)[0], [row[0].partition("; ")[0] for row in told]


def test_what_is_told_is_so() -> None:
    flows, rng = make_flows(500, seed=3), np.random.default_rng(3)
    grown = flows.attributes * rng.choice([0, 0.01, 1, 1, 50], flows.attributes.shape)
    attributes, missing = grown.astype(np.float32), flows.duration_missing
    names, facts = looks(replace(flows, attributes=attributes))
    counts = dict.fromkeys(("looks", "far", "times", "near"), 0)
    for flow, absent, fact in zip(attributes.astype(float), missing, facts, strict=True):
        (name,) = {name for name in names if fact.split(" ", 2)[2].partition(", but")[0] == name}
        told = {at: ends for at, ends in bounds(name).items() if not (absent and at == 2)}
        # a name has three figures
        inside = all(0.98 * low <= flow[at] <= 1.02 * high + 1e-3 for at, (low, high) in told.items())
        outside = any(
            flow[at] > 1.03 * high + 2e-3 or flow[at] < 0.97 * low for at, (low, high) in told.items()
        )
        if fact == f"looks like {name}":
            counts["looks"] += 1
            assert inside
            continue
        assert fact.startswith(f"nearest to {name}")
        assert not all(low * 1.02 <= flow[at] <= 0.98 * high for at, (low, high) in told.items())
        counts["near"] += not outside
        rest = fact.removeprefix(f"nearest to {name}")
        for one in rest.removeprefix(", but ").split(", ") if rest else []:
            counts["far"] += 1
            if one.startswith("with"):
                at = ("B up", "B back", "a duration").index(one.partition(" ")[2])
                assert (flow[at] <= 1e-3) == one.startswith("without")
                continue
            number, word = one.split(" times ")
            low, high = told[WORDS[word]]
            value = flow[WORDS[word]]
            factor = value / high if word in ("more B up", "more B back", "longer") else low / value
            assert factor == pytest.approx(float(number.replace(",", "")), rel=0.02, abs=0.6)
            assert factor > 1.9
            counts["times"] += 1
    assert counts["looks"] > 0
    assert counts["far"] > counts["times"] > 0


def test_a_missing_duration_is_not_held_against_a_flow() -> None:
    flows = make_flows(2, seed=3)
    attributes = np.array([[1e9, 60, 5], [1e9, 60, 0]], np.float32)
    for fact, missing in zip(
        looks(replace(flows, attributes=attributes, duration_missing=np.array([False, True])))[1],
        (False, True),
        strict=True,
    ):
        assert "more B up" in fact
        far = fact.partition(", but ")[2]
        assert not (missing and ("longer" in far or "shorter" in far or "duration" in far))
