"""How long a stream is: windows of a clock that is wrong by years are no part of that."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.span import YEAR_MS
from morpheus_gae.incidents.stretches import MOST, Stretches

NOW = 1_741_602_331_342
HOUR = 3_600_000


def ends(windows: list[tuple[int, int, int]]) -> tuple[int | None, int | None]:
    times = Stretches()
    for window in windows:
        times.add(*window)
    return times.first, times.last


def test_windows_of_wrong_clocks_do_not_count() -> None:
    day = [(1000, NOW + i * HOUR, NOW + (i + 1) * HOUR) for i in range(24)]
    whole = (NOW, NOW + 24 * HOUR)
    assert ends(day) == whole
    wrong = [(900, at, at + HOUR) for at in (0, 70_000_000, 4 * NOW, -5)]
    assert ends([*wrong, *day]) == whole
    assert ends([*day[:7], *wrong, *day[7:]]) == whole
    # nobody can tell which of two is right
    assert ends([(1, 0, HOUR), (1, NOW, NOW)]) == ends([(1, NOW, NOW), (1, 0, HOUR)]) == (NOW, NOW)
    assert ends([]) == (None, None)
    # months are no mistake
    assert ends([(1, NOW, NOW), (1, NOW - YEAR_MS, NOW - YEAR_MS)]) == (NOW - YEAR_MS, NOW)


def test_what_comes_between_joins_both() -> None:
    times = Stretches()
    for at in (0, 3 * YEAR_MS // 2, YEAR_MS):
        times.add(5, at, at + 1)
    assert times.found == [(15, 0, 3 * YEAR_MS // 2 + 1)]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 40), st.integers(0, 3)), min_size=1, max_size=80)
)
def test_stretches_are_years_apart_and_bounded(windows: list[tuple[int, int, int]]) -> None:
    times = Stretches()
    for flows, year, length in windows:
        first = year * 2 * YEAR_MS + 7 * length
        times.add(flows, first, first + length * HOUR)
        assert times.found[-1][1] <= first <= times.found[-1][2]
        starts = np.sort([one[1] for one in times.found])
        assert len(times.found) <= MOST
        assert (np.diff(starts) > YEAR_MS).all()
    assert sum(one[0] for one in times.found) <= sum(flows for flows, _, _ in windows)
