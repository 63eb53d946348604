"""Partitions: folders name=value ride along as columns, and whole folders are read, in every format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import InputError
from morpheus_gae.flows.readers.partitions import partitions_of
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.flows.readers.resume import PositionedReader
from tests.flows.made_files import encoded, read, record
from tests.flows.samples import PMACCT, lines

KINDS = {"a.csv": "csv", "b.ndjson": "ndjson", "c.parquet": "parquet", "d.arrow": "arrow", "e": "json"}


def hive(root: Path) -> dict[str, list[dict[str, Any]]]:
    """A folder of all formats, a part each, three days of them; the rows of each file."""
    out = {}
    first = 0
    for day in ("2025-01-01", "2025-01-02", "__HIVE_DEFAULT_PARTITION__"):
        for name, kind in KINDS.items():
            rows = [record(first + i) for i in range(30)]
            first += 30
            path = root / f"dt={day}" / "sensor=a%2Fb c" / f"part-{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(rows, kind))
            out[str(path)] = rows
    (root / "_SUCCESS").write_text("")
    (root / "_temporary").mkdir()
    return out


def test_every_batch_of_a_file_has_its_folders_columns(tmp_path: Path) -> None:
    files = hive(tmp_path)
    seen = []
    for batch in read_flows(str(tmp_path), batch_rows=16, block_bytes=900):
        assert batch.bad == []
        day = batch.source.split("dt=")[1].split("/")[0]
        want = None if day.startswith("__") else day
        assert set(batch.flows.table["dt"].to_pylist()) == {want}
        assert set(batch.flows.table["sensor"].to_pylist()) == {"a/b c"}
        assert batch.flows.table.schema.field("dt").type == pa.string()
        seen += [int(value) for value in batch.flows.attributes[:, 0]]
    assert seen == [row["IN_BYTES"] for rows in files.values() for row in rows]
    flows, _ = read(tmp_path)
    assert flows.table["dt"].null_count == 150


def test_a_file_that_has_the_column_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "Label=1" / "dt=x" / "f.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{**record(1), "dt": 5}]), path)
    flows, _ = read(tmp_path)
    assert flows.table["dt"].to_pylist() == [5]
    assert flows.table["Label"].to_pylist() == ["1"]


def test_presets_are_found_out_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "dt=1").mkdir()
    (tmp_path / "dt=1" / "a.json").write_text(lines(PMACCT))
    (tmp_path / "dt=1" / "b.csv").write_bytes(encoded([record(1)], "csv"))
    batches = list(read_flows(str(tmp_path)))
    assert [batch.preset for batch in batches] == ["pmacct", None]
    assert all(batch.flows.table["dt"].to_pylist() == ["1"] for batch in batches)


def test_a_run_goes_on_in_the_middle_of_a_folder(tmp_path: Path) -> None:
    from morpheus_gae.flows.files.inputs import expand

    hive(tmp_path)
    paths = expand(str(tmp_path))
    whole = [
        batch.flows for batch in PositionedReader(paths, batch_rows=8, block_bytes=700) if len(batch.flows)
    ]
    for at in (0, 3, len(whole) // 2, len(whole) - 2):
        rest = PositionedReader(paths, whole[at].done[0], batch_rows=8, block_bytes=700)
        found = [batch.flows.table for batch in rest if len(batch.flows)]
        want = [flows.table for flows in whole[at + 1 :]]
        names = ["IN_BYTES", "dt", "sensor"]
        rows = [
            [row for table in tables for row in table.select(names).to_pylist()] for tables in (found, want)
        ]
        assert rows[0] == rows[1] != []


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("f=1", {}),
        ("/data/x=1/y=%20a%2Fb/f.csv", {"x": "1", "y": " a/b"}),
        ("x=1/x=2/f", {"x": "2"}),
        ("x=/=y/z/f", {"x": ""}),
        ("x=a=b/f", {"x": "a=b"}),
        ("x=__HIVE_DEFAULT_PARTITION__/f", {"x": None}),
        ("x%3Dy=1/f", {"x=y": "1"}),
        ("x=%zz%/f", {"x": "%zz%"}),
        (os.fsdecode(b"x=\xff/f"), {"x": "�"}),
        ("-", {}),
    ],
)
def test_what_a_path_tells(path: str, want: dict[str, str | None]) -> None:
    assert partitions_of(path) == want


@given(st.text(max_size=30))
def test_whatever_a_path_is_its_columns_are_text(path: str) -> None:
    for name, value in partitions_of(f"{path}/f").items():
        name.encode()
        assert value is None or value.encode() is not None


def test_a_folder_of_other_files_is_refused_by_its_first(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("colour,taste\n1,2\n")
    with pytest.raises(InputError, match=r"readme\.txt: required columns are missing"):
        list(read_flows(str(tmp_path)))
