from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.readers.read import expand, read_flows, total_bytes
from tests.flows.rows import csv_text, joined, json_text, numbers, record, table

COUNT = 40
ROWS = [record(i) for i in range(COUNT)]


def packed(data: bytes, codec: str) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, codec) as file:
        file.write(data)
    return bytes(out.getvalue())


def arrow(new: object, given: pa.Table) -> bytes:
    out = io.BytesIO()
    with new(out, given.schema) as file:  # type: ignore[operator]
        file.write_table(given, max_chunksize=7)
    return out.getvalue()


def parquet(given: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(given, out, row_group_size=10)
    return out.getvalue()


CONTENT = {
    ".parquet": parquet(table(COUNT)),
    ".csv": csv_text(ROWS).encode(),
    ".tsv": csv_text(ROWS).replace(",", "\t").encode(),
    ".ndjson": json_text(ROWS).encode(),
    ".jsonl": json_text(ROWS).encode(),
    ".json": ("[" + ",".join(json_text(ROWS).splitlines()) + "]").encode(),
    ".arrow": arrow(pa.ipc.new_file, table(COUNT)),
    ".feather": arrow(pa.ipc.new_file, table(COUNT)),
    ".arrows": arrow(pa.ipc.new_stream, table(COUNT)),
}
PACKED = {
    **CONTENT,
    **{f"{k}.gz": gzip.compress(v) for k, v in CONTENT.items()},
    **{f"{k}.zst": packed(v, "zstd") for k, v in CONTENT.items()},
}


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> object:
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))

    return give


@pytest.mark.parametrize("suffix", PACKED)
def test_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"flows{suffix}"
    path.write_bytes(PACKED[suffix])
    batches = list(read_flows(str(path), batch_rows=16, block_bytes=500))
    flows, bad = joined(batches)
    assert (numbers(flows), bad) == (list(range(COUNT)), [])
    assert flows.rows.tolist() == list(range(COUNT))
    assert flows.table.select(list(ROWS[0])).to_pylist() == ROWS
    assert {b.source for b in batches} == {str(path)}
    assert sum(b.bytes_read for b in batches) <= path.stat().st_size == total_bytes(str(path))
    if "." not in suffix[1:]:
        assert max(len(b.flows) for b in batches) <= 16


@pytest.mark.parametrize("suffix", PACKED)
def test_stdin_tells_its_format(stdin: object, suffix: str) -> None:
    stdin(PACKED[suffix])  # type: ignore[operator]
    flows, bad = joined(list(read_flows("-")))
    assert (numbers(flows), bad) == (list(range(COUNT)), [])


@pytest.mark.parametrize("suffix", CONTENT)
def test_a_name_without_extension(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "flows"
    path.write_bytes(CONTENT[suffix])
    assert numbers(joined(list(read_flows(str(path))))[0]) == list(range(COUNT))


def test_a_given_format_for_stdin(stdin: object) -> None:
    stdin(b"  garbage\n" + CONTENT[".ndjson"])  # type: ignore[operator]
    flows, bad = joined(list(read_flows("-", stdin_format="ndjson")))
    assert (len(flows), bad) == (COUNT, [(0, "broken_json")])
    with pytest.raises(UsageError, match=r"unknown format 'xml': choose parquet, csv, ndjson, arrow"):
        list(read_flows("-", stdin_format="xml"))


@pytest.mark.parametrize("suffix", [s for s in PACKED if s not in (".csv", ".tsv", ".ndjson", ".jsonl")])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.99])
def test_a_file_that_ends_early(tmp_path: Path, suffix: str, share: float) -> None:
    path, other = tmp_path / f"a{suffix}", tmp_path / "b.ndjson"
    data = PACKED[suffix]
    path.write_bytes(data[: int(len(data) * share)])
    other.write_bytes(CONTENT[".ndjson"])
    batches = list(read_flows([str(path), str(other)], block_bytes=300))
    flows, bad = joined([b for b in batches if b.source == str(path)])
    # the index at the end of an Arrow file is not read: without it nothing is lost
    assert bad == [(len(flows), "truncated_file")] or (len(flows) == COUNT and ".csv" not in suffix)
    # the text formats may have been cut in the last record, which is no whole one then
    assert numbers(flows) == list(range(len(flows)))
    assert len(joined([b for b in batches if b.source == str(other)])[0]) == COUNT
    if share >= 0.9 and suffix in (".arrow", ".arrows"):
        assert len(flows) > COUNT // 2
    if share == 0.02:
        assert len(flows) == 0


