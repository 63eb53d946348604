"""From when to when flows are: clocks that are wrong by years do not count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.span import YEAR_MS, neighbours, span

NOW = 1_741_602_331_342


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ([NOW + 9, NOW, NOW + 4], (NOW, NOW + 9)),
        ([NOW, 0, NOW + 7, 9 * NOW, NOW + 5], (NOW, NOW + 7)),
        # months are no mistake
        ([NOW, NOW + YEAR_MS], (NOW, NOW + YEAR_MS)),
        # nobody can tell which of two is right
        ([0, NOW], (NOW, NOW)),
        ([NOW], (NOW, NOW)),
    ],
)
def test_first_and_last(times: list[int], wanted: tuple[int, int]) -> None:
    assert span(np.array(times, np.int64)) == wanted


@given(
    st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=1, max_size=12).filter(
        lambda times: any(t is not None for t in times)
    )
)
def test_what_tells_no_time_has_that_of_its_neighbour(times: list[int | None]) -> None:
    found = neighbours(np.array([t or 0 for t in times]), np.array([t is None for t in times])).tolist()
    now = next(t for t in times if t is not None)
    for time, told in zip(found, times, strict=True):
        now = now if told is None else told
        assert time == now
