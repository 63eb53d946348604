"""Files that cannot be read: one clear line each, exit 1, and nothing else is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import morpheus_gae.executors.open
from morpheus_gae.cli.morpheus import main
from tests.cli.toy_morpheus import open_toy
from tests.flows.rows import csv_text, record, table


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)
    monkeypatch.chdir(tmp_path)


def run(pattern: str) -> Result:
    fixed = ("--model", "toy", "--output", "a.jsonl", "--threshold", "0", "--metrics", "m.json")
    return CliRunner().invoke(main, ["run", "pipeline-gae", "--input", pattern, *fixed])


def lying_arrow(path: str, rows: int = 300) -> None:
    """An address whose offset points outside of its text."""
    given = table(rows)
    addresses = given["IPV4_SRC_ADDR"].chunk(0)
    offsets = np.frombuffer(addresses.buffers()[1], np.int32)[: rows + 1].copy()
    offsets[7] = 2**30
    buffers = [None, pa.py_buffer(offsets), addresses.buffers()[2]]
    lying = pa.Array.from_buffers(pa.string(), rows, buffers)
    given = given.set_column(1, "IPV4_SRC_ADDR", lying)
    with pa.ipc.new_file(path, given.schema) as writer:
        writer.write_table(table(rows))
        writer.write_table(given)


def errors(done: Result) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


def alerts() -> int:
    return len(Path("a.jsonl").read_text().splitlines())


def test_offsets_that_point_outside() -> None:
    lying_arrow("flows.arrow")
    done = run("flows.arrow")
    assert done.exit_code == 1, done.output
    (line,) = errors(done)
    assert line.startswith("Error: flows.arrow cannot be read from record 300 on: ")
    # the batch before is whole
    assert alerts() == 300


def test_one_damaged_file_of_several_costs_itself_alone() -> None:
    lying_arrow("b.arrow")
    Path("a.csv").write_text(csv_text([record(i) for i in range(5)]))
    Path("c.csv").write_text("one,two\n1,2\n")
    Path("d.parquet").write_bytes(b"PAR1 and nothing else")
    pq.write_table(table(7), "e.parquet")
    done = run("[abcde].*")
    assert done.exit_code == 1, done.output
    assert [line.split()[1] for line in errors(done)] == ["b.arrow", "c.csv", "d.parquet"]
    assert "required columns are missing" in errors(done)[1]
    assert alerts() == 5 + 300 + 7
    facts = json.loads(Path("m.json").read_text())
    assert facts["bad_records"] == {"truncated_file": 2, "unreadable_file": 1}
    assert len(Path("a.jsonl.dead.ndjson").read_text().splitlines()) == 3


def test_a_single_file_of_something_else_is_refused() -> None:
    Path("c.csv").write_text("one,two\n1,2\n")
    done = run("c.csv")
    assert done.exit_code == 1
    assert "Error: c.csv: required columns are missing" in done.stderr


def test_text_that_is_not_utf8_costs_its_row() -> None:
    given = table(300)
    notes = pa.array([b"note"] * 299 + [b"\xff\xfe"]).view(pa.string())
    pq.write_table(given.append_column("note", notes), "flows.parquet")
    done = run("flows.parquet")
    assert done.exit_code == 0, done.output
    assert alerts() == 299
    (letter,) = map(json.loads, Path("a.jsonl.dead.ndjson").read_text().splitlines())
    assert letter["reason"] == "bad_encoding"
    assert json.loads(letter["record"])["note"] == "\ufffd\ufffd"


def test_half_of_a_surrogate_pair() -> None:
    rows = [json.dumps(record(i, note="a")) for i in range(400)]
    rows[0] = rows[0].replace('"note"', '"no\\ud800te"')
    rows[5] = rows[5].replace('"a"}', '"\\ud800"}')
    Path("flows.json").write_text("\n".join(rows) + "\n")
    done = run("flows.json")
    assert done.exit_code == 0, done.output
    assert alerts() == 398
    assert json.loads(Path("m.json").read_text())["bad_records"] == {"bad_encoding": 2}
