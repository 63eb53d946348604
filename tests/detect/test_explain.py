from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.detect import repeats
from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.contributions import CONTRIBUTIONS, contributions
from morpheus_gae.detect.explain import Explainer
from morpheus_gae.detect.explained import EXPLAINED
from morpheus_gae.executors.open import executor_of
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact, load_artifact
from tests.fixtures.make import MODELS
from tests.support import make_flows

TRAINING = make_flows(3000)
"""What the model of the fixtures was trained on."""


def told(artifact: Artifact, flows: Flows) -> pa.Table:
    graph = build_graph(flows, octets=artifact.spec.octets)
    scores = executor_of(artifact).score(graph)
    every = np.ones(len(flows), bool)
    return alert_table(flows, scores, every, np.float32(0), "m", Explainer(artifact))


@pytest.mark.parametrize("name", ["default"])
@settings(max_examples=15)
@given(seed=st.integers(0, 1 << 20), count=st.integers(1, 400))
def test_contributions_sum_to_the_surprise_and_none_is_below_zero(name: str, seed: int, count: int) -> None:
    artifact = load_artifact(MODELS / name)
    flows = make_flows(count, seed=seed)
    scores = executor_of(artifact).score(build_graph(flows))
    parts = contributions(artifact, scores, np.arange(count))
    # in millionths of a nat
    millionths = parts * 1e6
    np.testing.assert_allclose(millionths, np.rint(millionths), rtol=1e-9, atol=0)
    surprise = scores.surprise.astype(np.float64)
    np.testing.assert_allclose(parts.sum(1), surprise, rtol=1e-14, atol=0.5e-6)
    assert (parts >= 0).all()
    # the greater of pair and flow has more
    assert ((parts[:, 0] >= parts[:, 1]) == (scores.pair_part >= scores.flow_part)).all()
    if scores.graph_part is not None:
        assert (parts[scores.graph_part == 0, 2:] == 0).all()


def odd_flows(seed: int) -> Flows:
    """Flows like those of training, some of them far too large, some between others."""
    flows, rng = make_flows(400, seed=seed), np.random.default_rng(seed)
    large = rng.random((400, 3)) < 0.1
    attributes = np.where(large, flows.attributes * 300 + 7, flows.attributes).astype(np.float32)
    attributes[flows.duration_missing, 2] = 0
    dst = np.where(rng.random(400) < 0.2, np.roll(flows.dst_lo, 1), flows.dst_lo)
    hi = np.where(dst == flows.dst_lo, flows.dst_hi, np.roll(flows.dst_hi, 1))
    return replace(flows, attributes=attributes, dst_lo=dst, dst_hi=hi)


def number(text: str) -> float:
    return float(text.replace(",", ""))


RANGE = re.compile(
    r"([\d,.]+) (B up|B back|ms), where (?:at least (\d+) % of the flows|all) of "
    r"(this pair|the source) (?:in memory, which counts as one flow, )?had "
    r"([\d,]+)(?:-([\d,]+))?(?: \(([\d,]+) count in memory\))?"
)


