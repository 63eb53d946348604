from __future__ import annotations

import dataclasses
import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.frame import Flows, Position
from morpheus_gae.graph.windows import Windower, windows
from tests.support import make_flows


def cut(flows, sizes):
    at = 0
    for size in sizes:
        yield flows.slice(at, min(at + size, len(flows)))
        at += size
    yield flows.slice(min(at, len(flows)), len(flows))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 60), max_size=10), st.integers(1, 80), st.sampled_from([None, 0.1, 0.25, 100.0])
)
def test_how_the_stream_is_batched_changes_nothing(sizes, graph_size, seconds):
    flows = make_flows(150)
    parts = list(windows(cut(flows, sizes), graph_size, seconds))
    whole = list(windows([flows], graph_size, seconds))
    assert [p.rows.tolist() for p in parts] == [w.rows.tolist() for w in whole]
    np.testing.assert_array_equal(np.concatenate([p.rows for p in parts]), flows.rows)
    assert all(len(p) <= graph_size for p in parts)
    if seconds is None:
        assert all(len(p) == graph_size for p in parts[:-1])
    else:
        assert all(p.time_ms[-1] - p.time_ms[0] < 1000 * seconds for p in parts)


def test_a_quiet_stream_ends_windows_by_time_alone():
    flows = make_flows(10)
    late = dataclasses.replace(flows, time_ms=np.array([0, 1, 2, 5000, 5001, 9000, 9001, 9002, 9003, 20000]))
    assert [len(w) for w in windows([late], 100, 4.0)] == [3, 2, 4, 1]


def test_flows_without_time_are_cut_by_number():
    flows = dataclasses.replace(make_flows(10), time_ms=None)
    assert [len(w) for w in windows([flows], 4, 0.001)] == [4, 4, 2]


def test_a_batch_without_time_leaves_the_window_its_times():
    flows = make_flows(10)
    timed = dataclasses.replace(flows, time_ms=np.array([0, 1, 2, 300, 400, 900, 1100, 1100, 1200, 1900]))
    bare = dataclasses.replace(timed.slice(3, 5), time_ms=None)
    parts = list(windows([timed.slice(0, 3), bare, timed.slice(5, 10)], 100, 1.0))
    assert [p.time_ms.tolist() for p in parts] == [[0, 1, 2, 2, 2, 900], [1100, 1100, 1200, 1900]]
    assert [p.time_ms.tolist() for p in windows([bare, timed.slice(5, 7)], 100, 1.0)] == [
        [900, 900, 900, 1100]
    ]


def test_flush_is_idempotent():
    windower = Windower(100)
    assert windower.push(make_flows(5)) == []
    assert len(windower.flush()[0]) == 5
    assert windower.flush() == []


def test_a_window_needs_room():
    with pytest.raises(ValueError, match="graph_size"):
        Windower(0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_window_needs_time(seconds):
    with pytest.raises(ValueError, match="window_seconds"):
        Windower(10, seconds)


def test_times_below_a_millisecond_count_as_one():
    flows = dataclasses.replace(make_flows(6), time_ms=np.array([0, 0, 1, 1, 1, 2]))
    assert [len(w) for w in windows([flows], 100, 1e-9)] == [2, 3, 1]


@pytest.mark.parametrize("seconds", [float("inf"), 1e308, 1e17])
def test_an_endless_limit_leaves_the_number(seconds):
    assert [len(w) for w in windows([make_flows(10)], 4, seconds)] == [4, 4, 2]


def test_a_flow_from_the_past_stays_in_the_window():
    flows = dataclasses.replace(make_flows(5), time_ms=np.array([5000, 10, 5999, 20, 6000]))
    assert [len(w) for w in windows([flows], 100, 1.0)] == [4, 1]


def test_flushing_early_starts_a_new_window_and_a_new_clock():
    flows = dataclasses.replace(make_flows(4), time_ms=np.array([0, 900, 1800, 1900]))
    windower = Windower(100, 1.0)
    assert windower.push(flows.slice(0, 1)) == []
    assert [len(w) for w in windower.flush()] == [1]
    assert [len(w) for w in windower.push(flows.slice(1, 4))] == [2]
    assert [w.rows.tolist() for w in windower.flush()] == [[3]]


def _messages(lengths: list[int], first: int = 0) -> Flows:
    """Flows of consecutive messages with so many flows each."""
    offsets = np.repeat(np.arange(first, first + len(lengths)), lengths)
    flows = make_flows(max(len(offsets), 1)).slice(0, len(offsets))
    return replace(flows, offsets=offsets.astype(np.int64), done=(Position("t", 0, first + len(lengths)),))


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), max_size=5),
    st.integers(1, 8),
    st.integers(0, 40),
)
def test_reading_again_from_a_position_cuts_the_same_windows(
    batches: list[list[int]], size: int, at: int
) -> None:
    lengths = [n for batch in batches for n in batch]

    def cut(first: int, parts: list[list[int]]) -> list[tuple[list[int], tuple[Position, ...]]]:
        windower = Windower(size, whole_messages=True)
        out = []
        for part in parts:
            out += windower.push(_messages(part, first))
            first += len(part)
        out += windower.flush()
        return [([] if w.offsets is None else w.offsets.tolist(), w.done) for w in out]

    whole = cut(0, batches)
    assert [o for offsets, _ in whole for o in offsets] == np.repeat(range(len(lengths)), lengths).tolist()
    for offsets, done in whole:
        # every position told lies behind all flows so far, and at a message's end
        assert len(done) == 1
        assert not offsets or done[0].offset > offsets[-1]
    reached = [0, *(done[0].offset for _, done in whole)]
    start = reached[at % len(reached)]
    again = cut(start, [lengths[start:]])
    assert [o for o, _ in again if o] == [o for o, done in whole if o and done[0].offset > start]
    if lengths:
        assert whole[-1][1] == (Position("t", 0, len(lengths)),)


def test_a_message_that_is_cut_in_two_is_not_reached() -> None:
    first, *_ = Windower(3).push(_messages([2, 2]))
    assert first.done == (Position("t", 0, 1),)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60), st.integers(1, 20), st.integers(1, 7))
def test_time_ends_no_window_of_fewer_flows_than_asked(steps: list[int], least: int, batch: int) -> None:
    at = np.cumsum(steps).astype(np.int64)
    flows = dataclasses.replace(make_flows(len(at)), time_ms=at)
    batches = [flows.slice(i, min(i + batch, len(at))) for i in range(0, len(at), batch)]
    parts = list(windows(batches, 50, 4.0, least))
    assert np.concatenate([w.time_ms for w in parts]).tolist() == at.tolist()
    for one, after in itertools.pairwise(parts):
        assert len(one) == 50 or (len(one) >= least and after.time_ms[0] >= one.time_ms[0] + 4000)
        # as soon as may be
        assert one.time_ms[least:].max(initial=0) < one.time_ms[0] + 4000
