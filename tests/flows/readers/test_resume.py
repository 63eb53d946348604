from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.frame import Position
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.flows.readers.resume import PositionedReader
from tests.cli.test_operations_checkpoint import MAKERS, rows_of

COUNT = 40


@given(
    suffixes=st.lists(st.sampled_from(list(MAKERS)), min_size=1, max_size=3),
    batch=st.integers(1, 50),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_from_any_position_on_come_the_same_records(
    suffixes: list[str], batch: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        paths = []
        for i, suffix in enumerate(suffixes):
            paths.append(f"{name}/{i}{suffix}")
            MAKERS[suffix](Path(paths[-1]), COUNT * i, COUNT)
        whole = list(PositionedReader(paths, batch_rows=batch))
        flows = [(b.source, int(r)) for b in whole for r in b.flows.rows]
        bad = [(r.source, r.row) for b in whole for r in b.bad]
        notes = [note for b in whole for note in b.flows.table["note"].to_pylist()]
        assert notes == [f"row {i}" for i in range(COUNT * len(suffixes))]
        number = data.draw(st.integers(0, len(paths) - 1))
        record = data.draw(st.integers(0, 70))
        start = Position(paths[number], number, record)
        rest = list(PositionedReader(paths, start, batch_rows=batch))
        later = {path: i for i, path in enumerate(paths)}

        def wanted(item: tuple[str, int]) -> bool:
            return (later[item[0]], item[1]) >= (number, record)

        assert [(b.source, int(r)) for b in rest for r in b.flows.rows] == list(filter(wanted, flows))
        assert [(r.source, r.row) for b in rest for r in b.bad] == list(filter(wanted, bad))
        texts = [line for b in rest for line in b.flows.table["note"].to_pylist()]
        assert texts == notes[len(notes) - len(texts) :]


def test_positions_are_reached_in_order(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    MAKERS[".csv"](path, 0, COUNT)
    (batch,) = PositionedReader([str(path)])
    assert batch.flows.offsets is not None
    assert batch.flows.offsets.tolist() == batch.flows.rows.tolist()
    assert batch.flows.done == (Position(str(path), 0, COUNT + 7),)
    half = batch.flows.slice(0, 20)
    assert half.done == (Position(str(path), 0, int(batch.flows.rows[20])),)


@pytest.mark.parametrize("size", [7, 16, 20, 48, 1000])
@pytest.mark.parametrize("skip", [0, 1, 16, 47, 95, 96, 500])
def test_row_groups_that_nobody_wants_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, skip: int
) -> None:
    path = tmp_path / "flows.parquet"
    pq.write_table(pa.Table.from_pylist(rows_of(0, 96)), path, row_group_size=16)
    whole = list(read_flows([str(path)], batch_rows=size))
    groups: list[int] = []
    iterate = pq.ParquetFile.iter_batches

    def iter_batches(self: pq.ParquetFile, size: int, **options: Any) -> object:
        groups.extend(options["row_groups"])
        return iterate(self, size, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", iter_batches)
    rest = list(read_flows([str(path)], batch_rows=size, skip=skip))
    # batches begin where they would have begun
    wanted = [b for b in whole if int(b.flows.rows[-1]) >= skip]
    assert [b.flows.rows.tolist() for b in rest] == [b.flows.rows.tolist() for b in wanted]
    assert [b.flows.table.to_pylist() for b in rest] == [b.flows.table.to_pylist() for b in wanted]
    assert groups == list(range(int(wanted[0].flows.rows[0]) // 16, 6) if wanted else [])
    assert sum(b.bytes_read for b in rest) <= path.stat().st_size
