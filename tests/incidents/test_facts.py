from __future__ import annotations

from morpheus_gae.incidents.facts import facts
from morpheus_gae.incidents.fold import Fold
from morpheus_gae.incidents.records import record, schema, table

from .make import START, Row, alerts, host


def folded(rows: list[Row]) -> Fold:
    fold = Fold()
    fold.add(alerts(rows), 1000, START, START)
    return fold


def test_a_scan_is_told_in_its_own_counts() -> None:
    rows = [(float(i), host(1), host(10 + i), 445, 60, 40, 8.0) for i in range(41)]
    (change,) = folded(rows).finish()
    told = facts(change.incident)
    assert told[0] == "41 flagged flows from 1 host to 41 hosts in 40 s"
    assert "the strangest has a surprise of 8.0 nats" in told
    assert "100 % of the surprise comes from who talks to whom" in told
    assert record(change, "m")["facts"] == told
    assert table([change], "m").schema == schema()


def test_how_long_it_lasts_is_told_in_words() -> None:
    rows: list[Row] = [(1800.0 * i, host(1), host(2), 445, 60, 40, 8.0) for i in range(9)]
    fold = folded(rows[:5])
    fold.add(alerts(rows[5:]), 1000, START, START + 4 * 3_600_000)
    (change,) = fold.finish()
    assert facts(change.incident)[:2] == [
        "9 flagged flows from 1 host to 1 host in 4 h",
        "the strangest has a surprise of 8.0 nats, they came in 2 windows",
    ]


def test_who_has_most_of_it_is_named() -> None:
    rows = [(float(i), host(1), host(10 + i), 445, 60, 40, 8.0) for i in range(10)]
    (change,) = folded(rows).finish()
    assert not any("of these flows have" in fact for fact in facts(change.incident))
    change.incident.sources.counts = {host(1): 8, host(2): 2}
    assert f"8 of these flows have the source {host(1)}" in facts(change.incident)


def test_counts_beyond_what_is_kept_are_told_as_the_least() -> None:
    rows = [(i / 100, host(1), f"192.0.{i // 250}.{i % 250}", 445, 60, 40, 8.0) for i in range(40)]
    (change,) = folded(rows).finish()
    change.incident.targets.beyond = 5
    assert "to at least 40 hosts" in facts(change.incident)[0]
