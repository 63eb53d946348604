from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.simulate.output.garbage import Garbage
from morpheus_gae.simulate.output.write import open_writer
from morpheus_gae.simulate.simulate import Network, simulate


@pytest.fixture(scope="module")
def tables() -> list[pa.Table]:
    return list(simulate(Network.build(0, 60), 1_000, 1, chunk=300))


def whole(tables: list[pa.Table]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pa.concat_tables(tables).to_pylist()
    return rows


def write(path: Path, tables: list[pa.Table], garbage: Garbage | None = None) -> None:
    with open_writer(str(path), garbage) as add:
        for table in tables:
            add(table)


def test_parquet_arrow_and_json_hold_the_rows(tmp_path: Path, tables: list[pa.Table]) -> None:
    for suffix in ("parquet", "arrow", "ndjson", "jsonl"):
        write(tmp_path / f"flows.{suffix}", tables)
    parquet = pq.read_table(tmp_path / "flows.parquet")
    assert parquet.schema.field("IPV4_SRC_ADDR").type == pa.string()
    assert parquet.schema.field("Label").type == pa.int8()
    assert parquet.to_pylist() == whole(tables)
    assert pa.ipc.open_file(tmp_path / "flows.arrow").read_all().to_pylist() == whole(tables)
    lines = (tmp_path / "flows.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == whole(tables)
    assert (tmp_path / "flows.jsonl").read_bytes() == (tmp_path / "flows.ndjson").read_bytes()


def test_csv_holds_the_rows(tmp_path: Path, tables: list[pa.Table]) -> None:
    write(tmp_path / "flows.csv", tables)
    options = pa.csv.ConvertOptions(strings_can_be_null=True)
    read = pa.csv.read_csv(tmp_path / "flows.csv", convert_options=options)
    assert read.to_pylist() == whole(tables)


def test_garbage_comes_between_good_json(tmp_path: Path, tables: list[pa.Table]) -> None:
    write(tmp_path / "clean.ndjson", tables)
    garbage = Garbage(0.1, 1, csv=False)
    write(tmp_path / "dirty.ndjson", tables, garbage)
    clean = (tmp_path / "clean.ndjson").read_text().splitlines()
    dirty = (tmp_path / "dirty.ndjson").read_text().splitlines()
    assert garbage.added == 100
    assert len(dirty) == len(clean) + 100
    good = set(clean)
    assert [line for line in dirty if line in good] == clean
    bad = [line for line in dirty if line not in good]
    assert any("NaN" in line for line in bad)
    assert any(":-" in line.replace(" ", "") for line in bad)
    assert any(not line.endswith("}") for line in bad)


def test_garbage_comes_between_good_csv(tmp_path: Path, tables: list[pa.Table]) -> None:
    write(tmp_path / "clean.csv", tables)
    write(tmp_path / "dirty.csv", tables, Garbage(0.1, 1, csv=True))
    clean = (tmp_path / "clean.csv").read_text().splitlines()
    dirty = (tmp_path / "dirty.csv").read_text().splitlines()
    good = set(clean)
    assert [line for line in dirty if line in good] == clean
    widths = {len(row) for row in csv.reader(dirty)}
    assert len(widths) == 3


def test_nothing_is_left_of_a_failed_run(tmp_path: Path, tables: list[pa.Table]) -> None:
    def fail() -> None:
        with open_writer(str(tmp_path / "flows.parquet")) as add:
            add(tables[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "garbage", "error", "message"),
    [
        ("flows.xlsx", None, UsageError, "must end in"),
        ("flows.parquet", Garbage(0.1, 0, csv=False), UsageError, "only text"),
        ("missing/flows.csv", None, OutputError, "cannot write"),
    ],
)
def test_refusals(
    tmp_path: Path, name: str, garbage: Garbage | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        write(tmp_path / name, [], garbage)
