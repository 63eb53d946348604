from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import UsageError
from morpheus_gae.evaluate.data.split import SPLITS, split_benign
from tests.evaluate.make import make_flows


@given(st.integers(1, 50), st.sampled_from(sorted(SPLITS)), st.integers(0, 3))
def test_every_flow_is_in_one_part(n: int, how: str, seed: int) -> None:
    train, test = split_benign(make_flows([1] * n, [2] * n), how, seed)
    assert sorted([*train.rows.tolist(), *test.rows.tolist()]) == list(range(n))
    assert (np.diff(test.rows) > 0).all()


def test_temporal_goes_by_time() -> None:
    flows = make_flows([1] * 5, [2] * 5, time_ms=[50, 10, 40, 20, 30])
    train, test = split_benign(flows, "temporal", 0)
    assert (train.rows.tolist(), test.rows.tolist()) == ([1, 3, 4, 2], [0])


def test_tail_goes_by_the_file() -> None:
    train, test = split_benign(make_flows([1] * 5, [2] * 5, time_ms=[50, 10, 40, 20, 30]), "tail", 0)
    assert (train.rows.tolist(), test.rows.tolist()) == ([0, 1, 2, 3], [4])


def test_random_differs_by_seed_only() -> None:
    flows = make_flows([1] * 50, [2] * 50)
    first, again, other = (split_benign(flows, "random", s)[0].rows.tolist() for s in (0, 0, 1))
    assert first == again != other


def test_unknown() -> None:
    with pytest.raises(UsageError, match=r"choose one of temporal, random, tail"):
        split_benign(make_flows([1], [2]), "fair", 0)
