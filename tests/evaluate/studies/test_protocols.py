from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.evaluate.studies.protocols import Protocol, case, other_network, parse
from morpheus_gae.flows.frame import Flows, concat
from tests.evaluate.make import HOUR, attack_flows, benign_flows, campaign_flows, timed_benign


def mixed() -> Flows:
    """Benign flows of 300 hours, attacks of 540, in no order of time."""
    flows = concat([timed_benign(2000, 300.0), campaign_flows(first_row=2000)])
    return flows


def test_names() -> None:
    assert parse(["as_is", "drift,cold"]) == tuple(Protocol(n, n) for n in ("as_is", "drift", "cold"))
    assert parse(["dirty=1%", "dirty=0.01"]) == (Protocol("dirty=1%", "temporal", 0.01),)
    assert [p.name for p in parse(["dirty"])] == ["dirty=0%", "dirty=1%", "dirty=5%", "dirty=10%"]
    assert parse(["random+dirty=2.5%"]) == (Protocol("random+dirty=2.5%", "random", 0.025),)
    assert parse([" ", ""]) == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("guess", "unknown protocol 'guess': choose of as_is, "),
        ("camo", "camo is a stream: give it with --streams"),
        ("drift+dirty=1%", "unknown protocol"),
        ("dirty=100%", "must be below 1"),
        ("dirty=1.2.3", "must be below 1"),
    ],
)
def test_names_that_are_none(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse([name])


@pytest.mark.parametrize("name", ["as_is", "temporal", "random", "ordered"])
def test_nothing_that_was_trained_on_is_tested(name: str, tmp_path: Path) -> None:
    flows = mixed()
    asked = case(parse([name])[0], flows, ("burst20", "file"), 0, tmp_path)
    assert (len(asked.train), asked.facts["train_flows"]) == (1600, 1600)
    assert [(t.stream, t.attackers) for t in asked.trials] == [("burst20", "all"), ("file", "all")]
    for trial in asked.trials:
        tested = trial.flows.rows[~trial.labels.attack]
        assert len(tested) == 400
        if name in ("as_is", "temporal"):
            # the later ones
            assert tested.tolist() == list(range(1600, 2000))
            assert asked.train.time_ms.max() < trial.flows.time_ms[~trial.labels.attack].min()
        elif name == "ordered":
            times = asked.train.time_ms
            assert (np.diff(times) >= 0).all()
            assert not set(times.tolist()) & set(trial.flows.time_ms[~trial.labels.attack].tolist())
            # from everywhere
            assert (times > 270 * HOUR).sum() > 100
        else:
            assert not set(asked.train.rows.tolist()) & set(tested.tolist())


def test_as_is_without_times_is_the_order_of_the_file(tmp_path: Path) -> None:
    benign = benign_flows(1000, first_row=50)
    asked = case(parse(["as_is"])[0], concat([attack_flows(50), benign]), ("burst20",), 0, tmp_path)
    assert asked.train.attributes.tolist() == benign.attributes[:800].tolist()


def test_dirty_tells_attackers_apart(tmp_path: Path) -> None:
    for name in ("dirty=2%", "as_is+dirty=2%", "random+dirty=2%", "ordered+dirty=2%"):
        asked = case(parse([name])[0], mixed(), ("file",), 1, tmp_path)
        hidden = asked.facts["hidden_flows"]
        # at most 2 %
        assert 0 < hidden <= 33
        assert len(asked.train) == 1600 + hidden
        by = {t.attackers: t for t in asked.trials}
        assert set(by) == {"others", "same"}
        strangers = set(asked.train.src_lo.tolist()) - set(benign_flows(2000).src_lo.tolist())
        assert strangers
        attackers = {a: set(t.flows.src_lo[t.labels.attack].tolist()) for a, t in by.items()}
        assert not strangers & attackers["others"]
        assert strangers <= attackers["same"]
    one = concat([timed_benign(2000, 300.0), campaign_flows(attackers=1, first_row=2000)])
    with pytest.raises(InputError, match="none is left"):
        case(parse(["dirty=10%"])[0], one, ("burst20",), 1, tmp_path)


@pytest.mark.parametrize("timed", [True, False])
def test_drift_looks_at_all_that_is_later(timed: bool, tmp_path: Path) -> None:
    flows = mixed()
    if not timed:
        flows = Flows(**{**flows.__dict__, "time_ms": None})
    asked = case(parse(["drift"])[0], flows, ("camo",), 0, tmp_path)
    (trial,) = asked.trials
    assert trial.stream == "file"
    assert asked.train.rows.tolist() == list(range(1000))
    benign = trial.flows.rows[~trial.labels.attack]
    assert benign.tolist() == list(range(1000, 2000))
    if timed:
        assert (np.diff(trial.flows.time_ms) >= 0).all()
        # attacks of the first half of the benign time are not later
        assert 0 < trial.labels.attack.sum() < 360
    else:
        assert trial.labels.attack.sum() == 360


def test_drift_without_attacks(tmp_path: Path) -> None:
    (trial,) = case(parse(["drift"])[0], timed_benign(500, 3.0), (), 0, tmp_path).trials
    assert (len(trial.flows), trial.labels.attack.sum()) == (250, 0)


def test_cold_asks_about_everything(tmp_path: Path) -> None:
    other = concat([benign_flows(1000, seed=7), attack_flows(50, first_row=1000)])
    flows = mixed()
    asked = case(parse(["cold"])[0], flows, (), 0, tmp_path, other_network(other))
    assert len(asked.train) == 800
    assert len(asked.trials[0].flows) == len(flows)
    assert len(case(parse(["cold"])[0], flows, (), 0, tmp_path).train) == 0


def test_refusals(tmp_path: Path) -> None:
    for flows, message in (
        (attack_flows(20), "no benign flow among 20"),
        (benign_flows(20), "no attack among 20 flows: protocol temporal"),
    ):
        with pytest.raises(InputError, match=message):
            case(parse(["temporal"])[0], flows, ("file",), 0, tmp_path)
    with pytest.raises(InputError, match="too few to train on a half"):
        case(parse(["drift"])[0], benign_flows(1), (), 0, tmp_path)
