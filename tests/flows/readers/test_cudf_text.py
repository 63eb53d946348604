"""CSV and NDJSON that the device decodes: the same flows, and the same records set aside, as on the host."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.files.stream import open_stream
from morpheus_gae.flows.tables.concat import stack
from morpheus_gae.flows.text.csv import CsvReader
from morpheus_gae.flows.text.ndjson import NdjsonReader

pytest.importorskip("torch")
pytest.importorskip("pandas")

from morpheus_gae.flows.readers.cudf_batch import DeviceBatch
from morpheus_gae.flows.readers.cudf_text import DeviceCsvReader, DeviceNdjsonReader, OnDevice
from tests.fake_cudf import fake_cudf

NAMES = (
    *("IPV4_SRC_ADDR", "IPV4_DST_ADDR", "IN_BYTES", "OUT_BYTES", "FLOW_DURATION_MILLISECONDS"),
    *("FLOW_START_MILLISECONDS", "note", "ratio"),
)
ZEEK = ("ts", "id.orig_h", "id.resp_h", "id.orig_p", "proto", "duration", "orig_ip_bytes", "resp_ip_bytes")
PLAIN = ("10.0.0.1", "10.0.0.2", "100", "900", "12.5", "1700000000500", "x y", "0.1")
PLAIN_ZEEK = ("1700000000.5", "10.0.0.1", "10.0.0.2", "40000", "tcp", "2.25", "100", "900")
WORDS = (
    *(
        "2001:db8::1",
        "10.0.0.01",
        " 10.0.0.3",
        "nowhere",
        "",
        "0",
        "-1",
        "007",
        "1e3",
        "1.",
        ".5",
        "2.50",
        "nan",
    ),
    *(
        "99999999999999999999",
        "9223372036854775807",
        "18446744073709551616",
        "0.1234567890123456",
        "-",
        "é",
        "-0",
    ),
)
ODD_LINES = ("", "10.0.0.1,10.0.0.2", ",,,,,,,,,", 'a,"b,c",1,2,3,4,5,6', "x\ry", "1,2,3,4,5,6,7,8,9")
ODD_OBJECTS = (
    *(
        "[1]",
        "{",
        '{"a":1}',
        "7",
        '{"IN_BYTES":1,"IN_BYTES":2}',
        "{}",
        '{"IPV4_SRC_ADDR":{"a":[]}}',
        '{"n":1,}',
    ),
    *('{"IPV4_SRC_ADDR":"\\u0031"}', '{"a":"\t"}', "not json", '{"IN_BYTES":[1,2]}', '{"IN_BYTES":"7"} {}'),
)


@pytest.fixture
def cudf() -> Iterator[Any]:
    with fake_cudf() as package:
        yield package


def read(
    path: Path, package: Any, block_bytes: int, preset: str | None = None
) -> tuple[list[Any], list[str]]:
    """Batches of the device, and what it told."""
    told: list[str] = []
    kind = DeviceCsvReader if ".csv" in path.name else DeviceNdjsonReader
    with closing(open_stream(str(path))) as stream:
        reader = kind(stream, str(path), block_bytes, preset)
        reader.device = OnDevice(package, told.append)
        return list(reader), told


def wanted(path: Path, block_bytes: int, preset: str | None = None) -> list[Any]:
    with closing(open_stream(str(path))) as stream:
        kind = CsvReader if ".csv" in path.name else NdjsonReader
        return list(kind(stream, str(path), block_bytes, preset))


def same(found: list[DeviceBatch], host: list[Any]) -> None:
    assert [b for batch in found for b in batch.bad] == [b for batch in host for b in batch.bad]
    assert [batch.bytes_read for batch in found] == [batch.bytes_read for batch in host]
    assert sum((b.skipped for b in found), Counter()) == sum((b.skipped for b in host), Counter())
    assert sum((b.noted for b in found), Counter()) == sum((b.noted for b in host), Counter())
    for one, other in zip(found, host, strict=True):
        parts = [part.numpy() for part in one.flows.columns]
        for part, name in zip(parts, ("src_hi", "src_lo", "dst_hi", "dst_lo"), strict=False):
            np.testing.assert_array_equal(part.view(np.uint64), getattr(other.flows, name))
        np.testing.assert_array_equal(parts[4], other.flows.attributes)
        np.testing.assert_array_equal(parts[5], other.flows.duration_missing)
        table = one.flows.frame.to_arrow(preserve_index=False).replace_schema_metadata(None)
        # a column that no record of a block has may be there or not: that depends on who parsed the block
        there = set(table.column_names), set(other.flows.table.column_names)
        for name in there[0] ^ there[1]:
            side = table if name in there[0] else other.flows.table
            assert side[name].null_count == len(side), name
        for name in there[0] & there[1]:
            mine, theirs = table[name], other.flows.table[name]
            assert repr(mine.to_pylist()) == repr(theirs.to_pylist()), name
            empty = theirs.null_count == len(theirs)
            assert mine.type == theirs.type or empty, name


def csv_text(names: tuple[str, ...], lines: list[str]) -> str:
    return "\n".join([",".join(names), *lines]) + "\n"


def as_json(names: tuple[str, ...], row: tuple[str, ...]) -> str:
    """A line as programs write it: numbers as numbers, and without what is empty."""
    parts = []
    for name, word in zip(names, row, strict=True):
        text = name in ("IPV4_SRC_ADDR", "IPV4_DST_ADDR", "note", "id.orig_h", "id.resp_h", "proto")
        if word:
            parts.append(f"{json.dumps(name)}:{json.dumps(word, ensure_ascii=False) if text else word}")
    return "{" + ",".join(parts) + "}"


rows = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.integers(0, 7), st.sampled_from(WORDS)),
        st.tuples(st.integers(0, 7), st.sampled_from(WORDS)),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=10,
)


def changed(plain: tuple[str, ...], change: Any) -> tuple[str, ...]:
    return plain if change is None else tuple(change[1] if i == change[0] else w for i, w in enumerate(plain))


@settings(max_examples=15, deadline=None)
@given(changes=rows, zeek=st.booleans())
def test_csv_is_as_on_the_host(
    tmp_path_factory: pytest.TempPathFactory, changes: list[Any], zeek: bool
) -> None:
    names, plain = (ZEEK, PLAIN_ZEEK) if zeek else (NAMES, PLAIN)
    lines = [ODD_LINES[c] if isinstance(c, int) else ",".join(changed(plain, c)) for c in changes]
    path = tmp_path_factory.mktemp("t") / "f.csv"
    path.write_bytes(csv_text(names, [",".join(plain)] * 12 + lines).encode())
    with fake_cudf() as package:
        found, told = read(path, package, 500)
        same(found, wanted(path, 500))
    assert told == []


@settings(max_examples=15, deadline=None)
@given(changes=rows, zeek=st.booleans(), spaced=st.booleans())
def test_ndjson_is_as_on_the_host(
    tmp_path_factory: pytest.TempPathFactory, changes: list[Any], zeek: bool, spaced: bool
) -> None:
    names, plain = (ZEEK, PLAIN_ZEEK) if zeek else (NAMES, PLAIN)
    usual = as_json(names, plain)
    lines = [ODD_OBJECTS[2 * c] if isinstance(c, int) else as_json(names, changed(plain, c)) for c in changes]
    lines += [ODD_OBJECTS[2 * c + 1] for c in changes if isinstance(c, int)]
    if spaced:
        lines = [line.replace(",", " , ").replace("{", "{ ") for line in lines]
    path = tmp_path_factory.mktemp("t") / "f.ndjson"
    path.write_text("\n".join([usual] * 12 + lines) + "\n", encoding="utf-8")
    with fake_cudf() as package:
        found, told = read(path, package, 1000)
        same(found, wanted(path, 1000))
    assert told == []


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".ndjson", ".ndjson.gz"])
@pytest.mark.parametrize("zeek", [False, True])
def test_usual_lines_are_decoded_on_the_device(tmp_path: Path, cudf: Any, suffix: str, zeek: bool) -> None:
    names, plain = (ZEEK, PLAIN_ZEEK) if zeek else (NAMES, PLAIN)
    some = [*[plain] * 40, changed(plain, (1, "2001:db8::1")), changed(plain, (1, "nobody")), *[plain] * 40]
    if ".csv" in suffix:
        text = csv_text(names, [",".join(row) for row in some])
    else:
        text = "\n".join(as_json(names, row) for row in some)
    path = tmp_path / f"f{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())
    found, told = read(path, cudf, 1000)
    same(found, wanted(path, 1000))
    assert told == []
    # the first block shows the types
    assert found[0].by_host > 0
    assert sum(batch.by_host for batch in found[1:]) <= 4
    assert stack([b.flows.frame.to_arrow(preserve_index=False) for b in found]).num_rows == 81


@pytest.mark.parametrize("name", ["f.csv", "f.ndjson"])
def test_without_the_function_the_host_reads_and_says_so(tmp_path: Path, cudf: Any, name: str) -> None:
    text = csv_text(NAMES, [",".join(PLAIN)] * 60) if name == "f.csv" else (as_json(NAMES, PLAIN) + "\n") * 60

    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("not in this\nversion")

    cudf.read_csv = cudf.read_json = refuse
    (tmp_path / name).write_text(text)
    found, told = read(tmp_path / name, cudf, 1000)
    same(found, wanted(tmp_path / name, 1000))
    reason = "NotImplementedError: not in this version"
    assert told == [f"cuDF cannot decode this text: the host reads it ({reason})"]
    assert sum(batch.by_host for batch in found) == 60
