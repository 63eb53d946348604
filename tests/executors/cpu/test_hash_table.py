from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.executors.cpu.hash_table import LEAST, HashTable
from morpheus_gae.model.memory import mix

COLUMNS = {"sum": ("f8", (2,)), "last": ("i4", ())}


def keys(numbers: list[int]) -> np.ndarray:
    return mix(np.array(numbers, np.uint64))


@given(st.lists(st.lists(st.integers(0, 3000), max_size=40), max_size=12), st.data())
@settings(max_examples=40)
def test_a_table_is_a_dict_in_order_of_arrival(windows: list[list[int]], data: st.DataObject) -> None:
    table, known = HashTable(COLUMNS), {}
    for window in windows:
        rows = table.rows(keys(window))
        for number, row in zip(window, rows.tolist(), strict=True):
            assert known.setdefault(number, len(known)) == row
        table["last"][rows] = window
        if data.draw(st.booleans()):
            chosen = np.array(
                data.draw(st.lists(st.booleans(), min_size=table.size, max_size=table.size)), bool
            )
            kept = [n for n, keep in zip(known, chosen, strict=True) if keep]
            table.keep(chosen)
            known = {n: i for i, n in enumerate(kept)}
        assert table["last"].tolist() == list(known)
        assert table.keys.tolist() == keys(list(known)).tolist()


def test_a_table_grows_and_keeps_what_it_holds() -> None:
    table = HashTable(COLUMNS)
    many = keys(list(range(5 * LEAST)))
    for start in range(0, many.shape[0], 700):
        rows = table.rows(many[start : start + 700])
        assert not table["sum"][rows].any(), "a new row is zeros"
        table["sum"][rows] = rows[:, None]
    assert table["sum"][:, 1].tolist() == list(range(5 * LEAST))
    assert table.rows(many).tolist() == list(range(5 * LEAST))


def test_rows_that_were_given_up_come_back_as_zeros() -> None:
    table = HashTable(COLUMNS)
    rows = table.rows(keys([1, 2, 3]))
    table["last"][rows] = 7
    table.keep(np.array([False, True, False]))
    rows = table.rows(keys([1, 2]))
    assert rows.tolist() == [1, 0]
    assert table["last"].tolist() == [7, 0]


def test_a_copy_goes_on_like_the_table() -> None:
    table, other = HashTable(COLUMNS), HashTable(COLUMNS)
    rows = table.rows(keys(list(range(3000))))
    table["sum"][rows] = 2.0
    other.load(table.tensors())
    assert other.rows(keys([5000, 17])).tolist() == table.rows(keys([5000, 17])).tolist() == [3000, 17]
    assert np.array_equal(other["sum"], table["sum"])
