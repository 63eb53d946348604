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
    found = repeats.repeats(surprise, code)
    assert [code[i] for i in found.first] == sorted(set(code.tolist()))
    assert [surprise[i] for i in found.first] == [surprise[code == c].max() for c in np.unique(code)]
    assert found.times[found.of].tolist() == [int((code == c).sum()) for c in code]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "MOST", most)
        at = repeats.chosen(surprise, found).tolist()

    def place(i: int) -> tuple[float, int]:
        return -surprise[i], i

    def beyond(i: int) -> bool:
        before = [j for j in range(len(flows)) if code[j] == code[i] and place(j) < place(i)]
        return len(before) >= repeats.OF_PAIR

    wanted = sorted(range(len(flows)), key=lambda i: (beyond(i), *place(i)))
    assert at == sorted(wanted[:most])


@given(pairs=st.sets(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=12), asked=st.integers(0, 12))
def test_new_hosts_are_counted_for_those_that_met_them(pairs: set[tuple[int, int]], asked: int) -> None:
    ends = np.array([*pairs, (9, 9)], np.uint64).reshape(-1, 2)
    # all but the last are new
    fresh, at = np.arange(len(pairs)), np.arange(len(ends))[asked:]
    for role in (0, 1):
        wanted = [sum(pair[role] == end for pair in pairs) for end in ends[at, role].tolist()]
        assert repeats.new_hosts(ends[:, role], fresh, at).tolist() == wanted
