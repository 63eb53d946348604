from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.report.slots import LADDER, Slots

TIMES = st.lists(st.tuples(st.integers(-(10**14), 10**14), st.integers(0, 2)), min_size=1, max_size=30)
NEAR = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 2)), min_size=1, max_size=30)


def test_each_step_is_a_multiple_of_the_one_before() -> None:
    assert all(b % a == 0 for a, b in pairwise(LADDER))


@given(TIMES | NEAR, st.data())
def test_batches_in_any_order_are_one(events: list[tuple[int, int]], data: st.DataObject) -> None:
    times, bins = np.array(events, np.int64).T
    whole = Slots(3, 20)
    whole.add(times, bins)
    mixed = Slots(3, 20)
    order = np.array(data.draw(st.permutations(range(len(events)))))
    cut = data.draw(st.integers(0, len(events)))
    for part in (order[:cut], order[cut:]):
        mixed.add(times[part], bins[part])
    assert (mixed.step, mixed.start) == (whole.step, whole.start)
    np.testing.assert_array_equal(mixed.counts, whole.counts)


@given(TIMES | NEAR)
def test_every_event_is_in_its_slot(events: list[tuple[int, int]]) -> None:
    times, bins = np.array(events, np.int64).T
    slots = Slots(3, 20)
    slots.add(times, bins)
    assert slots.counts.shape[0] <= 20
    for start, counts in zip(slots.starts.tolist(), slots.counts.tolist(), strict=True):
        inside = (times >= start) & (times < start + slots.step)
        assert counts == np.bincount(bins[inside], minlength=3).tolist()
