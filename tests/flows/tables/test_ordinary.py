from __future__ import annotations

import pyarrow as pa
import pytest

from morpheus_gae.flows.tables.checks import checked
from morpheus_gae.flows.tables.json_text import json_text
from morpheus_gae.flows.tables.ordinary import is_odd, ordinary
from tests.arrow_types import COLUMNS


def texts(column: pa.Array) -> list[str]:
    return json_text(pa.chunked_array([column])).to_pylist()


@pytest.mark.parametrize("name", COLUMNS)
def test_ordinary_types_hold_the_same_and_give_up_rows(name: str) -> None:
    column = COLUMNS[name]
    found = ordinary(column)
    found.validate()
    assert not is_odd(found.type)
    picked = found.take(pa.array([4, 1, 1]))
    want = texts(column)
    assert texts(picked) == [want[4], want[1], want[1]]
    assert texts(ordinary(column[1:])) == want[1:]


@pytest.mark.parametrize("name", COLUMNS)
def test_no_type_and_no_time_makes_a_table_a_damaged_one(name: str) -> None:
    column = COLUMNS[name]
    table, garbled = checked(pa.table({"x": column}))
    assert garbled is None
    if "union" not in name:
        assert texts(table["x"].combine_chunks()) == texts(column)
