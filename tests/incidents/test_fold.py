from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from morpheus_gae.incidents import reached
from morpheus_gae.incidents.fold import CLOSED, OPEN, QUIET_MS, QUIET_WINDOWS, UPDATED, Change, Fold
from morpheus_gae.incidents.incident import MEMBERS, TIMES
from morpheus_gae.incidents.kinds import kind_of
from morpheus_gae.incidents.records import lines, ranked, record, schema, table
from morpheus_gae.incidents.severity import false_a_day, flows_a_day, severity
from morpheus_gae.incidents.tally import CAP

from .make import START, Row, alerts, host

A, B = host(1), host(2)
HOUR = 3600.0


def scan(targets: range, at: float = 0.0) -> list[Row]:
    return [(at + i, A, host(10 + i), 445, 60, 40, 8.0) for i in targets]


def add(fold: Fold, rows: list[Row], at: float = 0.0, times: bool = True) -> list[Change]:
    when = START + int(1000 * at) if times else None
    return fold.add(alerts(rows, times), 1000, when, when)


def states(changes: list[Change]) -> list[str]:
    return [c.state for c in changes]


rows_of_flows = st.lists(
    st.tuples(
        st.integers(0, 5000).map(float),
        st.integers(0, 9).map(host),
        st.integers(5, 30).map(host),
        st.sampled_from([22, 80, 443, 445, 9999]),
        st.integers(0, 10**7),
        st.integers(0, 10**7),
        st.integers(5, 20).map(float),
    ),
    min_size=1,
    max_size=60,
)


@given(rows=rows_of_flows, seed=st.randoms(use_true_random=False))
@example([(at, A, B, 443, 60, 40, 8.0) for at in (0.0, HOUR + 400)], random.Random(0))
def test_every_flow_is_in_one_incident_whatever_the_order(rows: list[Row], seed: random.Random) -> None:
    rows = list(dict.fromkeys(rows))

    def told(rows: list[Row]) -> list[dict[str, Any]]:
        fold = Fold()
        # more than an hour apart, an incident ends within the window
        over = [change for change in add(fold, rows) if change.state == CLOSED]
        return [record(change, "toy@1") for change in [*over, *fold.finish()]]

    shuffled = rows.copy()
    seed.shuffle(shuffled)
    first = told(rows)
    assert first == told(shuffled)
    assert sum(r["flows"] for r in first) == len(rows)
    assert sum(r["bytes_out"] for r in first) == sum(row[4] for row in rows)
    assert max(r["surprise"] for r in first) == max(row[6] for row in rows)


@given(batches=st.lists(rows_of_flows, min_size=2, max_size=4))
def test_one_that_is_kept_and_restored_goes_on_alike(batches: list[list[Row]]) -> None:
    through, kept = Fold(), Fold()
    for rows in batches:
        expected = add(through, rows)
        kept_state = json.loads(json.dumps(kept.as_dict()))
        kept = Fold()
        kept.restore(kept_state)
        got = add(kept, rows)
        assert table(got, "toy@1").equals(table(expected, "toy@1"))
    assert table(kept.finish(), "toy@1").equals(table(through.finish(), "toy@1"))


def test_an_incident_opens_goes_on_and_closes_under_one_id() -> None:
    fold = Fold()
    first = add(fold, scan(range(10)))
    second = add(fold, scan(range(10, 20), 60.0), 60.0)
    assert (states(first), states(second)) == ([OPEN], [UPDATED])
    assert add(fold, [], QUIET_MS / 1000) == []
    (last,) = add(fold, [], 60 + 20 + QUIET_MS / 1000)
    assert last.state == CLOSED
    assert first[0].incident.id == second[0].incident.id == last.incident.id
    assert (last.incident.flows, last.incident.windows, len(last.incident.targets)) == (20, 2, 20)


def test_after_the_quiet_it_is_another_incident() -> None:
    fold = Fold()
    (first,) = add(fold, scan(range(10)))
    again = add(fold, scan(range(10), 2 * HOUR), 2 * HOUR)
    assert states(again) == [CLOSED, OPEN]
    assert again[0].incident is first.incident
    assert again[1].incident.id != first.incident.id


def test_a_quiet_within_a_window_counts_too() -> None:
    apart, whole = Fold(), Fold()
    changes = add(apart, scan(range(10))) + add(apart, scan(range(10), 2 * HOUR), 2 * HOUR) + apart.finish()
    found = add(whole, scan(range(10)) + scan(range(10), 2 * HOUR))
    assert states(found) == [CLOSED, OPEN]
    found += whole.finish()
    ended = [[c.incident.id for c in told if c.state == CLOSED] for told in (changes, found)]
    assert ended[0] == ended[1]
    assert len(set(ended[0])) == 2


def test_without_times_windows_close_it() -> None:
    fold = Fold()
    add(fold, scan(range(10)), times=False)
    for _ in range(QUIET_WINDOWS):
        assert add(fold, [], times=False) == []
    assert states(add(fold, [], times=False)) == [CLOSED]


