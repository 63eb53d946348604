from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.evaluate.labels import Labels
from morpheus_gae.evaluate.studies.over_time import by_tenth, follow, tenths
from tests.evaluate.make import benign_flows, make_flows, timed_benign


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300), st.booleans())
def test_every_flow_lies_in_one_tenth(times: list[int], timed: bool) -> None:
    n = len(times)
    flows = make_flows([1] * n, [2] * n, time_ms=sorted(times) if timed else None)
    found, by = tenths(flows)
    assert found.shape == (n,)
    assert ((found >= 0) & (found < 10)).all()
    assert (np.diff(found) >= 0).all()
    sizes = np.bincount(found, minlength=10)
    if by == "flows":
        assert sizes.max() - sizes.min() <= 1
    else:
        assert sizes.min() * 100 >= n


def test_spans_of_time() -> None:
    # ever more flows towards the end
    times = np.sort((np.sqrt(np.random.default_rng(0).random(5000)) * 1e7).astype(np.int64))
    found, by = tenths(make_flows([1] * 5000, [2] * 5000, time_ms=times))
    assert by == "time"
    sizes = np.bincount(found, minlength=10)
    assert sizes[9] > 10 * sizes[0]
    assert tenths(benign_flows(50))[1] == "flows"
    # a day of silence in between
    gap = np.concatenate([np.arange(100), 10**7 + np.arange(100)])
    assert tenths(make_flows([1] * 200, [2] * 200, time_ms=gap))[1] == "flows"


def test_tenths_add_up() -> None:
    flows = timed_benign(3000, 10.0)
    rng = np.random.default_rng(1)
    attack = rng.random(3000) < 0.1
    labelled = rng.random(3000) < 0.9
    labels = Labels(attack & labelled, labelled, np.full(3000, -1, np.int32))
    surprise = np.where(attack, 5, 0) + rng.exponential(1, 3000)
    found = by_tenth(flows, labels, surprise, {"0.01": 4.6, "0.02": 3.9}, 500)
    parts = found["tenths"]
    assert len(parts) == 10
    assert sum(p["attacks"] for p in parts) == (attack & labelled).sum()
    assert sum(p["benign"] for p in parts) == (~attack & labelled).sum()
    flagged = sum(p["fixed"]["0.01"]["fpr"] * p["benign"] for p in parts)
    assert flagged == pytest.approx((surprise[~attack & labelled] >= np.float32(4.6)).sum())
    whole = sum(p["adaptive"]["0.02"]["tpr"] * p["attacks"] for p in parts) / (attack & labelled).sum()
    assert found["adaptive"]["0.02"]["tpr"] == pytest.approx(whole)


def test_adaptive_thresholds_follow_a_stream_that_has_drifted() -> None:
    rng = np.random.default_rng(2)
    surprise = rng.exponential(1, 20_000) + 10
    flows = timed_benign(20_000, 10.0)
    assert follow(surprise, 0.01, 500, flows, None).mean() == pytest.approx(0.01, abs=0.004)
    assert follow(np.zeros(0), 0.01, 500, flows.slice(0, 0), None).shape == (0,)


def test_no_attacks_no_rate() -> None:
    flows = timed_benign(100, 1.0)
    labels = Labels(np.zeros(100, bool), np.ones(100, bool), np.full(100, -1, np.int32))
    found = by_tenth(flows, labels, np.ones(100), {"0.01": 2.0}, 500)
    assert found["tenths"][0]["fixed"]["0.01"] == {"tpr": None, "fpr": 0.0}
