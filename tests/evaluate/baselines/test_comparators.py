from __future__ import annotations

import sys

import numpy as np
import pytest

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.baselines.comparators import (
    COMPARATORS,
    AttributeHistogram,
    UnseenHost,
    UnseenPair,
    make,
)
from morpheus_gae.evaluate.baselines.log_columns import logs_of
from morpheus_gae.evaluate.detectors import fit_comparator
from morpheus_gae.flows.frame import Flows
from tests.evaluate.make import attack_flows, benign_flows, make_flows


def test_unseen_pair() -> None:
    rule = UnseenPair()
    rule.fit(make_flows([1, 1, 2], [3, 3, 4]))
    known, once, reverse, never = rule.score(make_flows([1, 2, 3, 2], [3, 4, 1, 3])).tolist()
    assert known == pytest.approx(np.log(4 / 3))
    assert once == pytest.approx(np.log(4 / 2))
    assert reverse == never == pytest.approx(np.log(4))


def test_unseen_host() -> None:
    rule = UnseenHost()
    rule.fit(make_flows([1, 1, 2], [3, 3, 1]))
    # host 1 is there 3 times, 2 once, 3 twice; 9 never
    score = rule.score(make_flows([3, 2, 9], [1, 1, 1]))
    assert score.tolist() == pytest.approx(np.log([7 / 3, 7 / 2, 7 / 1]).tolist())


def test_histogram_knows_what_is_rare_missing_or_out_of_range() -> None:
    common = make_flows([1] * 100, [2] * 100, attributes=np.tile([100.0, 200.0, 5.0], (100, 1)))
    rule = AttributeHistogram()
    rule.fit(common)
    odd = make_flows([1] * 3, [2] * 3, attributes=[[100, 200, 5], [1e9, 200, 5], [0, 200, 5]])
    usual, large, small = rule.score(odd)
    assert usual < min(large, small)
    missing = Flows(**{**odd.__dict__, "duration_missing": np.ones(3, bool)})
    assert rule.score(missing)[0] > usual


def test_logs_of() -> None:
    flows = make_flows([1], [0x010203], attributes=[[0, 1, 2]])
    x = logs_of(flows, octets=True)
    assert x.dtype == np.float32
    assert x[0].tolist() == pytest.approx(
        [0, np.log(2), np.log(3), 0, 10 / 255, 0, 0, 1 / 255, 10 / 255, 1 / 255, 2 / 255, 3 / 255]
    )
    assert logs_of(flows).shape == (1, 4)


@pytest.mark.parametrize("name", COMPARATORS)
def test_all_find_the_attacks_and_repeat(name: str) -> None:
    if name not in ("unseen host", "unseen pair", "attribute histogram"):
        pytest.importorskip("sklearn")
    detector = fit_comparator(name, benign_flows(1500), seed=0)
    assert detector.supported == ("0.02",) or "0.01" not in detector.supported
    fresh, attacks = benign_flows(500, seed=1), attack_flows(200)
    quiet = (detector.score(fresh) >= np.float32(detector.thresholds["0.02"])).mean()
    assert detector.score(fresh).dtype == np.float32
    assert quiet < 0.06
    scan = attacks.slice(0, 100)
    assert detector.score(scan).mean() > detector.score(fresh).mean()
    again = make(name, 0)
    again.fit(benign_flows(1500).slice(0, 1125))
    assert np.array_equal(again.score(attacks), detector.score(attacks))


def test_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "morpheus_gae.evaluate.baselines.learned", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtraError, match=r"morpheus-gae\[train\]"):
        make("isolation forest", 0)
