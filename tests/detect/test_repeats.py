from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.detect import repeats

FLOWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=40)


@given(flows=FLOWS, most=st.integers(1, 30))
def test_the_most_anomalous_of_each_pair_come_first(flows: list[tuple[int, int]], most: int) -> None:
    code = np.array([pair for pair, _ in flows], np.uint64)
    surprise = np.array([nats for _, nats in flows], np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "MOST", most)
        at = repeats.chosen(surprise, code).tolist()

    def place(i: int) -> tuple[float, int]:
        return -surprise[i], i

    def beyond(i: int) -> bool:
        before = [j for j in range(len(flows)) if code[j] == code[i] and place(j) < place(i)]
        return len(before) >= repeats.OF_PAIR

    wanted = sorted(range(len(flows)), key=lambda i: (beyond(i), *place(i)))
    assert at == sorted(wanted[:most])
