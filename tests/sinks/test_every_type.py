"""Every Arrow type through every output: nothing fails, and times read the same everywhere."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.encodings import ENCODINGS, encoding
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.json_text import plain_text
from morpheus_gae.flows.ordinary import is_odd, ordinary
from morpheus_gae.flows.stack import as_text
from morpheus_gae.flows.times import PER_SECOND
from morpheus_gae.kafka.sink import _arrow
from morpheus_gae.sinks.conform import conform, plain
from morpheus_gae.sinks.ndjson import json_lines
from morpheus_gae.sinks.open import open_sink
from tests.arrow_types import COLUMNS, ROWS, UNITS

# what acts on a terminal, and no JSON or CSV file needs
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def parts(column: pa.Array) -> list[pa.Array]:
    """A column, and slices that begin within it."""
    return [column, column[1:], column[2:4], column[:0]]


def as_alerts(column: pa.Array) -> pa.Table:
    """Alert rows that a column rides along with."""
    n = len(column)
    rows = {"IPV4_SRC_ADDR": ["192.0.2.1"] * n, "IPV4_DST_ADDR": ["192.0.2.2"] * n}
    numbers = {name: [1] * n for name in ("IN_BYTES", "OUT_BYTES", "FLOW_DURATION_MILLISECONDS")}
    zeros, lo = np.zeros(n, np.uint64), np.full(n, 0xFFFF_C000_0201, np.uint64)
    attributes, missing = np.ones((n, 3), np.float32), np.zeros(n, np.bool_)
    table = pa.table({**rows, **numbers, "x": column})
    flows = Flows(table, zeros, lo, zeros, lo + np.uint64(1), attributes, missing, np.arange(n))
    surprise = np.full(n, 8.0, np.float32)
    scores = Scores(-np.expm1(-surprise), surprise, surprise, np.zeros(n, np.float32))
    return alert_table(flows, scores, np.ones(n, np.bool_), np.float32(1.0), "toy@1")


@pytest.mark.parametrize("name", COLUMNS)
def test_lines_are_json_and_harmless(name: str) -> None:
    whole = json_lines(pa.table({"x": COLUMNS[name]})).splitlines(keepends=True)
    for part, want in zip(parts(COLUMNS[name]), (whole, whole[1:], whole[2:4], []), strict=True):
        assert json_lines(pa.table({"x": part})) == b"".join(want)
    lines = b"".join(whole).decode()
    assert len([json.loads(line, parse_constant=pytest.fail) for line in lines.splitlines()]) == ROWS
    assert not RAW.search(lines)


@pytest.mark.parametrize("encoded", ENCODINGS)
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_ride_along_in_every_encoding(name: str, encoded: str) -> None:
    alone = [json.loads(line)["x"] for line in json_lines(pa.table({"x": COLUMNS[name]})).splitlines()]
    table = encoding(encoded)(as_alerts(COLUMNS[name]))
    found = []
    for line in json_lines(table).splitlines():
        told: Any = json.loads(line)
        for key in {
            "ecs": ("morpheus_gae", "record"),
            "ocsf": ("unmapped", "record"),
            "eve": ("gae", "record"),
        }.get(encoded, ()):
            told = told[key]
        found.append(told["x"])
    assert found == alone
    assert pa.ipc.open_stream(_arrow(plain(table))).read_all().num_rows == ROWS


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize("name", COLUMNS)
def test_files_take_it_and_can_be_read(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    sink = open_sink(str(path))
    sizes = [len(part) for part in parts(COLUMNS[name])]
    for part in parts(COLUMNS[name]):
        sink.add(pa.table({"x": part, "=n": range(len(part))}))
    # a table of other types comes later
    sink.add(pa.table({"x": ["a word"], "=n": ["=1"]}))
    sink.close()
    if kind == "parquet":
        found = pq.read_table(path)
    elif kind == "arrow":
        found = pa.ipc.open_file(path).read_all()
    else:
        text = path.read_text(encoding="utf-8")
        assert not RAW.search(text)
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["x", "'=n"]
        assert all(
            not re.match(r"[=@\t\r]|[+-](?![\d.]*$)", cell) or is_number(cell) for row in rows for cell in row
        )
        assert len(rows) == 1 + sum(sizes) + 1
        return
    found.validate()
    assert found["=n"].to_pylist()[:-1] == [i for size in sizes for i in range(size)]


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


@pytest.mark.parametrize("name", COLUMNS)
def test_text_of_anything(name: str) -> None:
    column = pa.chunked_array([COLUMNS[name]])
    valid = [json.loads(line)["x"] is not None for line in json_lines(pa.table({"x": column})).splitlines()]
    for text in (plain_text(column), as_text(column)):
        # numbers that JSON has no word for have a name as text
        assert [v is not None for v in text.to_pylist()] == valid or pa.types.is_floating(column.type)


@pytest.mark.parametrize("name", COLUMNS)
def test_ordinary_types_hold_the_same_and_give_up_rows(name: str) -> None:
    column = COLUMNS[name]
    found = ordinary(column)
    found.validate()
    assert not is_odd(found.type)
    picked = found.take(pa.array([4, 1, 1]))
    lines = json_lines(pa.table({"x": column})).splitlines()
    assert json_lines(pa.table({"x": picked})).splitlines() == [lines[4], lines[1], lines[1]]


def one(value: int | None, kind: Any) -> Any:
    column = pa.array([value], pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    return json.loads(json_lines(pa.table({"x": column})), parse_float=Decimal)["x"]


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-5000, 5000), st.sampled_from(UNITS))
def test_durations_are_milliseconds_to_the_last_digit(value: int, unit: str) -> None:
    assert one(value, pa.duration(unit)) == Decimal(value) * 1000 / PER_SECOND[unit]


@given(st.integers(-62_135_596_800, 253_402_300_799), st.sampled_from(["s", "ms", "us"]), st.booleans())
def test_times_are_iso_8601(seconds: int, unit: str, zoned: bool) -> None:
    value = seconds * PER_SECOND[unit] + PER_SECOND[unit] // 3
    text = one(value, pa.timestamp(unit, "Asia/Tokyo" if zoned else None))
    assert text.endswith("Z") is zoned
    found = dt.datetime.fromisoformat(text.removesuffix("Z")) - dt.datetime(1970, 1, 1)
    assert found // dt.timedelta(microseconds=1) == value * (10**6 // PER_SECOND[unit])


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(UNITS))
def test_times_of_any_year_are_told(value: int, unit: str) -> None:
    text = one(value, pa.timestamp(unit, "UTC"))
    year, month, day, clock = re.fullmatch(r"(\d{4}|[+-]\d{6,})-(\d\d)-(\d\d)T([\d:.]+)Z", text).groups()  # type: ignore[union-attr]
    # the calendar repeats itself every 400 years, which are 146,097 days
    era, rest = divmod(value // PER_SECOND[unit], 146_097 * 86_400)
    base = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=rest)
    assert (int(year), int(month), int(day)) == (base.year + 400 * era, base.month, base.day)
    assert clock.partition(".")[0] == base.strftime("%H:%M:%S")


@pytest.mark.parametrize(
    ("kind", "value", "want"),
    [
        (pa.date32(), 20_157, "2025-03-10"),
        (pa.date32(), 2_932_897, "+010000-01-01"),
        (pa.date32(), -719_529, "-000001-12-31"),
        (pa.date32(), -719_528, "0000-01-01"),
        (pa.date64(), 86_400_000, "1970-01-02"),
        (pa.time32("s"), 3_661, "01:01:01"),
        (pa.time64("ns"), 1, "00:00:00.000000001"),
        (pa.timestamp("s", "Nowhere/At all"), 0, "1970-01-01T00:00:00Z"),
        (pa.timestamp("ns"), None, None),
        (pa.duration("ns"), 1_500_000, Decimal("1.5")),
    ],
)
def test_dates_and_clocks(kind: Any, value: int | None, want: Any) -> None:
    assert one(value, kind) == want