@pytest.mark.parametrize("seed", [1, 2])
def test_facts_are_true_of_the_training_flows(seed: int) -> None:
    t, flows = TRAINING, odd_flows(seed)
    artifact = load_artifact(MODELS / "default")
    checked = dict.fromkeys(("known", "first", "turned", "range", "source", "seen", "destination"), 0)
    for i, row in enumerate(told(artifact, flows).to_pylist()):
        out = (t.src_lo == flows.src_lo[i]) & (t.src_hi == flows.src_hi[i])
        into = (t.dst_lo == flows.dst_lo[i]) & (t.dst_hi == flows.dst_hi[i])
        ours = out & into
        turned = (t.src_lo == flows.dst_lo[i]) & (t.src_hi == flows.dst_hi[i])
        turned &= (t.dst_lo == flows.src_lo[i]) & (t.dst_hi == flows.src_hi[i])
        assert sum(fact.startswith(("looks like ", "nearest to ")) for fact in row["facts"]) == 1
        for fact in row["facts"]:
            if fact.startswith("known pair: "):
                checked["known"] += 1
                assert number(fact.split()[2]) == ours.sum() > 0
            elif fact.startswith("first contact of this pair"):
                checked["first"] += 1
                assert number(fact.split()[8]) == len(t)
                assert ours.sum() == turned.sum() == 0
            elif fact.startswith("first contact in this direction"):
                checked["turned"] += 1
                assert number(fact.split()[5]) == turned.sum() > 0 == ours.sum()
            elif fact.startswith("destination known: "):
                checked["destination"] += 1
                assert number(fact.split()[2]) == into.sum()
            elif fact.startswith("no flow from this source"):
                checked["seen"] += 1
                assert not out.any()
            elif found := RANGE.match(fact):
                value, unit, share, whose, low, high, n = found.groups()
                column = ("B up", "B back", "ms").index(unit)
                assert number(value) == pytest.approx(flows.attributes[i, column], abs=1e-3)
                held = t.attributes[ours if whose == "this pair" else out, column]
                assert share is not None or held.shape[0] == 1
                assert n is None or held.shape[0] == number(n)
                inside = (held >= number(low)) & (held <= number(high or low))
                assert 100 * inside.mean() >= (100 if share is None else number(share))
                assert not number(low) <= number(value) <= number(high or low)
                checked["range" if whose == "this pair" else "source"] += 1
    assert min(checked[name] for name in ("known", "first", "range", "source", "destination")) > 0, checked


@pytest.mark.parametrize(("name", "mine"), [("percentile_pair", True), ("percentile_host", False)])
def test_percentiles_are_lower_bounds_of_the_share_that_is_less_strange(name: str, mine: bool) -> None:
    t, flows = TRAINING, odd_flows(3)
    artifact = load_artifact(MODELS / "default")
    mean, scale = artifact.tensors["scale.mean"], artifact.tensors["scale.std"]
    x = (np.log1p(t.attributes.astype(float)) - mean) / scale
    told_some = 0
    for i, row in enumerate(told(artifact, flows).to_pylist()):
        chosen = (t.src_lo == flows.src_lo[i]) & (t.src_hi == flows.src_hi[i])
        if mine:
            chosen &= (t.dst_lo == flows.dst_lo[i]) & (t.dst_hi == flows.dst_hi[i])
        if row[name] is None:
            continue
        told_some += 1
        held = x[chosen]
        own = (np.log1p(flows.attributes[i].astype(float)) - mean) / scale
        spread = np.maximum(held.std(0), 1e-3)
        far = (((own - held.mean(0)) / spread) ** 2).sum()
        nearer = (((held - held.mean(0)) / spread) ** 2).sum(1) < far
        assert 100 * nearer.mean() >= row[name] - 0.01
        assert held.shape[0] >= 10
    assert told_some > 20


def test_alerts_of_a_pair_and_new_hosts_are_counted() -> None:
    flows = make_flows(60, seed=4)
    v4 = np.uint64(0xFFFF_0000_0000)
    # one source that nobody knows, to 30 hosts, twice each
    src = np.full(60, v4 + np.uint64(0x0B000001))
    dst = v4 + np.uint64(0x0C000000) + (np.arange(60) % 30).astype(np.uint64)
    none = np.zeros(60, np.uint64)
    flows = replace(flows, src_lo=src, src_hi=none, dst_lo=dst, dst_hi=none)
    for row in told(load_artifact(MODELS / "default"), flows).to_pylist():
        assert "first contacts of the source with 30 hosts in this window's alerts" in row["facts"]
        assert "source not in memory" in row["facts"]
        assert "destination not in memory" in row["facts"]
        assert "2 alerts of this pair in this window" in row["facts"]
        assert row["percentile_pair"] is None
        assert row["percentile_host"] is None


