from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.sinks.columnar import GROUP_ROWS
from morpheus_gae.sinks.open import OutputClosed, open_sink

FIRST = pa.table({"n": [1, 2], "text": ["a", 'b,"'], "deep": [{"x": 1}, None], "none": pa.nulls(2)})
# lacks a column, has another, and values that do not fit
SECOND = pa.table({"n": ["3", "x"], "more": [1, 2], "text": [7, None], "none": [1.5, None]})
CONFORMED = [
    {"n": 1, "text": "a", "deep": {"x": 1}, "none": None},
    {"n": 2, "text": 'b,"', "deep": None, "none": None},
    {"n": 3, "text": "7", "deep": None, "none": "1.5"},
    {"n": None, "text": None, "deep": None, "none": None},
]


def fill(path: Path, *tables: pa.Table) -> Path:
    sink = open_sink(str(path))
    for table in tables:
        sink.add(table)
        sink.flush()
    sink.close()
    sink.close()
    return path


def unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as file:
            return bytes(file.read())
    return path.read_bytes()


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.ndjson.gz", "a.jsonl.zst"])
def test_ndjson_keeps_every_table_as_it_is(tmp_path: Path, name: str) -> None:
    lines = unpacked(fill(tmp_path / name, FIRST, SECOND)).decode().splitlines()
    assert [json.loads(line) for line in lines] == [*FIRST.to_pylist(), *SECOND.to_pylist()]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst"])
def test_csv_has_one_header(tmp_path: Path, name: str) -> None:
    text = unpacked(fill(tmp_path / name, FIRST, SECOND))
    options = pa.csv.ConvertOptions(
        strings_can_be_null=True, column_types={"text": pa.string(), "none": pa.string()}
    )
    got = pa.csv.read_csv(io.BytesIO(text), convert_options=options).to_pylist()
    deep = [row["deep"] and json.dumps(row["deep"], separators=(",", ":")) for row in CONFORMED]
    assert got == [{**row, "deep": told} for row, told in zip(CONFORMED, deep, strict=True)]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.arrows"])
def test_columns_of_the_first_table_hold(tmp_path: Path, name: str) -> None:
    path = fill(tmp_path / name, FIRST.slice(0, 0), FIRST, SECOND, FIRST.slice(0, 0))
    got = pq.read_table(path) if name.endswith("parquet") else pa.ipc.open_file(path).read_all()
    assert got.to_pylist() == CONFORMED


@pytest.mark.parametrize("tables", [[], [FIRST.slice(0, 0)]])
def test_files_without_a_row_are_valid(tmp_path: Path, tables: list[pa.Table]) -> None:
    assert pq.read_table(fill(tmp_path / "a.parquet", *tables)).num_rows == 0
    assert pa.ipc.open_file(fill(tmp_path / "a.arrow", *tables)).read_all().num_rows == 0
    assert fill(tmp_path / "a.ndjson", *tables).read_bytes() == b""
    assert fill(tmp_path / "a.csv", *tables).exists()


def test_small_tables_share_a_row_group(tmp_path: Path) -> None:
    table = pa.table({"n": range(GROUP_ROWS // 4)})
    path = fill(tmp_path / "a.parquet", *[table] * 6)
    assert pq.ParquetFile(path).metadata.num_row_groups == 2
    assert pq.read_table(path).num_rows == 6 * table.num_rows


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.ndjson.zst"])
def test_what_is_flushed_can_be_read_by_another(tmp_path: Path, name: str) -> None:
    sink = open_sink(str(tmp_path / name))
    sink.add(FIRST)
    sink.flush()
    row = {"IPV4_SRC_ADDR": "1.1.1.1", "IPV4_DST_ADDR": "1.1.1.2", "IN_BYTES": 1, "OUT_BYTES": 2}
    rows = [{**row, "FLOW_DURATION_MILLISECONDS": i} for i in range(100)]
    other = open_sink(str(tmp_path / f"b{name[1:]}"))
    other.add(pa.Table.from_pylist(rows))
    other.flush()
    # read before it is closed: every line is whole
    batches = list(read_flows(str(tmp_path / f"b{name[1:]}")))
    assert sum(len(b.flows) for b in batches) == 100
    assert all(bad.reason.value == "truncated_file" and not bad.record for b in batches for bad in b.bad)
    other.close()
    sink.close()


def test_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    for kind in (None, "csv"):
        sink = open_sink("-", kind)
        sink.add(FIRST.select(["n"]))
        sink.close()
    assert out.buffer.getvalue() == b'{"n":1}\n{"n":2}\n"n"\n1\n2\n'  # type: ignore[attr-defined]


def test_a_reader_that_goes_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as pipe:

        class Out:
            buffer: Any = pipe

        monkeypatch.setattr(sys, "stdout", Out())
        with pytest.raises(OutputClosed, match=r"stdout: the reader of the output is gone"):
            open_sink("-").add(FIRST)


def test_a_full_disk_is_told() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    for kind in ("ndjson", "arrow"):
        sink = open_sink("/dev/full", kind)
        with pytest.raises(OutputError, match=r"/dev/full cannot be written: .*[Nn]o space"):
            sink.add(pa.table({"n": range(100_000)}))
        with contextlib.suppress(OutputError):
            sink.close()
        sink.close()


@pytest.mark.parametrize(
    ("url", "kind", "error", "told"),
    [
        ("no/a.ndjson", None, OutputError, r"no/a\.ndjson cannot be written: .*; its folder does not exist"),
        ("no/a.parquet", None, OutputError, "its folder does not exist"),
        (".", "csv", OutputError, "cannot be written"),
        ("a.xml", None, UsageError, r"unknown format '\.xml'; known: \.jsonl"),
        ("a", None, UsageError, r"\(no extension\)"),
        ("a.csv", "xml", UsageError, "choose ndjson, csv, parquet, arrow"),
        ("-", "parquet", UsageError, "stdout takes ndjson or csv"),
        ("a.parquet.gz", None, UsageError, r"leave \.gz out"),
    ],
)
def test_refusals(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    kind: str | None,
    error: type[Exception],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=told):
        open_sink(url, kind)
    assert list(tmp_path.iterdir()) == []
