"""One run at a time writes a file."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from morpheus_gae.errors import OutputError
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.sinks.alone import open_alone
from morpheus_gae.sinks.dead_letters import DeadLetters
from morpheus_gae.sinks.open import open_sink

ROWS = pa.table({"n": [1, 2]})
BAD = BadRecord(Reason.ADDRESS, "f", 0, "x", "{}")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv.gz", "a.jsonl.zst", "a.parquet", "a.arrow"])
def test_the_rows_of_another_run_are_not_written_over(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    first = open_sink(str(path))
    first.add(ROWS)
    first.flush()
    held = path.read_bytes()
    with pytest.raises(OutputError, match="another run writes it"):
        open_sink(str(path))
    assert path.read_bytes() == held
    first.close()
    whole = path.read_bytes()
    open_sink(str(path)).close()
    assert path.read_bytes() != whole


def test_nor_are_its_dead_letters(tmp_path: Path) -> None:
    path = str(tmp_path / "dead.ndjson")
    first, second = DeadLetters(path), DeadLetters(path)
    first.add([BAD])
    with pytest.raises(OutputError, match="another run writes it"):
        second.add([BAD])
    first.close()
    second.add([BAD, BAD])
    second.close()
    assert Path(path).read_bytes().count(b"\n") == 2


def test_a_file_is_replaced_and_a_device_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("longer than what comes")
    with open_alone(str(path)) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"
    with open_alone(os.devnull) as one, open_alone(os.devnull) as other:
        one.write(b"x")
        other.write(b"x")
