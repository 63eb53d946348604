"""Facts in words: as plain Python tells them; what counts as one flow though it was many is told as such."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.detect.explain import Explainer
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.artifact import Artifact, load_artifact
from tests.detect.plainly import counting, facts_of, percentiles_of
from tests.detect.test_explain import TRAINING, odd_flows
from tests.detect.test_explain_parts import strangers, with_networks
from tests.fixtures.make import MODELS
from tests.support import make_flows


def told(artifact: Artifact, flows: Flows) -> tuple[list[list[str]], np.ndarray]:
    """Facts, and percentiles of pair and source [F, 2], of flows that are all flagged."""
    part = np.zeros(len(flows), np.float32)
    scores = Scores(part, np.ones(len(flows)), part, part)
    found = Explainer(artifact).columns(flows, scores, np.arange(len(flows)), flows.table)
    percent = [np.asarray(found[name], np.float64) for name in ("percentile_pair", "percentile_host")]
    facts: list[list[str]] = found["facts"].to_pylist()
    return facts, np.stack(percent, 1)


def faded(artifact: Artifact, seed: int) -> Artifact:
    """With a memory in which flows have faded, bursts count as one, and hosts only sent or received."""
    rng, tensors = np.random.default_rng(seed), dict(artifact.tensors)
    for name in ("memory.pair", "memory.host_out", "memory.host_in"):
        table = tensors[name].copy()
        table[:, 0] *= rng.choice(np.array([0, 0.01, 0.3, 1, 1, 70], np.float32), table.shape[0])
        table[:, 4:] *= rng.choice(np.array([0, 0.02, 1], np.float32), table.shape[0])[:, None]
        tensors[name] = table
    return replace(artifact, tensors=tensors)


def partnered(artifact: Artifact, past: float) -> Artifact:
    hosts = artifact.tensors["memory.host_key"].shape[0]
    tensors = {
        **artifact.tensors,
        "partners.prior": np.ones((2, 4), np.float32),
        "partners.past": np.full((hosts, 2), past, np.float32),
    }
    spec = replace(artifact.spec, evidence=True, activity=True, partners=True)
    return replace(artifact, spec=spec, tensors=tensors)


def mixed(seed: int) -> Flows:
    """Known flows, odd ones, some from and to hosts that nobody knows, of sizes up to the largest."""
    rng = np.random.default_rng(seed)
    one, other = odd_flows(seed), strangers(400)
    choose = rng.random(400) < 0.3
    lanes = {
        name: np.where(choose, getattr(other, name), getattr(one, name))
        for name in ("src_hi", "src_lo", "dst_hi", "dst_lo")
    }
    times = rng.choice([0, 0.01, 0.37, 1, 1, 1, 9, 1e5, 1e12, 1e17], one.attributes.shape)
    attributes = np.minimum(one.attributes * times, 2.0**64).astype(np.float32)
    attributes[one.duration_missing, 2] = 0
    return replace(one, **lanes, attributes=attributes)


@settings(max_examples=12)
@given(seed=st.integers(0, 1 << 20), networks=st.booleans(), past=st.sampled_from([None, 0.0, 30.0, 9e4]))
def test_facts_and_percentiles_are_those_of_plain_python(
    seed: int, networks: bool, past: float | None
) -> None:
    artifact = load_artifact(MODELS / "default")
    artifact = faded(with_networks(artifact) if networks else artifact, seed)
    artifact = artifact if past is None else partnered(artifact, past)
    flows = mixed(seed)
    facts, percent = told(artifact, flows)
    assert facts == facts_of(artifact, flows, len(flows))
    np.testing.assert_allclose(percent, percentiles_of(artifact, flows), rtol=0, atol=0.0101)


@pytest.mark.parametrize(
    ("flows", "spread", "words", "count"),
    [
        # one flow, or two that have faded to one: nobody can tell
        (1.0, 0.0, "all of this pair in memory, which counts as one flow, had ", ""),
        (1.3, 0.0, "all of this pair in memory, which counts as one flow, had ", ""),
        # a burst, see ``train.returned``; a pair that has faded
        (1.0, 0.2, "at least 99 % of the flows of this pair had ", ""),
        (0.4, 0.0, "at least 99 % of the flows of this pair had ", ""),
        (20.0, 0.2, "at least 99 % of the flows of this pair had ", " (20 count in memory)"),
    ],
)
def test_how_many_flows_are_told(flows: float, spread: float, words: str, count: str) -> None:
    artifact = load_artifact(MODELS / "default")
    pairs = artifact.tensors["memory.pair"].shape[0]
    known = np.array([flows, 0, 0, 0, spread, spread, spread], np.float32)
    tensors = {
        **artifact.tensors,
        "memory.pair": np.tile(known, (pairs, 1)),
        "scale.mean": np.full(3, 5, np.float32),
        "scale.std": np.ones(3, np.float32),
    }
    attributes = np.expm1(np.array([[9.0, 5, 5]])).astype(np.float32)
    one = replace(TRAINING.slice(0, 1), attributes=attributes, duration_missing=np.zeros(1, np.bool_))
    ((_, fact, *_),), _ = told(replace(artifact, tensors=tensors), one)
    assert f" B up, where {words}" in fact
    assert fact.endswith(count)
    assert bool(count) is (" count in memory" in fact)
    assert "only" not in fact


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0.2, "less than one flow counts in memory"),
        (1.0, "1 flow counts in memory"),
        (6000.0, "6,000 flows count in memory"),
        (16777216.0, "16,777,216 flows count in memory"),
    ],
)
def test_what_counts_is_told_as_such(number: float, words: str) -> None:
    artifact = load_artifact(MODELS / "default")
    table = artifact.tensors["memory.pair"].copy()
    table[:, 0] = number
    changed = replace(artifact, tensors={**artifact.tensors, "memory.pair": table})
    ((first, *_),), _ = told(changed, TRAINING.slice(0, 1))
    assert first == f"known pair: {words}" == f"known pair: {counting(number)}"


def test_the_largest_counters_are_told_to_the_last_digit() -> None:
    flows = make_flows(30, seed=5)
    values = np.array([2.0**63, 2.0**64, 9223371487098961920.0, 123456789012345.0, 0.5, 999.9996, 1234.0625])
    attributes = np.resize(values, (30, 3)).astype(np.float32)
    flows = replace(flows, attributes=attributes, duration_missing=np.zeros(30, np.bool_))
    facts, _ = told(load_artifact(MODELS / "default"), flows)
    found = re.findall(r"([\d,.]+) (?:B up|B back|ms), where", str(facts))
    assert "18,446,744,073,709,551,616" in found
    assert "9,223,372,036,854,775,808" in found
    assert facts == facts_of(load_artifact(MODELS / "default"), flows, 30)