def test_without_times_the_same_flows_again_are_another_incident() -> None:
    def ids() -> list[str]:
        fold, found = Fold(), []
        for _ in range(2):
            found += [c.incident.id for c in add(fold, scan(range(10)), times=False)]
            for _ in range(QUIET_WINDOWS + 1):
                add(fold, [], times=False)
        return found

    first, again = ids()
    assert first != again
    # of the same input the same
    assert ids() == [first, again]


def day(wrong: dict[int, int]) -> list[Change]:
    """A day of windows of 1,000 flows an hour, one flagged flow each; some have a clock of another year."""
    fold, told = Fold(), []
    for hour in range(24):
        for at in [START + hour * 3_600_000, *([wrong[hour]] if hour in wrong else [])]:
            seconds = (at - START) / 1000
            told += fold.add(
                alerts([(seconds, A, host(20 + hour), 443, 60, 40, 8.0)]), 1000, at, at + 3_599_999
            )
    return [*told, *fold.finish()]


@pytest.mark.parametrize("year", [0, 1_000_000_000, 4 * START])
def test_a_window_whose_clock_is_wrong_by_years_makes_nothing_more_severe(year: int) -> None:
    usual, off = day({}), day({3: year, 20: year})
    assert usual[-1].daily == pytest.approx(24_000, rel=0.01)
    assert off[-1].daily == pytest.approx(26_000, rel=0.01)
    # nor does it end what goes on, and it ends itself
    closed = [c.incident.windows for c in off if c.state == CLOSED and c.incident.first != year]
    assert closed == [c.incident.windows for c in usual if c.state == CLOSED]
    assert [c.state for c in off if c.incident.first == year].count(CLOSED) == 2


def test_a_window_in_pieces_is_one() -> None:
    fold, last = Fold(), START + 40_000
    fold.add(alerts(scan(range(10))), 500, START, last)
    (change,) = fold.add(alerts(scan(range(10, 20))), 0, START, last)
    assert (change.incident.flows, change.incident.windows, change.daily) == (20, 1, 12_000)
    (change,) = fold.add(alerts(scan(range(20, 30))), 500, START, last)
    assert (change.incident.flows, change.incident.windows, change.daily) == (30, 2, 24_000)


def test_few_targets_of_a_later_window_join_the_scan() -> None:
    fold = Fold()
    (opened,) = add(fold, scan(range(10)))
    (more,) = add(fold, scan(range(10, 12), 60.0), 60.0)
    assert more.incident is opened.incident


def test_a_host_that_was_reached_goes_on_the_same_incident() -> None:
    fold = Fold()
    reached = host(12)
    add(fold, scan(range(10)))
    (more,) = add(fold, [(50.0 + i, reached, host(100 + i), 445, 60, 40, 8.0) for i in range(6)], 50.0)
    assert sorted(more.incident.sources.counts) == sorted([A, reached])
    # on another service it is something else
    other = add(fold, [(70.0 + i, reached, host(100 + i), 9999, 60, 40, 8.0) for i in range(6)], 70.0)
    assert [c.incident.id for c in other] != [more.incident.id]


def test_too_many_are_closed_early_and_counted() -> None:
    fold = Fold(most_open=3)
    pairs = [(float(i), host(i), host(100 + i), 9999, 60, 40, 8.0) for i in range(5)]
    changes = add(fold, pairs[:3]) + add(fold, pairs[3:], 10.0)
    assert len(fold.open) == 3
    assert fold.early == 2
    closed = [c.incident.anchor.source for c in changes if c.state == CLOSED]
    assert closed == [host(0), host(1)]


def test_room_is_bounded_and_counts_go_on() -> None:
    fold = Fold()
    rows = [
        (float(i), A, f"10.{9 + i // 40_000}.{i // 200 % 200}.{i % 200 + 1}", 445, 60, 40, 8.0)
        for i in range(CAP + 500)
    ]
    (change,) = add(fold, rows)
    found = change.incident
    assert (len(found.targets), found.targets.beyond) == (CAP, 500)
    assert (len(found.members), len(found.times)) == (MEMBERS, TIMES)
    told = record(change, "toy@1")
    assert told["counts_are_least"]
    assert told["flows"] == CAP + 500


def test_members_are_the_strangest() -> None:
    rows = [(float(i), A, host(10 + i), 445, 60, 40, 5.0 + i / 10) for i in range(50)]
    fold = Fold()
    (change,) = add(fold, rows)
    surprise = [s for s, _ in change.incident.members]
    assert surprise == pytest.approx([5.0 + i / 10 for i in range(49, 29, -1)], rel=1e-5)


def test_records_have_the_columns_of_the_schema() -> None:
    fold = Fold()
    changes = add(fold, [*scan(range(10)), (3.0, A, B, 8443, 500, 900, 12.0)])
    rows = table(changes, "toy@1")
    assert rows.schema == schema()
    assert list(record(changes[0], "toy@1")) == schema().names
    assert table([], "toy@1").schema == schema()
    for row in rows.to_pylist():
        assert row["share_pair"] + row["share_flow"] + row["share_graph"] == pytest.approx(1.0)
    shown = lines(ranked(changes), 10).splitlines()
    assert len(shown) == 3
    assert "new service" in shown[1]
    assert f"{host(10)} +9" in shown[2]


