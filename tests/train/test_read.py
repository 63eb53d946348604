"""Flows without times among those with: they come when their neighbours did, unless they are too many."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from morpheus_gae.flows.frame import Flows
from morpheus_gae.train.read import Kept
from morpheus_gae.train.spool import Spool
from tests.evaluate.make import make_flows


def part(first: int, count: int, timed: bool = True) -> Flows:
    """Flows a second apart; the hundredth comes first."""
    rows = first + np.arange(count)
    flows = make_flows(rows, rows, rows=rows, time_ms=1000 * (500 - rows))
    return flows if timed else replace(flows, time_ms=None)


def kept(parts: list[Flows]) -> Flows:
    with closing(Kept(Spool(), enriched=False)) as held:
        for flows in parts:
            held.add(flows)
        return held.flows()


def test_a_batch_without_times_leaves_the_others_theirs() -> None:
    flows = kept([part(0, 3, False), part(3, 9), part(12, 4, False), part(16, 0, False), part(16, 4)])
    assert flows.time_ms is not None
    # in order of time, and as they came where that says nothing
    assert flows.rows.tolist() == [19, 18, 17, 16, 11, 12, 13, 14, 15, *range(10, 3, -1), 0, 1, 2, 3]
    assert flows.time_ms[4:9].tolist() == [489_000] * 5
    assert flows.time_ms[-4:].tolist() == [497_000] * 4
    assert flows.attributes[:, 0].tolist() == (100.0 + flows.rows).tolist()


@pytest.mark.parametrize(
    "parts",
    [
        [part(0, 20, False)],
        [part(0, 6, False), part(6, 14)],
        [part(0, 14), part(14, 3, False), part(17, 3, False)],
    ],
)
def test_a_long_stretch_without_times_is_in_input_order(parts: list[Flows]) -> None:
    flows = kept(parts)
    assert flows.time_ms is None
    assert flows.rows.tolist() == list(range(20))
