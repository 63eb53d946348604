from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.sinks.remote.parts import in_parts
from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.sink import Answer


def records(n: int) -> list[Record]:
    return [Record(b"%d" % i, str(i), 0, 0, "") for i in range(n)]


@given(n=st.integers(1, 40), bad=st.sets(st.integers(0, 39)), away=st.sets(st.integers(0, 60)))
def test_each_is_taken_or_refused_once_whenever_the_server_goes_away(
    n: int, bad: set[int], away: set[int]
) -> None:
    taken: list[str] = []
    seen: set[str] = set()
    tries = 0

    def send(part: Sequence[Record]) -> Answer | str:
        nonlocal tries
        tries += 1
        if tries - 1 in away:
            raise Transient("away", 5.0)
        if any(int(r.id) in bad for r in part):
            return "no"
        # a third of them the server had no time for
        late = [r for r in part if int(r.id) % 3 == 0 and r.id not in seen]
        seen.update(r.id for r in late)
        taken.extend(r.id for r in part if r not in late)
        return Answer(late, why="busy" if late else "", after=9.0 if late else None)

    refused: list[str] = []
    left: Sequence[Record] = records(n)
    while left:
        try:
            answer = in_parts(left, send)
        except Transient:
            continue
        refused += [r.record.id for r in answer.refused]
        left = answer.again
        assert not left or (answer.why, answer.after) in {("away", 5.0), ("busy", 9.0)}
    assert sorted(map(int, taken + refused)) == list(range(n))
    assert {int(r) for r in refused} == bad & set(range(n))


def test_one_bad_one_among_many_costs_few_requests() -> None:
    tries: list[int] = []

    def send(part: Sequence[Record]) -> Answer | str:
        tries.append(len(part))
        return "no" if any(r.id == "77" for r in part) else Answer()

    assert [r.record.id for r in in_parts(records(128), send).refused] == ["77"]
    assert len(tries) == 15


def test_nothing_settled_is_a_failure_as_a_whole() -> None:
    def send(_: Sequence[Record]) -> Answer | str:
        raise Transient("away")

    with pytest.raises(Transient):
        in_parts(records(3), send)
