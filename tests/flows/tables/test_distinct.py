"""Names of columns are told apart, whatever they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.tables.distinct import distinct

NAMES = st.lists(st.sampled_from(["a", "a.1", "a.2", "a.1.1", "b", ""]))


def test_a_number_that_another_column_has_is_passed_over() -> None:
    assert distinct(["a", "a", "a.1"]) == ["a", "a.2", "a.1"]
    assert distinct(["a.1", "a", "a", "a"]) == ["a.1", "a", "a.2", "a.3"]
    assert distinct(["a", "b", "a"]) == ["a", "b", "a.1"]


@given(NAMES)
def test_every_name_is_there_once_and_the_first_keeps_it(names: list[str]) -> None:
    found = distinct(names)
    assert len(found) == len(names) == len(set(found))
    for i, name in enumerate(names):
        if name not in names[:i]:
            assert found[i] == name
