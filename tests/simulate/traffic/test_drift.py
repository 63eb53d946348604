"""Drift: what changes on a simulated network as weeks go by, and what does not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.simulate.simulate import Network, simulate_table
from morpheus_gae.simulate.traffic.campaigns import plan
from morpheus_gae.simulate.traffic.drift import EPOCH_MS, KINDS, Drift, holidays
from tests.simulate.test_simulate import benign, column, pairs

DAY_MS = 86_400_000
FLOWS = 30_000


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.build(3, 420, "mixed", 0.1)


def week(network: Network, number: int, drift: str, flows: int = FLOWS, **more: object) -> pa.Table:
    start = EPOCH_MS + 7 * number * DAY_MS
    return simulate_table(network, flows, number, start, drift=drift, days=5.0, **more)  # type: ignore[arg-type]


def known_share(network: Network, drift: str) -> float:
    """Of the pairs of the eighth week, those that the first week had."""
    first = set(pairs(benign(week(network, 0, drift))))
    return float(np.mean([p in first for p in pairs(benign(week(network, 8, drift)))]))


def test_what_was_learnt_grows_old(network: Network) -> None:
    still, drifting = known_share(network, "none"), known_share(network, "all")
    assert still > 0.8
    assert drifting < still - 0.2


@pytest.mark.parametrize("kind", [*KINDS, "all"])
def test_rows_are_as_many_as_asked_for_and_the_same_each_time(network: Network, kind: str) -> None:
    table = week(network, 6, kind)
    assert table.num_rows == FLOWS
    assert np.all(np.diff(column(table, "FLOW_START_MILLISECONDS")) >= 0)
    assert table.equals(week(network, 6, kind))


def test_two_runs_agree_on_what_has_changed(network: Network) -> None:
    one, other = Drift(network, tuple(KINDS)), Drift(network, tuple(KINDS))
    np.testing.assert_array_equal(one.born_ms, other.born_ms)
    np.testing.assert_array_equal(one._plan(9), other._plan(9))


def test_leases_give_each_host_of_a_subnet_another_ones_address(network: Network) -> None:
    plan = Drift(network, ("leases",))._plan(12)
    np.testing.assert_array_equal(np.sort(plan), np.arange(network.hosts))
    np.testing.assert_array_equal(plan // 180, np.arange(network.hosts) // 180)
    moved = np.flatnonzero(plan != np.arange(network.hosts))
    assert moved.size > 0
    assert np.isin(moved, network.of_role("workstation", "phone", "sensor", "camera")).all()


def test_no_host_is_heard_of_before_it_is_born(network: Network) -> None:
    drift = Drift(network, ("newcomers", "site"))
    table = benign(week(network, 1, "newcomers,site", flows=60_000))
    time = column(table, "FLOW_START_MILLISECONDS")
    for side in ("SRC", "DST"):
        text = pc.cast(table[f"IPV4_{side}_ADDR"], pa.string()).to_pylist()
        number = {address: host for host, address in enumerate(network.v4[: network.inside])}
        born = np.array([drift.born_ms[number[a]] if a in number else 0 for a in text])
        assert np.all(born <= time)
    assert 0.1 < np.mean(drift.born_ms[: network.inside] > EPOCH_MS) < 0.8


def test_holidays_are_working_days_with_the_load_of_a_sunday(network: Network) -> None:
    off = holidays(network.seed)
    days = EPOCH_MS // DAY_MS + np.arange(1, 400)
    chosen = days[off(days)]
    assert 5 < chosen.size < 40
    assert np.all((chosen - 4) % 7 < 5)
    day = int(chosen[0])
    table = simulate_table(network, FLOWS, 0, day * DAY_MS - DAY_MS, drift="holidays", days=3.0)
    plain = simulate_table(network, FLOWS, 0, day * DAY_MS - DAY_MS, days=3.0)
    on = [np.mean(column(t, "FLOW_START_MILLISECONDS") // DAY_MS == day) for t in (table, plain)]
    assert on[0] < 0.8 * on[1]


def test_a_rollout_moves_mail_to_one_site(network: Network) -> None:
    before, after = (benign(week(network, n, "rollout", flows=60_000)) for n in (0, 3))
    port = [np.mean(column(t, "L4_DST_PORT") == 445) for t in (before, after)]
    assert port[0] > 0
    assert port[1] < 0.2 * port[0]


def test_long_campaigns_last_hours_to_weeks() -> None:
    length = 40 * DAY_MS
    short = plan(["beaconing", "horizontal_scan"], 40_000, EPOCH_MS, EPOCH_MS + length, 1)
    long = plan(["beaconing", "horizontal_scan"], 40_000, EPOCH_MS, EPOCH_MS + length, 1, long=True)
    assert sum(c.flows for c in long) == sum(c.flows for c in short)
    lasts = np.array([c.length_ms for c in long])
    assert lasts.min() >= 2 * 3_600_000 - 1
    assert lasts.max() > 3 * DAY_MS
    assert all(c.start_ms >= EPOCH_MS and c.start_ms + c.length_ms <= EPOCH_MS + length for c in long)


def test_camouflaged_attacks_stay_on_benign_pairs_of_a_changing_network(network: Network) -> None:
    table = week(network, 4, "all", attack_share=0.03, attacks="camouflaged_c2,camouflaged_exfiltration")
    own = set(pairs(benign(table)))
    attacks = table.filter(pc.equal(table["Label"], 1))
    assert attacks.num_rows
    assert np.mean([p in own for p in pairs(attacks)]) > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [({"drift": "tides"}, "unknown drift 'tides'"), ({"campaigns": "endless"}, "unknown campaigns")],
)
def test_refusals(network: Network, options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate_table(network, 1000, 0, **options)  # type: ignore[arg-type]
