from __future__ import annotations

import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.incidents.fold import QUIET_MS, Change, Fold
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.kinds import kind_of

from .make import START, Row, alerts, host

QUIET = QUIET_MS / 1000


def looks(source: str, at: float, port: int = 445, octets: int = 60, targets: int = 8) -> list[Row]:
    """A source goes to hosts that none of the others goes to."""
    first = 50 + 20 * random.Random(f"{source}{at}").randrange(200)
    return [(at + i, source, host(first + i), port, octets, 40, 8.0) for i in range(targets)]


def folded(*windows: list[Row]) -> list[Incident]:
    fold, changes = Fold(), list[Change]()
    for rows in windows:
        at = [START + int(1000 * row[0]) for row in rows]
        changes += fold.add(alerts(rows), 10_000, min(at), max(at))
    changes += fold.finish()
    return [change.incident for change in changes if change.state == "closed"]


def sources(found: list[Incident]) -> list[int]:
    return sorted(len(i.sources) for i in found)


def test_hosts_that_do_alike_are_one_incident() -> None:
    rows = [row for i in range(12) for row in looks(host(i), 60.0 * i)]
    (found,) = folded(rows)
    assert kind_of(found).name == "lateral spread"
    assert (found.flows, len(found.sources)) == (96, 12)


def test_so_they_are_in_windows_of_their_own() -> None:
    (found,) = folded(*[looks(host(i), 600.0 * i) for i in range(12)])
    assert (len(found.sources), found.windows) == (12, 12)


@pytest.mark.parametrize(
    "other",
    [
        looks(host(2), 600.0, port=3389),
        looks(host(2), 600.0, octets=90_000),
        looks(host(2), 600.0 + 2 * QUIET),
        looks(host(2, inside=False), 600.0),
    ],
    ids=["service", "size", "time", "outside"],
)
def test_hosts_that_do_not_are_apart(other: list[Row]) -> None:
    assert sources(folded(looks(host(1), 0.0) + other)) == [1, 1]


def test_scanners_from_outside_are_apart() -> None:
    rows = [row for i in range(5) for row in looks(host(i, inside=False), 10.0 * i)]
    assert sources(folded(rows)) == [1] * 5


def test_work_on_a_service_that_everybody_uses_is_apart() -> None:
    assert sources(folded([row for i in range(5) for row in looks(host(i), 10.0 * i, 443, 9_000)])) == [1] * 5
    assert sources(folded([row for i in range(5) for row in looks(host(i), 10.0 * i, 443)])) == [5]


@pytest.mark.parametrize("inside", [True, False])
def test_one_source_that_looks_for_two_services_is_one_incident(inside: bool) -> None:
    rows = looks(host(1, inside), 0.0) + looks(host(1, inside), 60.0, 3306)
    (found,) = folded(rows)
    assert len(found.services) == 2
    # few flows as well, and in windows of their own
    assert sources(folded(rows[:8], rows[8:10])) == [1]
    # work on the other service is something else
    assert sources(folded(rows[:8] + looks(host(1, inside), 60.0, 3306, 90_000))) == [1, 1]


def test_a_scan_of_one_host_goes_on_with_few_ports() -> None:
    rows: list[Row] = [(float(i), host(1), host(2), 1000 + i, 60, 40, 8.0) for i in range(43)]
    assert sources(folded(rows[:40], rows[40:])) == [1]


def test_few_flows_go_on_what_many_do() -> None:
    many = [row for i in range(5) for row in looks(host(i), 10.0 * i)]
    few: list[Row] = [(100.0, host(9), host(900), 445, 60, 40, 8.0)]
    assert sources(folded(many + few)) == [6]
    # one that carries more, or does so where one host does alone, is of its own
    assert sources(folded([*many, (100.0, host(9), host(900), 445, 90_000, 40, 8.0)])) == [1, 5]
    assert sources(folded([*many[:8], *few])) == [1, 1]
    # nor are few flows to a service that everybody uses
    web: list[Row] = [(t, a, b, 443, up, down, s) for t, a, b, _, up, down, s in many + few]
    assert sources(folded(web)) == [1, 5]


def test_one_that_is_kept_is_gone_on_after_a_restart() -> None:
    fold = Fold()
    fold.add(alerts(looks(host(1), 0.0)), 10_000, START, START)
    again = Fold()
    again.restore(json.loads(json.dumps(fold.as_dict())))
    rows = looks(host(2), 60.0)
    (more,) = again.add(alerts(rows), 10_000, START + 60_000, START + 60_000)
    assert sorted(more.incident.sources.counts) == sorted([host(1), host(2)])
    # and no longer once it is closed
    assert len(again.finish()) == 1
    (new,) = again.add(alerts(looks(host(3), 90.0)), 10_000, START + 90_000, START + 90_000)
    assert list(new.incident.sources.counts) == [host(3)]


@given(
    hosts=st.integers(2, 12),
    cuts=st.sets(st.integers(1, 11)),
    seed=st.randoms(use_true_random=False),
)
def test_windows_and_order_play_no_part_in_a_spread(hosts: int, cuts: set[int], seed: random.Random) -> None:
    each = [looks(host(i), 120.0 * i) for i in range(hosts)]
    edges = sorted({0, hosts, *(cut for cut in cuts if cut < hosts)})
    windows = [list(itertools.chain(*each[a:b])) for a, b in itertools.pairwise(edges)]
    for rows in windows:
        seed.shuffle(rows)
    (found,) = folded(*windows)
    (whole,) = folded(list(itertools.chain(*each)))
    assert (found.id, found.flows, found.members) == (whole.id, whole.flows, whole.members)
