"""Random garbage between good records: the good ones come back exact, the bad ones are counted and told."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.made_files import NAMES, csv_line, record

A, C, M, N, B, E = (
    Reason.ADDRESS,
    Reason.COLUMN_COUNT,
    Reason.MISSING_COUNTER,
    Reason.NEGATIVE_COUNTER,
    Reason.BROKEN_JSON,
    Reason.ENCODING,
)
NAN = Reason.NOT_A_NUMBER
CHANGES: list[tuple[dict[str, Any], Reason | None]] = [
    ({}, None),
    ({}, None),
    ({}, None),
    ({"FLOW_DURATION_MILLISECONDS": None}, None),
    ({"IPV4_SRC_ADDR": "2001:db8::7"}, None),
    ({"L4_SRC_PORT": None}, None),
    ({"L4_DST_PORT": "http"}, None),
    ({"PROTOCOL": 6.5}, None),
    ({"IN_BYTES": 1.5}, None),
    ({"IN_BYTES": "12"}, None),
    ({"IPV4_SRC_ADDR": "00:11:22:33:44:55"}, A),
    ({"IPV4_DST_ADDR": None}, A),
    ({"IN_BYTES": None}, M),
    ({"OUT_BYTES": -3}, N),
    ({"OUT_BYTES": "abc"}, NAN),
    ({"FLOW_DURATION_MILLISECONDS": "nan"}, NAN),
]
CSV_JUNK = [
    (b"garbage", C),
    (b"1,2,3", C),
    (b"," * 40, C),
    (b'"open quote,1,2,3', C),
    (b'a,"b\rc",d', C),
    (b"\xff\xfe\x00,\x80", E),
    (b"\x00\x01\x02", C),
]
JSON_JUNK = [
    (b"garbage", B),
    (b'{"IN_BYTES": 1', B),
    (b"[1, 2]", B),
    (b"12", B),
    (b"null", B),
    (b'{"a": 1} {"b": 2}', B),
    (b"}{", B),
    (b'"', B),
    (b"{]}", B),
    (b'{"IPV4_SRC_ADDR": "\xff"}', E),
    (b"\x00\x01", B),
    (b"{}", A),
    (b'{"IPV4_SRC_ADDR": ["10.0.0.1"], "IPV4_DST_ADDR": {}}', A),
]
BLANK = (b"", b"  ")
SIZES = [64, 300, 4096, 8 << 20]

Line = tuple[bytes, "dict[str, Any] | None", "Reason | None"]


def csv_record(change: dict[str, Any], i: int) -> bytes:
    return csv_line(record(i, **change)).encode()


def json_record(change: dict[str, Any], i: int) -> bytes:
    return json.dumps(record(i, **change)).encode()


def outcome(folder: str, name: str, data: bytes, block: int) -> tuple[list[Any], list[Any]]:
    path = Path(folder) / name
    path.write_bytes(data)
    good, bad = [], []
    for batch in read_flows(str(path), block_bytes=block):
        flows = batch.flows
        rows = flows.table.to_pylist()
        assert len(rows) == len(flows.rows) == len(flows)
        good += list(
            zip(flows.rows.tolist(), flows.attributes.tolist(), flows.src_lo.tolist(), rows, strict=True)
        )
        bad += [(b.row, b.reason, b.record) for b in batch.bad]
    return good, bad


def check(name: str, lines: list[Line], header: bytes, end: bytes, last_end: bool) -> None:
    data = header + end.join(text for text, _, _ in lines) + (end if last_end else b"")
    records = [line for line in lines if line[0].strip()]
    want_bad = [(i, reason, text) for i, (text, _, reason) in enumerate(records) if reason]
    want = [(i, row) for i, (_, row, reason) in enumerate(records) if not reason]
    with tempfile.TemporaryDirectory() as folder:
        for block in SIZES:
            good, bad = outcome(folder, name, data, block)
            assert [(row, reason) for row, reason, _ in bad] == [(i, reason) for i, reason, _ in want_bad]
            for (_, _, told), (_, _, text) in zip(bad, want_bad, strict=True):
                assert told == text.decode("utf-8", "replace")
            assert [row for row, _, _, _ in good] == [i for i, _ in want]
            for (_, attributes, _, cells), (_, row) in zip(good, want, strict=True):
                assert row is not None
                assert attributes == [
                    float(row["IN_BYTES"]),
                    float(row["OUT_BYTES"]),
                    float(row["FLOW_DURATION_MILLISECONDS"] or 0),
                ]
                assert cells["IPV4_SRC_ADDR"] == row["IPV4_SRC_ADDR"]
                assert cells["FLOW_START_MILLISECONDS"] == row["FLOW_START_MILLISECONDS"]
                assert same(cells["L4_DST_PORT"], row["L4_DST_PORT"])
                assert same(cells["L4_SRC_PORT"], row["L4_SRC_PORT"])
                assert same(cells["PROTOCOL"], row["PROTOCOL"])


def same(found: Any, given: Any) -> bool:
    """Equal, or the text of it where a neighbour made the column text."""
    if isinstance(found, str) and not isinstance(given, str) and given is not None:
        return float(found) == given
    if given is None:
        return found in (None, "")
    return bool(found == given)


ROWS = st.lists(
    st.one_of(
        st.sampled_from(CHANGES).map(lambda c: ("row", c)),
        st.integers(0, 12).map(lambda k: ("junk", k)),
        st.sampled_from(BLANK).map(lambda b: ("blank", b)),
    ),
    max_size=40,
)
GOOD = [("row", ({}, None))]


@settings(deadline=None, max_examples=60)
@given(ROWS, st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_csv(rows: list[Any], end: bytes, last_end: bool) -> None:
    lines: list[Line] = []
    for i, (kind, what) in enumerate(rows):
        if kind == "row":
            lines.append((csv_record(what[0], i), record(i, **what[0]), what[1]))
        elif kind == "junk":
            lines.append((*(CSV_JUNK[what % len(CSV_JUNK)][:1]), None, CSV_JUNK[what % len(CSV_JUNK)][1]))
        else:
            lines.append((what, None, None))
    check("a.csv", lines, ",".join(NAMES).encode() + end, end, last_end)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_ndjson(rows: list[Any], end: bytes, last_end: bool) -> None:
    lines: list[Line] = []
    for i, (kind, what) in enumerate(GOOD + rows):
        if kind == "row":
            lines.append((json_record(what[0], i), record(i, **what[0]), what[1]))
        elif kind == "junk":
            lines.append((*(JSON_JUNK[what % len(JSON_JUNK)][:1]), None, JSON_JUNK[what % len(JSON_JUNK)][1]))
        else:
            lines.append((what, None, None))
    check("a.ndjson", lines, b"", end, last_end)


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=300), st.sampled_from(["a.csv", "a.ndjson", "a.json"]), st.sampled_from([16, 1 << 20])
)
def test_any_bytes_between_good_lines_lose_no_neighbour(data: bytes, name: str, block: int) -> None:
    good = [csv_record({}, i) if name == "a.csv" else json_record({}, i) for i in range(2)]
    data = data.replace(b'"', b"")
    text = b"\n".join([good[0], data, good[1], b""])
    if name == "a.csv":
        text = ",".join(NAMES).encode() + b"\n" + text
    with tempfile.TemporaryDirectory() as folder:
        found, bad = outcome(folder, name, text, block)
    assert [cells["IN_BYTES"] for _, _, _, cells in found if cells["IN_BYTES"] is not None][:1] == [100]
    assert found[-1][3]["IN_BYTES"] == 101
    rows = sorted([row for row, *_ in found] + [row for row, *_ in bad])
    assert rows == list(range(len(rows)))


@pytest.mark.parametrize("block", SIZES)
def test_long_runs_of_each_fault(tmp_path: Path, block: int) -> None:
    """Many faults together, where halving and retries run out."""
    lines = [(json_record({}, i), None) for i in range(700)]
    junk = [(b"{x", B)] * 600 + [(text, why) for text, why in JSON_JUNK for _ in range(20)]
    mixed = lines[:300] + junk + lines[300:]
    good, bad = outcome(str(tmp_path), "a.ndjson", b"\n".join(text for text, _ in mixed), block)
    assert [row for row, *_ in bad] == list(range(300, 300 + len(junk)))
    assert [reason for _, reason, _ in bad] == [why for _, why in junk]
    assert [cells["IN_BYTES"] for *_, cells in good] == [100 + i for i in range(700)]


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson"])
@pytest.mark.parametrize("junk", [b"x" * (5 << 20), b"{" * (5 << 20), b'"' + b"," * (5 << 20)])
def test_a_giant_line_is_one_bad_record_and_little_is_kept(tmp_path: Path, name: str, junk: bytes) -> None:
    lines = [(csv_record if name == "a.csv" else json_record)({}, i) for i in range(4)]
    header = [",".join(NAMES).encode()] if name == "a.csv" else []
    data = b"\n".join([*header, *lines[:2], junk, *lines[2:], b""])
    good, bad = outcome(str(tmp_path), name, data, 1 << 20)
    assert [cells["IN_BYTES"] for *_, cells in good] == [100, 101, 102, 103]
    assert [row for row, *_ in good] == [0, 1, 3, 4]
    ((row, _, told),) = bad
    assert row == 2
    assert len(told) <= 1 << 16
