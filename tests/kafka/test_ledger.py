"""The ledger: only what was read under the present assignment counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.frame import Position
from morpheus_gae.kafka.ledger import Ledger

KEY = ("t", 0)


def test_read_deliver_commit() -> None:
    ledger = Ledger()
    ledger.add(KEY, committed=None, cut=7)
    source = ledger.note_read(KEY, 3, 5)
    assert source is not None
    assert ledger.base(source, 0) == 3
    assert ledger.cut_of(source, 0) == 7
    assert ledger.in_flight
    assert ledger.reach([Position(source, 0, 6)]) == {KEY: 6}
    assert not ledger.in_flight
    assert ledger.uncommitted() == {KEY: 6}
    # an earlier position says nothing new
    assert ledger.reach([Position(source, 0, 4)]) == {}
    ledger.note_committed({KEY: 6})
    assert ledger.uncommitted() == {}


def test_an_old_assignment_counts_for_nothing() -> None:
    ledger = Ledger()
    ledger.add(KEY, committed=0)
    old = ledger.note_read(KEY, 0, 9)
    assert old is not None
    ledger.remove([KEY])
    assert ledger.note_read(KEY, 10, 11) is None
    ledger.add(KEY, committed=0)
    assert not ledger.alive(old, 0)
    assert ledger.reach([Position(old, 0, 10)]) == {}
    assert ledger.uncommitted() == {}
    new = ledger.note_read(KEY, 0, 3)
    assert new not in (None, old)


def test_offsets_that_go_back_are_refused() -> None:
    ledger = Ledger()
    ledger.add(KEY, committed=0)
    assert ledger.note_read(KEY, 0, 9)
    assert ledger.note_read(KEY, 5, 12) is None


@given(st.lists(st.sampled_from(["assign", "revoke", "read", "deliver", "restart"]), max_size=40))
def test_nothing_is_committed_that_was_not_read_and_delivered_in_one_assignment(acts: list[str]) -> None:
    ledger = Ledger()
    committed = position = 0
    # what was read and is on its way: its name, and where it ends
    waiting: list[tuple[str, int, int]] = []
    for act in acts:
        if act == "assign" and not ledger.keys():
            ledger.add(KEY, committed)
            position = committed
        elif act == "revoke":
            ledger.remove([KEY])
        elif act == "restart" and ledger.keys():
            ledger.suspend()
            ledger.add(KEY, committed)
            position = committed
        elif act == "read":
            source = ledger.note_read(KEY, position, position + 1)
            assert (source is None) == (not ledger.keys())
            if source is not None:
                waiting.append((source, position, position + 2))
                position += 2
        elif act == "deliver" and waiting:
            source, begin, end = waiting.pop(0)
            for offset in ledger.reach([Position(source, 0, end)]).values():
                # without a gap, from what was committed
                assert begin == committed
                committed = offset
                ledger.note_committed({KEY: offset})
