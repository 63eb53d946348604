"""Whatever lies between good records, in any format and any block size: they come back exact and in order."""

from __future__ import annotations

import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import InputError
from morpheus_gae.flows.addresses.text import parse_addresses
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.rows import NAMES, csv_line, joined

counts = st.integers(0, 2**40)
words = st.text(
    st.characters(codec="utf-8", exclude_characters='\n\r",\0', exclude_categories=["Cc", "Cs"]), max_size=9
)
good = st.fixed_dictionaries(
    {
        NAMES[0]: st.integers(0, 2**42),
        NAMES[1]: st.ip_addresses().map(str),
        NAMES[2]: st.ip_addresses().map(str),
        NAMES[3]: counts,
        NAMES[4]: counts,
        NAMES[5]: counts | st.none() | st.floats(0, 1e6, width=32),
        NAMES[6]: words.map(lambda w: f"w{w}"),
    }
)
spoiled = st.tuples(
    good,
    st.sampled_from(
        [
            ("IPV4_SRC_ADDR", "x"),
            ("IPV4_DST_ADDR", "aa:bb:cc:dd:ee:ff"),
            ("IN_BYTES", -1),
            ("IN_BYTES", "abc"),
            ("OUT_BYTES", None),
            ("OUT_BYTES", "1e999"),
            ("OUT_BYTES", 2**70),
            ("FLOW_DURATION_MILLISECONDS", "inf"),
        ]
    ),
).map(lambda t: {**t[0], t[1][0]: t[1][1]})
# no garbage may look like a record by chance: none has six commas or a closing brace
noise = st.binary(min_size=1, max_size=40).map(lambda b: b"x" + b.translate(None, b"\n\r,};\t|\"'"))
rows = st.lists(st.tuples(st.just(True), good) | st.tuples(st.just(False), spoiled | noise), max_size=25)
sizes = st.sampled_from([1, 64, 300, 1 << 20])


def read(name: str, data: bytes, size: int) -> tuple[Flows | None, list[tuple[int, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        batches = list(read_flows(str(path), block_bytes=size))
    return joined(batches) if batches else (None, [])


def check(given_: list[tuple[bool, Any]], flows: Flows | None, bad: list[tuple[int, str]]) -> None:
    want = [row for fine, row in given_ if fine]
    assert [row for row, _ in bad] == [i for i, (fine, _) in enumerate(given_) if not fine]
    if not want:
        assert flows is None or len(flows) == 0
        return
    assert flows is not None
    assert flows.rows.tolist() == [i for i, (fine, _) in enumerate(given_) if fine]
    attributes = np.array([[row[n] or 0 for n in NAMES[3:6]] for row in want], np.float64).astype(np.float32)
    assert np.array_equal(flows.attributes, attributes)
    assert flows.duration_missing.tolist() == [row[NAMES[5]] is None for row in want]
    for name in NAMES[:5]:
        assert flows.table[name].to_pylist() == [row[name] for row in want]
    assert flows.table["Attack"].to_pylist() == [row["Attack"] for row in want]
    src = parse_addresses(flows.table["IPV4_SRC_ADDR"])
    assert np.array_equal(src[0], flows.src_hi)
    assert np.array_equal(src[1], flows.src_lo)


@settings(deadline=None, max_examples=60)
@given(rows, sizes)
def test_csv(given_: list[tuple[bool, Any]], size: int) -> None:
    lines = [
        row if isinstance(row, bytes) else csv_line({name: row[name] for name in NAMES}).encode()
        for _, row in given_
    ]
    check(given_, *read("a.csv", b"\n".join([",".join(NAMES).encode(), *lines]) + b"\n", size))


@settings(deadline=None, max_examples=60)
@given(rows, sizes, st.booleans())
def test_ndjson(given_: list[tuple[bool, Any]], size: int, ascii_only: bool) -> None:
    lines = [
        row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=ascii_only).encode()
        for _, row in given_
    ]
    check(given_, *read("a.ndjson", b"\n".join(lines), size))


@settings(deadline=None, max_examples=30)
@given(rows.map(lambda r: [x for x in r if isinstance(x[1], dict)]), sizes)
def test_json_array(given_: list[tuple[bool, Any]], size: int) -> None:
    check(given_, *read("a.json", json.dumps([row for _, row in given_]).encode(), size))


@settings(deadline=None, max_examples=30)
@given(rows.map(lambda r: [x for x in r if isinstance(x[1], dict)]), st.sampled_from(["parquet", "arrow"]))
def test_columns(given_: list[tuple[bool, Any]], kind: str) -> None:
    def texts(name: str) -> pa.Array:
        return pa.array([None if row[name] is None else str(row[name]) for _, row in given_], pa.string())

    table, out = pa.table({name: texts(name) for name in NAMES}), io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, out, row_group_size=5)
    else:
        with pa.ipc.new_file(out, table.schema) as file:
            file.write_table(table, max_chunksize=5)
    flows, bad = read(f"a.{kind}", out.getvalue(), 1)
    if flows is not None and len(flows):
        start = flows.table["FLOW_START_MILLISECONDS"].cast(pa.int64())
        flows = replace(flows, table=flows.table.set_column(0, "FLOW_START_MILLISECONDS", start))
    check(given_, flows, bad)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.ndjson", "a.json", "a"]), sizes)
def test_bytes_of_any_kind_never_break_the_reader(data: bytes, name: str, size: int) -> None:
    if name == "a.csv":
        data = ",".join(NAMES).encode() + b"\n" + data
    flows, refused = None, ""
    try:
        flows, _ = read(name, data, size) if name != "a" else (None, [])
    except InputError as error:
        refused = str(error)
    # whole objects, as {"": {}}, have columns: those that are not of flows are refused
    assert not refused or (name != "a.csv" and "required columns are missing" in refused)
    assert flows is None or len(flows) == 0
