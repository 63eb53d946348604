"""Where the windows of a run end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from morpheus_gae.detect.learner import BLOCK_MS, WINDOW_LEAST
from morpheus_gae.engine.run.cut import windower
from morpheus_gae.engine.settings import Settings
from tests.support import make_flows


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, [5 * WINDOW_LEAST]),
        # an hour, or a thousand flows where these take longer
        ({"learn": True}, [2 * WINDOW_LEAST] * 2 + [WINDOW_LEAST]),
        ({"learn": True, "window_seconds": 1800.0}, [WINDOW_LEAST] * 5),
        (
            {"learn": True, "graph_size": 4 * WINDOW_LEAST, "window_seconds": 1e9},
            [4 * WINDOW_LEAST, WINDOW_LEAST],
        ),
    ],
)
def test_a_run_that_learns_ends_windows_at_the_hour(told: dict, wanted: list[int]) -> None:
    n = 5 * WINDOW_LEAST
    flows = make_flows(n)
    at = np.arange(n) * (BLOCK_MS // (2 * WINDOW_LEAST))
    cutter = windower(Settings().overridden(told), whole_messages=False)
    parts = cutter.push(dataclasses.replace(flows, time_ms=at.astype(np.int64)))
    assert [len(w) for w in parts + cutter.flush()] == wanted


def test_flows_out_of_order_are_not_cut_to_crumbs() -> None:
    flows = make_flows(2 * WINDOW_LEAST)
    at = np.random.default_rng(0).integers(0, 100 * BLOCK_MS, len(flows))
    cutter = windower(Settings(learn=True), whole_messages=False)
    parts = cutter.push(dataclasses.replace(flows, time_ms=at)) + cutter.flush()
    assert [len(w) >= WINDOW_LEAST for w in parts[:-1]] == [True] * (len(parts) - 1)
