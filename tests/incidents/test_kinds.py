from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.incidents import kinds
from morpheus_gae.incidents.fold import Fold
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.kinds import kind_of, period

from .make import START, Row, alerts, host

A, B, OUT = host(1), host(2), host(7, inside=False)


def folded(rows: list[Row], times: bool = True) -> list[Incident]:
    fold = Fold()
    fold.add(alerts(rows, times), 10_000, START if times else None, START if times else None)
    return [change.incident for change in fold.finish()]


CASES: dict[str, list[Row]] = {
    "horizontal scan": [(i, A, host(10 + i), 445, 60, 40, 8) for i in range(30)],
    "scan from outside": [(i, OUT, host(10 + i), 8000, 60, 40, 8) for i in range(30)],
    "vertical scan": [(i, A, B, 1000 + i, 60, 40, 8) for i in range(100)],
    "brute force": [(i, OUT, B, 22, 2000, 2000, 8) for i in range(50)],
    "flood from one": [(i / 50, OUT, B, 80, 400, 0, 8) for i in range(500)],
    "flood from many": [(i / 50, host(i % 100, inside=False), B, 80, 400, 0, 8) for i in range(500)],
    "beacon": [(60 * i + i % 3, A, OUT, 443, 800, 900, 8) for i in range(30)],
    "exfiltration": [(400 * i, A, OUT, 443, 900_000, 9_000, 8) for i in range(9)],
    "lateral spread": [(30 * i, A, host(10 + i), 3389, 90_000, 400_000, 8) for i in range(6)],
    "remote access from outside": [(0, OUT, B, 3389, 90_000, 400_000, 8)],
    "new service": [(0, A, B, 8443, 500, 900, 8)],
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_is_one_incident_of_it(name: str) -> None:
    found = folded(CASES[name])
    assert [kind_of(i).name for i in found] == [name]
    assert found[0].flows == len(CASES[name])


def test_flows_that_are_strange_for_their_bytes_alone_are_unknown() -> None:
    table = alerts([(0, A, B, 8443, 500, 900, 8)])
    names = {"surprise_pair": "surprise_flow", "surprise_flow": "surprise_pair"}
    fold = Fold()
    fold.add(table.rename_columns([names.get(n, n) for n in table.column_names]), 10_000, START, START)
    assert [kind_of(change.incident).name for change in fold.finish()] == ["unknown"]


def test_what_breaks_a_policy_is_that_whatever_it_looks_like() -> None:
    (found,) = folded(CASES["horizontal scan"])
    found.policy = "no SMB among guests"
    assert kind_of(found).name == "policy break"


def test_each_kind_has_a_case_and_is_on_the_page() -> None:
    names = {kind.name for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)}
    assert names == {*CASES, "unknown", "policy break"}
    page = (Path(__file__).resolve().parents[2] / "docs" / "incidents.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| ([a-z ,]+) \|", page.split("| kind | when |")[1].split("\n\n")[0], re.M)
    # "flood from one, from many" names two
    spelled = {n if n in names else "flood " + n for cell in told for n in cell.split(", ")}
    assert spelled == names


@pytest.mark.parametrize("octets", [700, 2_500])
def test_many_a_minute_of_one_size_are_tries_at_a_web_login(octets: int) -> None:
    rows = [(10 * i + i * i % 7, OUT, B, 443, octets, 2 * octets, 8.0) for i in range(60)]
    assert [kind_of(i).name for i in folded(rows)] == ["brute force"]
    mixed = [(t, a, b, p, up << i % 9, down, s) for i, (t, a, b, p, up, down, s) in enumerate(rows)]
    assert [kind_of(i).name for i in folded(mixed)] == ["new service"]


