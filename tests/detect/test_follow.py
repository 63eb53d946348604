from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.detect.follow import A_DAY_MS, BLOCK_MS, LEAST, UNITS, Recent, apart, classes, inverse
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.calibration import fit_tail, fuse
from tests.support import make_flows


def stream(n: int, seed: int = 0, hosts: int = 500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Surprise that is exponential, as benign flows have it, and hosts."""
    rng = np.random.default_rng(seed)
    src, dst = (rng.integers(0, hosts, n).astype(np.int32) for _ in range(2))
    return rng.exponential(1.0, n), src, dst


def columns(surprise: np.ndarray, src: np.ndarray, dst: np.ndarray) -> tuple[np.ndarray, ...]:
    """As of a model without evidence, whose map changes nothing."""
    raw = surprise.astype(np.float32)
    return surprise, raw, np.zeros_like(raw), src, dst


@pytest.mark.parametrize("rate", [0.01, 0.001])
def test_the_threshold_is_what_the_rate_lies_above(rate: float) -> None:
    recent = Recent()
    for seed in range(4):
        recent.add(*columns(*stream(50_000, seed)), None)
    surprise = stream(200_000, 9)[0]
    assert 0.7 * rate < (surprise >= recent.threshold(rate)).mean() < 1.3 * rate


def test_a_burst_does_not_raise_the_threshold() -> None:
    rng = np.random.default_rng(1)
    clean, dirty = Recent(), Recent()
    surprise, src, dst = stream(100_000)
    clean.add(*columns(surprise, src, dst), None)
    # 3 % of the flows are a scan from one source, 3 % a flood from many onto one destination
    scan, flood = rng.random((2, 100_000)) < 0.03
    surprise, src, dst = surprise.copy(), src.copy(), dst.copy()
    surprise[scan | flood], src[scan], dst[flood] = 20.0, 600, 700
    dirty.add(*columns(surprise, src, dst), None)
    assert dirty.threshold(0.01) < clean.threshold(0.01) + 0.7
    assert dirty.threshold(0.001) < clean.threshold(0.001) + 1.0


def hours(n: int, count: int) -> np.ndarray:
    """Times of flows, evenly over so many hours."""
    return (np.arange(n) * (count * BLOCK_MS // n)).astype(np.int64)


def test_a_flood_onto_a_busy_server_does_not_raise_the_threshold() -> None:
    n, rng = 100_000, np.random.default_rng(2)
    clean, dirty = Recent(), Recent()
    surprise, src, dst = stream(n)
    # a sixth of all flows go there anyhow
    dst[rng.random(n) < 1 / 6] = 7
    clean.add(*columns(surprise, src, dst), hours(n, 48))
    surprise, dst = surprise.copy(), dst.copy()
    # the threshold is taken from the latest quarter
    surprise[90_000:94_000], dst[90_000:94_000] = 20.0, 7
    dirty.add(*columns(surprise, src, dst), hours(n, 48))
    for rate in (0.01, 0.001):
        assert dirty.threshold(rate) < clean.threshold(rate) + 0.5


def test_what_is_strange_hour_after_hour_counts_for_more_than_a_burst() -> None:
    n, rng = 50_000, np.random.default_rng(3)
    found = []
    for at in (n - 20_000 + rng.permutation(20_000)[:400], 40_000 + np.arange(400)):
        recent = Recent()
        surprise, src, dst = stream(n)
        # twenty servers that nobody knows
        surprise[at], dst[at] = 20.0, 600 + np.arange(400) % 20
        recent.add(*columns(surprise, src, dst), hours(n, 50))
        found.append(float(recent.threshold(0.01)))
    assert found[0] > found[1] + 0.5


def test_no_flow_yet_and_few_flows() -> None:
    recent = Recent()
    assert recent.threshold(0.01) == np.inf
    recent.add(*columns(*stream(30)), None)
    assert np.isfinite(recent.threshold(0.01))


@given(st.lists(st.integers(0, 700), min_size=1, max_size=12))
@settings(max_examples=30)
def test_windows_make_no_difference(cuts: list[int]) -> None:
    one, many = Recent(1000), Recent(1000)
    surprise, src, dst = stream(sum(cuts))
    one.add(*columns(surprise, src, dst), None)
    for cut, stop in zip(cuts, np.cumsum(cuts), strict=True):
        part = slice(stop - cut, stop)
        many.add(*columns(surprise[part], src[part], dst[part]), None)
    assert one.total == many.total == sum(cuts)
    assert one.threshold(0.05) == many.threshold(0.05)


def test_a_fast_stream_is_thinned_until_it_spans_a_day() -> None:
    recent = Recent(1000)
    for minute in range(5000):
        recent.add(*columns(*stream(100, minute)), np.full(100, 60_000 * minute + 1))
    # 144,000 flows a day; a thousand of them are every 144th
    assert recent.facts()["stride"] == 256
    for day in range(2, 400):
        recent.add(*columns(*stream(100, day)), np.full(100, A_DAY_MS * day))
    assert recent.facts()["stride"] < 256


@pytest.mark.parametrize("evidence", [False, True])
def test_the_new_scale_tells_shares_and_keeps_the_order(evidence: bool) -> None:
    recent = Recent()
    surprise, src, dst = stream(100_000)
    raw = (1.5 * surprise - 3.0).astype(np.float32)
    added = np.random.default_rng(3).exponential(0.2, 100_000).astype(np.float32) * evidence
    recent.add(surprise, raw, added, src, dst, None)
    maps = recent.calibrate(evidence)
    after = recent.surprise[:100_000]
    for share in (0.1, 0.01, 0.001):
        assert (after >= -np.log(share)).mean() == pytest.approx(share, rel=0.25)
    if not evidence:
        assert maps.keys() == {"fused"}
        assert (np.diff(after[np.argsort(raw, kind="stable")]) >= 0).all()
    else:
        np.testing.assert_allclose(maps["evidence"](maps["fused"](raw) + added), after, rtol=1e-6)


def test_surprises_are_taken_apart_as_they_were_put_together(tiny_models: dict[str, Artifact]) -> None:
    graph = build_graph(make_flows(600, seed=4))
    for name in ("default", "graph"):
        artifact = tiny_models[name]
        scores = CpuExecutor(artifact).score(graph)
        parts = apart(artifact, scores)
        told = artifact.tail("fused")(parts.raw)
        if artifact.spec.evidence:
            told = artifact.tail("evidence")(told + parts.added)
        np.testing.assert_allclose(told, scores.surprise, rtol=1e-3, atol=1e-3)
        fused = artifact.tail("fused")(fuse(scores.pair_part, scores.flow_part))
        np.testing.assert_allclose(parts.calibrated, fused, rtol=2e-3, atol=2e-3)


@given(st.integers(0, 20), st.sampled_from([np.inf, 3.0]))
@settings(max_examples=20)
def test_a_map_and_its_inverse(seed: int, k: float) -> None:
    rng = np.random.default_rng(seed)
    tail = fit_tail(rng.gamma(2.0, 1.0, 3000), k=k)
    x = np.concatenate([rng.normal(0, 5, 500), tail.x, [tail.x[-1] + 10]]).astype(np.float32)
    np.testing.assert_allclose(inverse(tail, tail(x)), x, rtol=2e-3, atol=2e-3)


def test_what_is_saved_goes_on_alike() -> None:
    one, other = Recent(3 * LEAST), Recent(3 * LEAST)
    one.add(*columns(*stream(4 * LEAST)), np.full(4 * LEAST, 5))
    other.restore(one.tensors(), one.facts())
    for recent in (one, other):
        recent.add(*columns(*stream(1000, 1)), np.full(1000, 6))
    assert one.threshold(0.01) == other.threshold(0.01)
    assert one.facts() == other.facts()


def test_classes_are_in_range() -> None:
    found = classes(np.array([0, 1, (1 << 64) - 1], np.uint64))
    assert found.min() >= 0
    assert found.max() < UNITS


def test_few_flows_may_raise_a_threshold_where_the_rate_lets_expect_enough() -> None:
    recent = Recent()
    began: dict[float, int] = {}
    for n in range(1, 5):
        recent.add(*columns(*stream(5000, n)), None)
        for rate in (0.01, 0.007, 0.001):
            if recent.enough(rate):
                began.setdefault(rate, recent.total)
    assert began == {0.01: 10_000, 0.007: 15_000, 0.001: LEAST}