def test_a_model_that_counts_partners_tells_how_many_are_usual() -> None:
    artifact = load_artifact(MODELS / "default")
    spec = replace(artifact.spec, evidence=True, activity=True, partners=True)
    memory = artifact.memory
    past = np.full((memory.host_key.shape[0], 2), 4.0, np.float32)
    priors = {name: np.ones((n, 4), np.float32) for name, n in (("activity.prior", 3), ("partners.prior", 2))}
    tensors = {**artifact.tensors, **priors, "partners.past": past}
    flows = TRAINING.slice(0, 30)
    v4 = np.uint64(0xFFFF_0000_0000)
    # a known source to 30 hosts that nobody knows
    dst = v4 + np.uint64(0x0C000000) + np.arange(30).astype(np.uint64)
    flows = replace(
        flows, src_lo=np.repeat(flows.src_lo[:1], 30), src_hi=np.repeat(flows.src_hi[:1], 30), dst_lo=dst,
        dst_hi=np.zeros(30, np.uint64),
    )  # fmt: skip
    wanted = "first contacts of the source with 30 hosts in this window's alerts"
    for row in told(replace(artifact, spec=spec, tensors=tensors), flows).to_pylist():
        assert f"{wanted}, usually fewer than 1 in a window of this size" in row["facts"]
    # as many as flows in memory: of 30 flows all
    tensors["partners.past"] = np.full_like(past, memory.pair[:, 0].sum())
    for row in told(replace(artifact, spec=spec, tensors=tensors), flows).to_pylist():
        assert f"{wanted}, usually about 30 in a window of this size" in row["facts"]
    plain = replace(artifact, spec=replace(artifact.spec, partners=False))
    assert "usually" not in str(told(plain, flows).to_pylist())


def test_where_there_are_many_alerts_some_of_every_pair_get_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 20)
    surprise, code = np.r_[np.full(90, 9.0), np.arange(10) / 10], np.r_[np.zeros(90), np.arange(10)]
    chosen = repeats.chosen(surprise, code.astype(np.uint64))
    assert chosen.shape == (20,)
    assert set(range(91, 100)) <= set(chosen.tolist())
    table = told(load_artifact(MODELS / "default"), make_flows(50))
    assert sum(bool(facts) for facts in table["facts"].to_pylist()) == 20
    assert table["contribution_pair"].null_count == 0


def test_a_model_without_parts_tells_no_contributions_nor_facts() -> None:
    table = told(load_artifact(MODELS / "published"), make_flows(30))
    for name in (*CONTRIBUTIONS, "percentile_pair", "percentile_host"):
        assert table[name].null_count == 30
    assert table["facts"].to_pylist() == [[]] * 30
    assert table["percentile_all"].null_count == 0


def test_the_same_from_rows_as_from_flows() -> None:
    rng = np.random.default_rng(5)
    rows = pa.table(
        {
            "IPV4_SRC_ADDR": [f"10.0.0.{i}" for i in rng.integers(1, 9, 40)],
            "IPV4_DST_ADDR": [f"10.0.1.{i}" for i in rng.integers(1, 9, 40)],
            "IN_BYTES": rng.integers(0, 5000, 40),
            "OUT_BYTES": rng.integers(0, 5000, 40),
            "FLOW_DURATION_MILLISECONDS": pa.array(rng.random(40) * 1e4, mask=rng.random(40) < 0.1),
        }
    )
    artifact, flows = load_artifact(MODELS / "default"), table_to_flows(rows).flows
    scores = executor_of(artifact).score(build_graph(flows))
    every = np.ones(40, bool)
    # as a message of another engine gives them: rows alone
    none = np.zeros(40, np.uint64)
    bare = replace(flows, src_hi=none, src_lo=none, dst_hi=none, dst_lo=none, attributes=np.zeros((40, 3)))
    tables = [
        alert_table(f, scores, every, np.float32(0), "m", Explainer(artifact)).select(EXPLAINED)
        for f in (flows, bare)
    ]
    assert tables[0].equals(tables[1])
    again = alert_table(
        replace(flows, table=rows.append_column("facts", pa.array([["x"]] * 40))),
        scores, every, np.float32(0), "m",
    )  # fmt: skip
    assert "facts" not in again.column_names
