"""From when to when flows are: clocks that are wrong by years do not count."""

from __future__ import annotations

import numpy as np
import pytest

from morpheus_gae.flows.span import YEAR_MS, span

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
