from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_flush_is_idempotent():
    windower = Windower(100)
    assert windower.push(make_flows(5)) == []
    assert len(windower.flush()[0]) == 5
    assert windower.flush() == []


def test_a_window_needs_room():
    with pytest.raises(ValueError, match="graph_size"):
        Windower(0)