def test_a_beacon_that_missed_beats_has_its_period() -> None:
    rows = [row for i, row in enumerate(CASES["beacon"]) if i % 5 != 2]
    (found,) = folded(rows)
    assert kind_of(found).name == "beacon"
    assert period(found) == pytest.approx(60, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_a_beacon_that_waits_at_random_has_its_period_and_chance_has_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wait = {0.8: rng.uniform(0.6, 1.4, 120).cumsum(), 0.0: rng.exponential(1.0, 120).cumsum()}
    for jitter, at in wait.items():
        (found,) = folded([(150 * t, A, OUT, 443, 800, 900, 8.0) for t in at.tolist()])
        assert kind_of(found).name == ("beacon" if jitter else "new service")
        assert period(found) == (pytest.approx(150, rel=0.1) if jitter else None)


def test_a_large_file_between_hosts_that_know_each_other_is_no_spread() -> None:
    table = alerts([(0, A, B, 445, 9_000_000, 9_000, 8)])
    assert [kind_of(i).name for i in folded([(0, A, B, 445, 9_000_000, 9_000, 8)])] == ["lateral spread"]
    names = {"surprise_pair": "surprise_flow", "surprise_flow": "surprise_pair"}
    fold = Fold()
    fold.add(table.rename_columns([names.get(n, n) for n in table.column_names]), 10_000, START, START)
    assert [kind_of(change.incident).name for change in fold.finish()] == ["unknown"]


def test_what_stays_in_a_site_with_public_addresses_does_not_leave() -> None:
    here, there, away = "2a05:d018:c4f:0::1", "2a05:d018:c4f:2::9", "2600:1f18:5b3f::1"
    for target, kind in ((there, "new service"), (away, "exfiltration")):
        rows: list[Row] = [(0, here, target, 631, 9_000_000, 9_000, 8)]
        assert [kind_of(i).name for i in folded(rows)] == [kind]


def test_few_sources_that_try_passwords_of_one_host_are_one_incident() -> None:
    rows = [(i, host(50 + i % 3, inside=False), B, 22, 2000, 2000, 8.0) for i in range(90)]
    (found,) = folded(rows)
    assert (kind_of(found).name, found.flows, len(found.sources)) == ("brute force", 90, 3)
    # each of them less than tries come to, or on another service
    assert len(folded(rows[:57])) == 3
    assert len(folded([(t, a, b, 8443, up, down, s) for t, a, b, _, up, down, s in rows])) == 3


def test_a_kind_is_told_anew_when_flows_come() -> None:
    fold = Fold()
    fold.add(alerts(CASES["beacon"][:3]), 1000, START, START)
    (found,) = fold.open.values()
    assert [kind_of(found).name, kind_of(found).name] == ["new service"] * 2
    fold.add(alerts(CASES["beacon"][3:]), 1000, START, START)
    assert kind_of(found).name == "beacon"
    found.policy = "none of it"
    assert kind_of(found).name == "policy break"
    found.policy = ""
    assert kind_of(found).name == "beacon"


def test_irregular_flows_have_no_period() -> None:
    # as evenly as chance has it: multiples of a number, modulo another, would be more even than that
    rows = [(at, A, OUT, 443, 800, 900, 8.0) for at in np.random.default_rng(5).uniform(0, 7000, 40).tolist()]
    (found,) = folded(rows)
    assert period(found) is None


def test_flows_without_times_have_kinds_too() -> None:
    assert [kind_of(i).name for i in folded(CASES["horizontal scan"], times=False)] == ["horizontal scan"]
    assert [kind_of(i).name for i in folded(CASES["flood from many"], times=False)] == ["flood from many"]


def test_a_walk_over_remote_services_is_one_incident() -> None:
    rows = [(30 * i, A, host(10 + i), (22, 445, 3389)[i % 3], 90_000, 400_000, 8.0) for i in range(12)]
    (found,) = folded(rows)
    assert kind_of(found).name == "lateral spread"
    assert len(found.services) == 3


def test_a_source_of_two_behaviours_is_two_incidents() -> None:
    rows = [*CASES["horizontal scan"], *CASES["exfiltration"]]
    assert sorted(kind_of(i).name for i in folded(rows)) == ["exfiltration", "horizontal scan"]


def test_a_scan_of_many_ports_on_many_hosts_is_one_incident() -> None:
    rows = [(i, A, host(10 + i % 20), 1000 + i // 20, 60, 40, 8.0) for i in range(600)]
    (found,) = folded(rows)
    assert kind_of(found).name == "horizontal scan"
    assert (len(found.targets), len(found.services)) == (20, 30)


def test_data_that_leaves_is_no_scan_whatever_is_beside_it() -> None:
    rows: list[Row] = [(i, A, host(10 + i, inside=False), 443, 60, 40, 8.0) for i in range(30)]
    rows.append((40, A, OUT, 443, 500_000_000, 9_000, 8.0))
    (found,) = folded(rows)
    assert kind_of(found).name == "exfiltration"


def test_a_host_that_was_scanned_does_not_hide_what_it_sends() -> None:
    rows: list[Row] = [(i, OUT, host(10 + i), 443, 60, 40, 8.0) for i in range(30)]
    rows.append((40, host(12), host(9, inside=False), 443, 500_000_000, 9_000, 8.0))
    assert sorted(kind_of(i).name for i in folded(rows)) == ["exfiltration", "scan from outside"]


@pytest.mark.parametrize("group", ["224.0.0.251", "239.1.2.3", "255.255.255.255", "169.254.7.7"])
def test_what_no_router_passes_on_does_not_leave(group: str) -> None:
    rows: list[Row] = [(400 * i, A, group, 5004, 900_000, 9_000, 8.0) for i in range(9)]
    assert "exfiltration" not in [kind_of(i).name for i in folded(rows)]
