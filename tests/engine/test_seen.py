"""What a window had: flows and times, as the fold of incidents takes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.engine.seen import Seen
from morpheus_gae.flows.frame import concat
from morpheus_gae.flows.span import YEAR_MS
from tests.engine.test_incidents import flows_of


@pytest.mark.parametrize(
    ("starts", "wanted"),
    [
        (pa.array([5, 3, None, 9]), (4, 3, 9)),
        (pa.array(["5", "none", "7.9"]), (3, 5, 7)),
        # beyond what a clock shows
        (pa.array([2.0**60, 4.0]), (2, 4, 4)),
        (pa.array([None, None], pa.int64()), (2, None, None)),
        (pa.array([], pa.int64()), (0, None, None)),
    ],
)
def test_times_are_those_of_the_rows_that_have_one(
    starts: pa.Array, wanted: tuple[int, int | None, int | None]
) -> None:
    assert Seen.of(flows_of(pa.table({"FLOW_START_MILLISECONDS": starts}))) == wanted


def test_a_clock_that_is_wrong_by_years_does_not_count() -> None:
    now = 1_741_602_331_342
    flows = flows_of(pa.table({"FLOW_START_MILLISECONDS": [now, 0, now + 7, 9 * now, now + 5]}))
    assert Seen.of(flows) == (5, now, now + 7)
    # months are no mistake
    assert Seen.of(replace(flows, time_ms=np.array([now, now + YEAR_MS]))) == (5, now, now + YEAR_MS)
    assert Seen.of(replace(flows, time_ms=np.array([0, now]))) == (5, now, now)


def test_flows_without_times_take_none_away_from_the_window() -> None:
    timed = flows_of(pa.table({"FLOW_START_MILLISECONDS": [10, 70]}))
    bare = flows_of(pa.table({"IN_BYTES": [1, 2, 3]}))
    assert Seen.of(concat([bare, replace(timed, time_ms=np.array([10, 70])), bare])) == (8, 10, 70)


def test_without_a_column_there_are_none() -> None:
    assert Seen.of(flows_of(pa.table({"IN_BYTES": [1, 2]}))) == (2, None, None)


def test_times_that_are_read_already_come_first() -> None:
    flows = flows_of(pa.table({"FLOW_START_MILLISECONDS": [1, 2]}))
    assert Seen.of(replace(flows, time_ms=np.array([80, 20]))) == (2, 20, 80)
