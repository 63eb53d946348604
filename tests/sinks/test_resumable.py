from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.sinks.resumable import ResumableDeadLetters, ResumableText, kind_of


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_cut_back_and_continued(tmp_path: Path, name: str) -> None:
    tables = [pa.table({"a": [i], "b": [f"row {i}"]}) for i in range(4)]
    whole = ResumableText(str(tmp_path / f"whole-{name}"))
    first = ResumableText(str(tmp_path / name))
    for sink in (whole, first):
        sink.add(tables[0])
    written = first.sync()
    assert written.bytes == (tmp_path / name).stat().st_size > 0
    # what comes after is lost, the last of it in the middle of a row
    first.add(pa.table({"a": [99], "b": ["lost"]}))
    first.close()
    os.truncate(tmp_path / name, (tmp_path / name).stat().st_size - 3)
    second = ResumableText(str(tmp_path / name), written)
    # a table with its columns in another order: those of the first hold in a CSV file
    for table in [tables[1].select(["b", "a"]), *tables[2:]] if name.endswith("csv") else tables[1:]:
        second.add(table)
    for table in tables[1:]:
        whole.add(table)
    second.close()
    whole.close()
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole-{name}").read_bytes()


def test_a_csv_file_without_rows_still_gets_its_header(tmp_path: Path) -> None:
    path = str(tmp_path / "a.csv")
    first = ResumableText(path)
    first.add(pa.table({"a": pa.array([], pa.int64())}))
    written = first.sync()
    first.close()
    assert written.bytes == 0
    second = ResumableText(path, written)
    second.add(pa.table({"a": [1]}))
    second.close()
    assert Path(path).read_text() == '"a"\n1\n'


def test_a_file_that_is_shorter_than_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    sink = ResumableText(str(path))
    sink.add(pa.table({"a": [1]}))
    written = sink.sync()
    sink.close()
    path.write_text("")
    with pytest.raises(OutputError, match="shorter than the checkpoint says"):
        ResumableText(str(path), written)
    path.unlink()
    with pytest.raises(OutputError, match="cannot be continued: No such file"):
        ResumableText(str(path), written)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.zst", "a.parquet", "a.arrow", "a"])
def test_what_cannot_be_cut_back(name: str) -> None:
    with pytest.raises(UsageError, match=r"continues \.jsonl and \.csv"):
        kind_of(name)


def bad(row: int) -> BadRecord:
    return BadRecord(Reason.BROKEN_JSON, "f", row, "x" * row, "{")


def test_dead_letters_know_what_comes_before_a_position(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    number = [0]
    letters = ResumableDeadLetters(str(path), lambda: number[0])
    assert letters.sync(0, 100) == 0
    letters.add([bad(2), bad(5)])
    letters.add([])
    letters.add([bad(9)])
    number[0] = 1
    letters.add([bad(1)])
    ends = [0]
    for line in path.read_bytes().splitlines(keepends=True):
        ends.append(ends[-1] + len(line))
    assert letters.sync(0, 2) == ends[0]
    assert letters.sync(0, 3) == ends[1]
    assert letters.sync(0, 5) == ends[1]
    assert letters.sync(0, 50) == ends[3]
    assert letters.sync(1, 1) == ends[3]
    letters.close()
    # the source has ended, and its windows are still on their way
    assert letters.sync(1, 2) == ends[4]
    again = ResumableDeadLetters(str(path), lambda: 0, ends[2])
    again.add([bad(9)])
    again.close()
    assert path.stat().st_size == ends[3]
    assert again.sync(0, 9) == ends[2]
    assert again.sync(0, 10) == ends[3]
