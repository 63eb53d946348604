from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.tables.json_text import json_text
from morpheus_gae.flows.tables.ordinary import ordinary_column
from morpheus_gae.flows.tables.picked import picked
from tests.arrow_types import COLUMNS


def rows(table: pa.Table) -> list[list[str]]:
    return [json_text(ordinary_column(column)).to_pylist() for column in table.columns]


@given(
    texts=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=3),
    more=st.lists(st.integers(0, 12), max_size=3),
    chosen=st.sets(st.integers(0, 11)),
)
def test_rows_of_pieces_are_those_of_the_whole(
    texts: list[str | None], cuts: list[int], more: list[int], chosen: set[int]
) -> None:
    def in_pieces(values: pa.Array, ends: list[int]) -> pa.ChunkedArray:
        edges = [0, *sorted(min(end, len(values)) for end in ends), len(values)]
        parts = [values[a:b] for a, b in itertools.pairwise(edges)]
        if pa.types.is_dictionary(values.type):
            # each with words of its own
            parts = [part.dictionary_decode().dictionary_encode() for part in parts]
        return pa.chunked_array(parts, values.type)

    numbers, words = pa.array(range(len(texts))), pa.array(texts, pa.string()).dictionary_encode()
    table = pa.table({"number": in_pieces(numbers, cuts), "word": in_pieces(words, more)})
    index = np.array(sorted(i for i in chosen if i < len(texts)), np.int64)
    found = picked(table, index)
    found.validate(full=True)
    assert found["number"].to_pylist() == index.tolist()
    assert found["word"].to_pylist() == [texts[i] for i in index]
    assert all(column.num_chunks <= 1 for column in found.columns)


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_any_type_in_pieces(name: str) -> None:
    column = COLUMNS[name]
    whole = pa.table({"x": pa.chunked_array([column, column])})
    count = len(column)
    index = np.array([1, count - 1, count, count + 2], np.int64)
    want = rows(pa.table({"x": column}))[0]
    assert rows(picked(whole, index)) == [[want[i % count] for i in index.tolist()]]
    assert rows(picked(whole, index[2:])) == [[want[i % count] for i in index[2:].tolist()]]
    assert picked(whole, index[:0]).num_rows == 0
