from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.lazy import LazySink
from morpheus_gae.sinks.open import check_destination, open_sink


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "alerts.jsonl"
    path.write_text("of yesterday\n")
    return path


def lazy(path: Path) -> LazySink:
    return LazySink(lambda: open_sink(str(path)))


def test_what_fails_before_the_first_table_empties_nothing(old: Path) -> None:
    lazy(old).close()
    assert old.read_text() == "of yesterday\n"


def test_the_first_table_replaces_what_was_there(old: Path) -> None:
    sink = lazy(old)
    sink.add(pa.table({"a": [1]}))
    sink.flush()
    assert old.read_text() == '{"a":1}\n'
    sink.close()


def test_an_empty_result_is_an_empty_file(old: Path) -> None:
    sink = lazy(old)
    sink.flush()
    sink.close()
    assert old.read_text() == ""


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("no/a.jsonl", OutputError, "its folder does not exist"),
        ("", OutputError, "it is a folder"),
        ("a.docx", UsageError, "unknown format"),
        ("a.parquet.gz", UsageError, "not compressed as a whole"),
    ],
)
def test_what_can_be_refused_is_refused_before(
    tmp_path: Path, name: str, error: type[Exception], message: str
) -> None:
    path = tmp_path / name if name else tmp_path / "folder.jsonl"
    if not name:
        path.mkdir()
    with pytest.raises(error, match=message):
        check_destination(str(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written(old: Path) -> None:
    old.chmod(0o444)
    with pytest.raises(OutputError, match="permission denied"):
        check_destination(str(old))


def test_checking_touches_nothing(old: Path) -> None:
    check_destination(str(old))
    check_destination(str(old.with_name("new.csv")))
    check_destination("-")
    assert [p.name for p in old.parent.iterdir()] == [old.name]
    assert old.read_text() == "of yesterday\n"
