"""Feedback: attacks are left out, benign flows stay in, and nothing else of it gets into a model."""

from __future__ import annotations

import json

import numpy as np
import pytest

from morpheus_gae.flows.addresses.text import format_addresses
from morpheus_gae.graph.build import build_graph
from morpheus_gae.suppress.feedback import Told
from morpheus_gae.train.contamination import suspects
from morpheus_gae.train.feedback import apply_feedback
from tests.support import make_flows
from tests.train.test_recurrence import scan, sorted_by_time, strangers


def dirty(count=6000):
    flows = sorted_by_time(make_flows(count), scan(60, 10_000), scan(30, 40_000, into=True))
    return flows, build_graph(flows)


def hosts_of(flows, rows, side):
    hi, lo = (getattr(flows, f"{side}_{half}")[rows] for half in ("hi", "lo"))
    return sorted(set(format_addresses(hi, lo).to_pylist()))


def told(flows, rows, verdict, id="a" * 16, **given):
    time = flows.time_ms[rows]
    facts = {
        "sources": hosts_of(flows, rows, "src"),
        "targets": hosts_of(flows, rows, "dst"),
        "first": int(time.min()),
        "last": int(time.max()),
        "flows": len(rows),
    }
    return Told(id, verdict, "", "me", "2026-01-01T00:00:00Z", **{**facts, **given})


def test_flows_between_the_hosts_in_the_time_of_an_incident_are_found():
    flows, graph = dirty()
    rows = np.array([500])
    one = told(flows, rows, "attack")
    pair = graph.pair == graph.pair[500]
    inside = (flows.time_ms >= one.first) & (flows.time_ms <= one.last)
    found = apply_feedback([one], flows, graph)
    np.testing.assert_array_equal(found.attack, pair & inside)
    assert found.attack[500]
    assert found.counts == [("a" * 16, "attack", int((pair & inside).sum()))]
    # any time, where there is none; any source, where there are many
    found = apply_feedback([told(flows, rows, "attack", first=None, last=None)], flows, graph)
    np.testing.assert_array_equal(found.attack, pair)
    found = apply_feedback([told(flows, rows, "attack", sources=None, first=None, last=None)], flows, graph)
    target = graph.pair_dst[graph.pair] == graph.pair_dst[graph.pair[500]]
    np.testing.assert_array_equal(found.attack, target)


def test_the_last_word_counts_and_an_attack_is_no_benign_flow():
    flows, graph = dirty()
    rows = np.array([500])
    last = [told(flows, rows, "attack"), told(flows, rows, "benign")]
    assert not apply_feedback(last, flows, graph).attack.any()
    both = [told(flows, rows, "attack"), told(flows, rows, "benign", id="b" * 16)]
    found = apply_feedback(both, flows, graph)
    assert found.attack[500]
    assert not found.benign.any()
    nobody = Told("c" * 16, "attack", "", "me", "2026-01-01T00:00:00Z")
    away = told(flows, rows, "attack", sources=["192.0.2.9"])
    for one in (nobody, away):
        assert not apply_feedback([one], flows, graph).attack.any()


def test_bursts_gain_attacks_and_lose_what_is_benign():
    flows, graph = dirty()
    found = suspects(flows, graph, None)
    burst = np.flatnonzero(found.of == 0)
    usual = np.flatnonzero(~strangers(flows))[:1]
    said = [told(flows, burst, "benign"), told(flows, usual, "attack", id="b" * 16)]
    applied = apply_feedback(said, flows, graph)
    out = applied.adjusted(found)
    assert not (out.of[burst] >= 0).any()
    assert (out.of[applied.attack] >= 0).all()
    others = (found.of > 0) & ~applied.attack
    assert (out.of[others] >= 0).all()
    assert sorted(set(out.of.tolist()) - {-1}) == list(range(out.count))
    # again, it is the same
    np.testing.assert_array_equal(applied.adjusted(out).of, out.of)


def test_a_model_is_trained_on_what_is_left_and_says_so(tmp_path):
    pytest.importorskip("torch")
    from morpheus_gae.train.train import train_model

    flows, graph = dirty(1500)
    usual = np.flatnonzero(~strangers(flows))
    source = graph.pair_src[graph.pair]
    worst = usual[source[usual] == np.bincount(source[usual]).argmax()]
    one = told(flows, worst, "attack", targets=None)
    mask = apply_feedback([one], flows, graph).attack
    assert 20 < mask.sum() < 700
    tables = []
    model = train_model(flows, tmp_path / "m", epochs=1, feedback=[one], tell=tables.append)
    plain = train_model(flows, tmp_path / "p", epochs=1)
    facts = model.config["training"]
    assert facts["feedback"]["attack_flows"] == mask.sum()
    assert facts["feedback"]["listed"] == [{"id": one.id, "verdict": "attack", "flows": int(mask.sum())}]
    assert facts["flows"] == plain.config["training"]["flows"] - mask.sum()
    assert "feedback" not in plain.config["training"]
    assert "told to be an attack" in tables[0]["strange"].to_pylist()
    card = (tmp_path / "m" / "README.md").read_text()
    assert f"{one.id} attack ({mask.sum():,} flows)" in card
    # the model holds ids and counts, and no address of it
    assert hosts_of(flows, worst, "src")[0] not in json.dumps(model.config)
    # which flows are learnt from is all that it decides: without them it is the same model
    left = train_model(flows.take(~mask), tmp_path / "l", epochs=1)
    assert left.config["training"]["flows"] == facts["flows"]
    for name in ("memory.pair_key", "memory.host_key"):
        np.testing.assert_array_equal(model.tensors[name], left.tensors[name])
