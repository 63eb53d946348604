"""Every Arrow type through every output: nothing fails, and times read the same everywhere."""

from __future__ import annotations

import csv
import functools
import io
import json
import operator
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.encodings import encoding
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Flows
from morpheus_gae.kafka.sink import _arrow
from morpheus_gae.sinks.conform import conform, plain
from morpheus_gae.sinks.ndjson import json_lines
from morpheus_gae.sinks.open import open_sink
from tests.arrow_types import COLUMNS, ROWS

# what acts on a terminal, and no JSON or CSV file needs
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def parts(column: pa.Array) -> list[pa.Array]:
    """A column, and slices that begin within it."""
    return [column, column[1:], column[2:4], column[:0]]


@pytest.fixture(scope="module")
def alerts() -> pa.Table:
    """Alert rows that all columns ride along with."""
    rows = {"IPV4_SRC_ADDR": ["192.0.2.1"] * ROWS, "IPV4_DST_ADDR": ["192.0.2.2"] * ROWS}
    numbers = {name: [1] * ROWS for name in ("IN_BYTES", "OUT_BYTES", "FLOW_DURATION_MILLISECONDS")}
    zeros, lo = np.zeros(ROWS, np.uint64), np.full(ROWS, 0xFFFF_C000_0201, np.uint64)
    attributes, missing = np.ones((ROWS, 3), np.float32), np.zeros(ROWS, np.bool_)
    table = pa.table({**rows, **numbers, **COLUMNS})
    flows = Flows(table, zeros, lo, zeros, lo + np.uint64(1), attributes, missing, np.arange(ROWS))
    surprise = np.full(ROWS, 8.0, np.float32)
    scores = Scores(-np.expm1(-surprise), surprise, surprise, np.zeros(ROWS, np.float32))
    return alert_table(flows, scores, np.ones(ROWS, np.bool_), np.float32(1.0), "toy@1")


@pytest.mark.parametrize("name", COLUMNS)
def test_lines_are_json_and_harmless(name: str) -> None:
    whole = json_lines(pa.table({"x": COLUMNS[name]})).splitlines(keepends=True)
    for part, want in zip(parts(COLUMNS[name]), (whole, whole[1:], whole[2:4], []), strict=True):
        assert json_lines(pa.table({"x": part})) == b"".join(want)
    lines = b"".join(whole).decode()
    assert len([json.loads(line, parse_constant=pytest.fail) for line in lines.splitlines()]) == ROWS
    assert not RAW.search(lines)


@pytest.mark.parametrize(
    ("name", "under"),
    [
        ("plain", []),
        ("ecs", ["morpheus_gae", "record"]),
        ("ocsf", ["unmapped", "record"]),
        ("eve", ["gae", "record"]),
    ],
)
def test_columns_ride_along_in_every_encoding(name: str, under: list[str], alerts: pa.Table) -> None:
    table = encoding(name)(alerts)
    lines = [json.loads(line) for line in json_lines(table).splitlines()]
    alone = [json.loads(line) for line in json_lines(pa.table(COLUMNS)).splitlines()]
    for told, want in zip(lines, alone, strict=True):
        found = functools.reduce(operator.getitem, under, told)
        assert {column: found[column] for column in COLUMNS} == want
    assert pa.ipc.open_stream(_arrow(plain(table))).read_all().num_rows == ROWS


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
def test_files_take_it_and_can_be_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    sink = open_sink(str(path))
    tables = [pa.table({"=n": range(ROWS), **COLUMNS})]
    tables += [tables[0][1:], tables[0][2:4], tables[0][:0]]
    for table in tables:
        sink.add(table)
    # a table of other types comes later
    sink.add(pa.table({"=n": ["=1"], **{name: ["a word"] for name in COLUMNS}}))
    sink.close()
    if kind == "parquet":
        found = pq.read_table(path)
    elif kind == "arrow":
        found = pa.ipc.open_file(path).read_all()
    else:
        text = path.read_text(encoding="utf-8")
        assert not RAW.search(text)
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["'=n", *COLUMNS]
        assert [
            cell for row in rows for cell in row if cell[:1] in tuple("=+-@") and not is_number(cell)
        ] == []
        assert [row[0] for row in rows[1:-1]] == [str(i) for table in tables for i in table["=n"].to_pylist()]
        return
    found.validate()
    assert found.num_columns == 1 + len(COLUMNS)
    assert found["=n"].to_pylist()[:-1] == [i for table in tables for i in table["=n"].to_pylist()]


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_another_type_comes_later(name: str) -> None:
    table = pa.table({"x": COLUMNS[name]})
    for kind in (pa.string(), pa.int64(), pa.float32(), pa.timestamp("us"), pa.list_(pa.int8())):
        found = conform(plain(table), pa.schema([("x", kind)]))
        assert (found.schema.field("x").type, found.num_rows) == (kind, ROWS)
