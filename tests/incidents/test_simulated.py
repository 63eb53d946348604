"""Attacks of the simulator, all of their flows flagged: kinds, how many incidents, and their figures."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.incidents.fold import CLOSED, Change, Fold
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.kinds import WEB_PORTS, kind_of, period, rate
from morpheus_gae.incidents.records import record, summary
from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.simulate import simulate_table
from morpheus_gae.simulate.traffic.attacks import ATTACKS

START, DURATION = "FLOW_START_MILLISECONDS", "FLOW_DURATION_MILLISECONDS"
FLOWS = 12_000

CASES = [
    ("horizontal_scan", 0, "scan from outside"),
    ("horizontal_scan", 1, "horizontal scan"),
    ("vertical_scan", 0, "vertical scan"),
    ("vertical_scan", 1, "vertical scan"),
    ("dos", 0, "flood from one"),
    ("dos", 1, "flood from one"),
    ("ddos", 0, "flood from many"),
    ("ddos", 1, "flood from many"),
    ("exfiltration", 0, "exfiltration"),
    ("exfiltration", 1, "exfiltration"),
    ("beaconing", 0, "beacon"),
    ("beaconing", 1, "beacon"),
    ("lateral_movement", 0, "lateral spread"),
    ("lateral_movement", 1, "lateral spread"),
    ("worm", 0, "lateral spread"),
    ("worm", 1, "lateral spread"),
    ("camouflaged_exfiltration", 0, "exfiltration"),
    ("camouflaged_exfiltration", 1, "exfiltration"),
    ("camouflaged_c2", 2, "beacon"),
    ("camouflaged_c2", 3, "beacon"),
]


@lru_cache(maxsize=1)
def network() -> Network:
    return Network.build(5, 300)


@lru_cache(maxsize=64)
def attack(name: str, seed: int) -> pa.Table:
    """The alert rows of one campaign, strange for their pairs of hosts, in order of time."""
    flows = ATTACKS[name].flows
    table = simulate_table(network(), FLOWS + flows, seed, attack_share=flows / (FLOWS + flows), attacks=name)
    table = table.filter(pc.equal(table["Attack"].cast(pa.string()), name)).sort_by(START)
    n = table.num_rows
    strange = np.full(n, 9.0, np.float32)
    scores = Scores(
        score=(-np.expm1(-strange)).astype(np.float32),
        surprise=strange.astype(np.float64),
        pair_part=strange,
        flow_part=np.zeros(n, np.float32),
    )
    return alert_table(table_to_flows(table).flows, scores, np.ones(n, bool), np.float32(5.0), "toy@1")


def folded(table: pa.Table, rows: int | None = None, seed: int | None = None) -> list[Incident]:
    """Incidents of windows of so many rows, shuffled if there is a seed."""
    fold, changes = Fold(), list[Change]()
    start = np.asarray(table[START])
    step = rows or table.num_rows
    for low in range(0, table.num_rows, step):
        window, when = table.slice(low, step), start[low : low + step]
        if seed is not None:
            window = window.take(np.random.default_rng(seed).permutation(window.num_rows))
        changes += fold.add(window, len(when), int(when.min()), int(when.max()))
    changes += fold.finish()
    return [change.incident for change in changes if change.state == CLOSED]


@pytest.mark.parametrize(("name", "seed", "kind"), CASES)
def test_a_campaign_is_one_incident_of_its_kind(name: str, seed: int, kind: str) -> None:
    table = attack(name, seed)
    ids = set()
    for rows, shuffle in ((None, None), (None, 1), (500, None), (500, 2)):
        (found,) = folded(table, rows, shuffle)
        assert kind_of(found).name == kind
        assert found.flows == ATTACKS[name].flows
        ids.add(found.id)
    assert len(ids) == 1


@pytest.mark.parametrize("name", ["vertical_scan", "dos", "exfiltration", "beaconing", "lateral_movement"])
def test_windows_of_few_alerts_are_one_incident_as_well(name: str) -> None:
    assert len(folded(attack(name, 0), 40, 3)) == 1


@pytest.mark.parametrize("seed", range(6))
def test_guesses_of_few_sources_at_one_service_are_one_brute_force(seed: int) -> None:
    table = attack("brute_force", seed)
    sources = set(table["IPV4_SRC_ADDR"].to_pylist())
    for rows in (None, 100):
        found = folded(table, rows)
        assert {kind_of(i).name for i in found} == {"brute force"}
        assert {host for i in found for host in i.sources.counts} == sources
        # a site of the web asks for passwords, but not at the door
        assert len(found) == (len(sources) if set(table["L4_DST_PORT"].to_pylist()) <= WEB_PORTS else 1)


@pytest.mark.parametrize("seed", range(6))
def test_a_worm_is_few_incidents_however_it_is_cut(seed: int) -> None:
    table = attack("worm", seed)
    (whole,) = folded(table)
    assert len(whole.sources) > 30
    for rows in (500, 100):
        found = folded(table, rows, 4)
        assert len(found) <= 4
        assert max(i.flows for i in found) >= 0.95 * table.num_rows


@pytest.mark.parametrize(
    ("name", "seed"), [("beaconing", 0), ("beaconing", 1), ("beaconing", 4), ("camouflaged_c2", 2)]
)
@pytest.mark.parametrize("kept", [1.0, 0.8])
def test_the_period_is_that_of_the_calls(name: str, seed: int, kept: float) -> None:
    table = attack(name, seed)
    start = np.asarray(table[START])
    true = (start[-1] - start[0]) / (len(start) - 1) / 1000
    flagged = np.random.default_rng(seed).random(len(start)) < kept
    (found,) = folded(table.filter(pa.array(flagged)))
    # of the last, with a jitter of 0.6, calls that are missing cannot be told
    assert period(found) == pytest.approx(true, rel=0.1 if (name, seed) == ("beaconing", 4) else 0.03)


@pytest.mark.parametrize("name", ["dos", "ddos"])
@pytest.mark.parametrize("seed", range(3))
def test_the_rate_is_that_of_the_flood(name: str, seed: int) -> None:
    table = attack(name, seed)
    start = np.asarray(table[START])
    (found,) = folded(table, 1000)
    true = table.num_rows / (start[-1] - start[0]) * 1000
    assert rate(found) == pytest.approx(true, rel=0.2)
    assert f"{rate(found):.3g} a second" in summary(found)


@pytest.mark.parametrize(
    "name", ["exfiltration", "camouflaged_exfiltration", "beaconing", "lateral_movement"]
)
def test_bytes_and_span_are_those_of_the_flows(name: str) -> None:
    table = attack(name, 0)
    (found,) = folded(table, 13)
    told = record(Change(CLOSED, found, 1e6), "toy@1")
    assert told["bytes_out"] == pc.sum(table["IN_BYTES"]).as_py()
    assert told["bytes_in"] == pc.sum(table["OUT_BYTES"]).as_py()
    start = np.asarray(table[START])
    end = start + np.asarray(pc.fill_null(table[DURATION], 0.0)).astype(np.int64)
    assert told["seconds"] == (end.max() - start.min()) / 1000
    for side, column in (("source", "IPV4_SRC_ADDR"), ("target", "IPV4_DST_ADDR")):
        assert told[f"{side}_count"] == len(set(table[column].to_pylist()))
