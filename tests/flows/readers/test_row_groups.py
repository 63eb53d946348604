"""Row groups are dealt out and read whole; what they hold is the same however they are read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.readers.row_groups import Part, RowGroups, parts_of


@given(
    sizes=st.lists(st.integers(0, 40), max_size=12), batch_rows=st.integers(1, 30), skip=st.integers(0, 300)
)
def test_every_row_that_is_wanted_is_in_one_part(sizes: list[int], batch_rows: int, skip: int) -> None:
    parts = parts_of(sizes, batch_rows, skip)
    for part in parts:
        assert part.first == sum(sizes[: part.groups.start])
        assert part.rows == sum(sizes[k] for k in part.groups)
        # a large row group is a part of its own, small ones make a batch at most
        assert part.rows <= batch_rows or len(part.groups) == 1
        # no batch is begun in its midst, and none that is left out has a row that is wanted
        assert part.lead % batch_rows == 0
        assert part.first + part.lead <= max(skip, part.first)
    ends = [part.first + part.rows for part in parts]
    assert [part.first for part in parts[1:]] == ends[:-1]
    if skip < sum(sizes):
        assert ends[-1] == sum(sizes)
        assert parts[0].first + parts[0].lead <= skip < ends[0]
    else:
        assert not parts


def test_small_row_groups_are_joined() -> None:
    assert [list(part.groups) for part in parts_of([3, 3, 3, 20, 2, 9], 10)] == [[0, 1, 2], [3], [4], [5]]


def words(count: int) -> pa.Table:
    return pa.table({"row": range(count), "word": [f"w{i % 7 + i // 100}" for i in range(count)]})


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("dictionaries", [False, True])
@pytest.mark.parametrize(("group", "batch_rows"), [(100, 30), (10, 64), (100, 100), (7, 1000)])
def test_batches_are_rows_in_order(
    tmp_path: Path, whole: bool, dictionaries: bool, group: int, batch_rows: int
) -> None:
    path = tmp_path / "words.parquet"
    pq.write_table(words(330), path, row_group_size=group)
    source = pa.py_buffer(path.read_bytes()) if whole else str(path)
    with RowGroups(source, dictionaries) as file:
        assert sum(file.sizes) == 330
        found = []
        for part in parts_of(file.sizes, batch_rows):
            for table, first in file.tables(part, batch_rows, alone=True):
                assert 0 < table.num_rows <= batch_rows
                assert table["row"][0].as_py() == first
                assert pa.types.is_dictionary(table["word"].type) == dictionaries
                found += table.to_pylist()
    assert found == words(330).to_pylist()


def test_several_threads_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "words.parquet"
    pq.write_table(words(400), path, row_group_size=100)
    meet = threading.Barrier(4, timeout=60)

    def read(part: Part) -> list[int]:
        rows: list[int] = []
        for table, _ in file.tables(part, 25, alone=False):
            if not rows:
                # each has its row group open while the others have theirs
                meet.wait()
            rows += table["row"].to_pylist()
        return rows

    with RowGroups(str(path), True) as file, ThreadPoolExecutor(4) as pool:
        found = [row for rows in pool.map(read, parts_of(file.sizes, 25)) for row in rows]
    assert found == list(range(400))
