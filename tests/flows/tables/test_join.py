from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.tables import join
from morpheus_gae.flows.tables.join import TEXT, joined, joined_lists

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Shorter and longer than what is copied at a time."""


@settings(max_examples=60)
@given(data=st.data(), rows=st.integers(0, 20), block=st.integers(1, 9))
def test_joined_as_arrow_joins(data: st.DataObject, rows: int, block: int) -> None:
    pieces: list[pa.ChunkedArray | str] = []
    for _ in range(data.draw(st.integers(1, 5))):
        if data.draw(st.booleans()):
            pieces.append(data.draw(WORDS))
            continue
        values = pa.array(data.draw(st.lists(WORDS, min_size=rows + 2, max_size=rows + 2)), TEXT)
        cut = data.draw(st.integers(0, rows))
        # slices, so that offsets do not begin at 0
        pieces.append(pa.chunked_array([values[1 : 1 + cut], values[1 + cut : 1 + rows]], TEXT))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(join, "BLOCK", block)
        found = joined(pieces, rows)
    found.validate(full=True)
    columns = [pa.chunked_array([pa.array([p] * rows, TEXT)]) if isinstance(p, str) else p for p in pieces]
    wanted = pc.binary_join_element_wise(*columns, pa.scalar("", TEXT))
    assert found.to_pylist() == wanted.to_pylist()


@settings(max_examples=60)
@given(
    lists=st.lists(st.lists(WORDS, max_size=4), max_size=8),
    cut=st.integers(0, 2),
    mark=st.sampled_from(["", '"']),
)
def test_lists_as_json_joins(lists: list[list[str]], cut: int, mark: str) -> None:
    words = pa.array([*["before"] * cut, *(word for row in lists for word in row), "behind"], TEXT)
    stops = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    items = pa.chunked_array([words[cut:-1]], TEXT)
    found = joined_lists(items, mark, stops)
    found.validate(full=True)
    assert found.to_pylist() == [f"[{','.join(f'{mark}{word}{mark}' for word in row)}]" for row in lists]
