"""Ranges of memory in words: what counts as one flow, though it was many, is not told as the only one."""

from __future__ import annotations

import numpy as np
import pytest

from morpheus_gae.detect.facts import counting, ranges
from morpheus_gae.detect.habits import habit


@pytest.mark.parametrize(
    ("flows", "spread", "words", "count"),
    [
        (1.0, 0.0, "the only flow or burst of this pair in memory had ", ""),
        # a burst, see ``train.returned``; a pair that has faded
        (1.0, 0.2, "at least 99 % of the flows of this pair had ", ""),
        (0.4, 0.0, "at least 99 % of the flows of this pair had ", ""),
        (20.0, 0.2, "at least 99 % of the flows of this pair had ", " (20 count in memory)"),
    ],
)
def test_how_many_flows_are_told(flows: float, spread: float, words: str, count: str) -> None:
    known = np.array([[flows, 0, 0, 0, spread, spread, spread]], np.float32)
    mean, scale = np.full(3, 5, np.float32), np.ones(3, np.float32)
    x = np.array([[4, 0, 0]], np.float32)
    told: list[list[str]] = [[]]
    values = np.expm1(x.astype(np.float64) + 5)
    ranges(told, values, habit(x, known, mean, scale), np.zeros(1, np.bool_), ["this pair"])
    (fact,) = told[0]
    assert f" B up, where {words}" in fact
    assert fact.endswith(count)
    assert bool(count) is ("count" in fact)


@pytest.mark.parametrize(
    ("number", "which", "words"),
    [
        (0.2, "", "less than one flow counts in memory"),
        (1.0, " to it", "1 flow to it counts in memory"),
        (6000.0, "", "6,000 flows count in memory"),
    ],
)
def test_what_counts_is_told_as_such(number: float, which: str, words: str) -> None:
    assert counting(number, which) == words