def test_everything_before_the_break_is_used(tmp_path: Path) -> None:
    for codec, suffix in (("gzip", ".gz"), ("zstd", ".zst")):
        rows = [record(i, noise=str(hash((i, 7)))) for i in range(30_000)]
        data = packed(csv_text(rows).encode(), codec)
        path = tmp_path / f"flows.csv{suffix}"
        path.write_bytes(data[: len(data) * 3 // 4])
        flows, bad = joined(list(read_flows(str(path))))
        assert len(flows) > 15_000
        assert numbers(flows) == list(range(len(flows)))
        assert bad == [(len(flows), "truncated_file")]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows", ".csv.gz", ".ndjson.zst"])
def test_files_that_are_something_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"flows{suffix}"
    for data in (b"", b"garbage\n" * 100, b"PAR1", b"ARROW1\0\0"):
        path.write_bytes(data)
        batches = list(read_flows(str(path)))
        assert [bad.reason for b in batches for bad in b.bad] == [Reason.TRUNCATED] * (
            data != b"" or len(batches)
        )
        assert not any(len(b.flows) for b in batches)


def test_a_damaged_page(tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    given = pa.concat_tables([table(1000)] * 4)
    pq.write_table(given, path, row_group_size=1000, compression="zstd")
    data = bytearray(path.read_bytes())
    middle = pq.ParquetFile(path).metadata.row_group(2).column(1).data_page_offset
    data[middle : middle + 300] = b"\xff" * 300
    path.write_bytes(data)
    flows, bad = joined(list(read_flows(str(path), batch_rows=500)))
    assert bad == [(len(flows), "truncated_file")]


def test_several_inputs_in_order(tmp_path: Path) -> None:
    for i, name in enumerate(["b.csv", "a.csv", "c.ndjson"]):
        rows = [record(10 * i), record(10 * i + 1)]
        (tmp_path / name).write_text(csv_text(rows) if name.endswith("csv") else json_text(rows))
    (tmp_path / "d.csv").mkdir()
    given = [str(tmp_path / "c.ndjson"), str(tmp_path / "[ab].csv")]
    flows, _ = joined(list(read_flows(given)))
    assert numbers(flows) == [20, 21, 10, 11, 0, 1]
    assert flows.rows.tolist() == [0, 1] * 3
    assert total_bytes(given) == sum((tmp_path / n).stat().st_size for n in ("a.csv", "b.csv", "c.ndjson"))
    assert total_bytes([*given, "-"]) is None
    odd = tmp_path / "odd[1].csv"
    odd.write_text(csv_text([record(5)]))
    assert expand(str(odd)) == [str(odd)]


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    for given in ("none.csv", "*.csv"):
        with pytest.raises(InputError, match="matches none"):
            list(read_flows(str(tmp_path / given)))
    with pytest.raises(InputError, match=r"no data file in that folder"):
        list(read_flows(str(tmp_path)))
    path = tmp_path / "closed.csv"
    path.write_text("x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        return  # the superuser may read anything
    with pytest.raises(InputError, match="cannot be read"):
        list(read_flows(str(path)))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv", ".ndjson"])
def test_missing_columns_in_any_format(tmp_path: Path, suffix: str) -> None:
    given = table(5).drop_columns(["OUT_BYTES"])
    path = tmp_path / f"flows{suffix}"
    rows = given.to_pylist()
    data = {
        ".parquet": parquet(given),
        ".arrow": arrow(pa.ipc.new_file, given),
        ".csv": csv_text(rows).encode(),
        ".ndjson": json_text(rows).encode(),
    }
    path.write_bytes(data[suffix])
    with pytest.raises(InputError, match=r"missing: OUT_BYTES\. Found: FLOW_START"):
        list(read_flows(str(path)))


def test_a_pipe_gives_lines_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe, open(writing, "wb", buffering=0) as feed:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
        feed.write(json_text(ROWS[:3]).encode() + b'{"half')
        batches = read_flows("-")
        assert numbers(next(batches).flows) == [0, 1, 2]
        feed.write(b'": 1}\n' + json_text(ROWS[3:5]).encode())
        batch = next(batches)
        assert numbers(batch.flows) == [3, 4]
        assert [bad.row for bad in batch.bad] == [3]
        feed.close()
        assert list(batches) == []