def test_severity_follows_the_false_incidents_a_day() -> None:
    assert flows_a_day(1000, 0, 86_400_000) == 1000.0
    # an hour at least
    assert flows_a_day(1000, 0, 1000) == 24_000.0
    assert flows_a_day(1000, None, None) == 1000.0
    assert false_a_day(0.0, 500.0) == 500.0
    levels = [severity(x) for x in (5.0, 1.0, 0.1, 0.01, 0.0)]
    assert levels == ["low", "medium", "high", "critical", "critical"]


def test_nothing_flagged_is_nothing() -> None:
    fold = Fold()
    assert add(fold, []) == []
    assert fold.finish() == []
    assert isinstance(table(fold.finish(), "toy@1"), pa.Table)


def gist(changes: list[Change]) -> list[tuple[Any, ...]]:
    """What incidents are in the end, but for what tells of windows and of flows a day."""
    told = []
    for change in changes:
        i = change.incident
        if change.state == CLOSED:
            hosts = sorted(i.sources.counts), sorted(i.targets.counts)
            told.append((i.id, kind_of(i).name, i.first, i.last, i.flows, i.up, i.members, i.times, hosts))
    return sorted(told, key=lambda row: row[0])


def whole_day(rows: list[Row], cuts: list[float]) -> list[tuple[Any, ...]]:
    rows = sorted(rows)
    fold, changes = Fold(), []
    for low, high in itertools.pairwise([-1.0, *sorted(set(cuts)), 1e9]):
        part = [row for row in rows if low <= row[0] < high]
        if part:
            changes += add(fold, part, part[0][0])
    return gist([*changes, *fold.finish()])


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 40_000).map(float),
            st.integers(0, 4).map(host),
            st.integers(10, 25).map(host),
            st.sampled_from([22, 443, 445]),
            *[st.integers(0, 1000)] * 2,
            st.integers(5, 20).map(float),
        ),
        min_size=1,
        max_size=60,
    ),
    hours=st.sets(st.integers(1, 11)),
)
def test_hours_in_windows_of_any_number_of_hours_come_to_the_same(rows: list[Row], hours: set[int]) -> None:
    assert START % QUIET_MS == 0
    rows = list(dict.fromkeys(rows))
    assert whole_day(rows, []) == whole_day(rows, [hour * HOUR for hour in hours])


@given(
    times=st.lists(st.integers(0, 40_000).map(float), min_size=1, max_size=40, unique=True),
    cuts=st.lists(st.integers(1, 40_000).map(float), max_size=6),
)
def test_flows_of_pairs_come_to_the_same_however_they_are_cut(times: list[float], cuts: list[float]) -> None:
    rows: list[Row] = [(t, host(int(t) % 3), host(20 + int(t) % 3), 9999, 60, 40, 8.0) for t in times]
    assert whole_day(rows, []) == whole_day(rows, cuts)


def test_a_gap_within_a_window_ends_an_incident() -> None:
    rows: list[Row] = [(t, A, B, 9999, 60, 40, 8.0) for t in (0.0, 600.0, 600.0 + HOUR + 2, 7_000.0)]
    fold = Fold()
    changes = add(fold, rows)
    assert states(changes) == [CLOSED, OPEN]
    assert [c.incident.flows for c in changes] == [2, 2]


def test_hosts_beyond_those_that_are_named_are_followed() -> None:
    fold = Fold()
    add(fold, [(i / 10, A, host(10 + i), 445, 60, 40, 8.0) for i in range(CAP + 500)])
    reached = host(10 + CAP + 400)
    (more,) = add(fold, [(200.0 + i, reached, host(5000 + i), 445, 60, 40, 8.0) for i in range(6)], 200.0)
    assert more.incident.anchor.source == A


def test_room_for_hosts_that_were_reached_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reached, "MOST_REACHED", 50)
    fold = Fold()
    add(fold, scan(range(80)))
    assert [row[0] for row in fold.as_dict()["reached"]] == [host(10 + i) for i in range(30, 80)]


def kept_values() -> Any:
    fold = Fold()
    add(fold, [*scan(range(10)), (3.0, A, B, 8443, 500, 900, 12.0)])
    return json.loads(json.dumps(fold.as_dict()))


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, inner in steps for path in paths(inner, (*at, key)))]


@given(data=st.data())
def test_what_was_kept_and_is_damaged_is_told_and_changes_nothing(data: st.DataObject) -> None:
    values = kept_values()
    path = data.draw(st.sampled_from([path for path in paths(values) if path]))
    *way, last = path
    inner = values
    for step in way:
        inner = inner[step]
    inner[last] = data.draw(st.sampled_from([None, "x", -1e300, float("nan"), [], {}, [["x"]], True, -9]))
    fold = Fold()
    try:
        fold.restore(values)
    except ValueError:
        # the only error there is
        assert not fold.open
    # whatever it takes it can go on with
    add(fold, scan(range(3)), 10.0)
    assert table(fold.finish(), "toy@1").num_rows
