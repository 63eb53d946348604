from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.rows import NAMES, csv_line, csv_text, joined, numbers, record


def read(path: Path, data: bytes | str, **options: int) -> tuple[Flows, list[tuple[int, str]]]:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return joined(list(read_flows(str(path), **options)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flows.csv"


HEADER = ",".join(NAMES).encode() + b"\n"
GOOD = [csv_line(record(i)).encode() for i in range(6)]


def with_line(line: bytes) -> bytes:
    """Good records around a line, at row 3."""
    return HEADER + b"".join(x + b"\n" for x in [*GOOD[:3], line, *GOOD[4:]])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"10.0.0.1,garbage", "wrong_column_count"),
        (GOOD[3] + b",more", "wrong_column_count"),
        (b'1,1.2.3.4,5.6.7.8,1,2,3,"open', "wrong_column_count"),
        (b'"1,1.2.3.4,5.6.7.8,1,2,3,x', "wrong_column_count"),
        (b"1,1.2.3.4,5.6.7.8,1\r,2,3,x", "wrong_column_count"),
        (b"1,1.2.3.4,5.6.7.8,abc,2,3,x", "not_a_number"),
        (b"1,1.2.3.4,5.6.7.8,1,nan,3,x", "not_a_number"),
        (b"1,1.2.3.4,5.6.7.8,1,2,inf,x", "not_a_number"),
        (b"1,1.2.3.4,5.6.7.8,,2,3,x", "missing_counter"),
        (b"1,1.2.3.4,5.6.7.8,1,null,3,x", "missing_counter"),
        (b"1,1.2.3.4,5.6.7.8,1,-2,3,x", "negative_counter"),
        (b"1,1.2.3.4,5.6.7.8,1,18446744073709551616,3,x", "counter_too_large"),
        (b"1,1.2.3,5.6.7.8,1,2,3,x", "unparsable_address"),
        (b"1,,5.6.7.8,1,2,3,x", "unparsable_address"),
        (b"1,1.2.3.4,5.6.7.8,1,2,3,\xff\xfe", "bad_encoding"),
        (b"\x00\x01\x02", "wrong_column_count"),
    ],
)
@pytest.mark.parametrize("block_bytes", [8 << 20, 1])
def test_one_bad_line_spoils_itself_only(path: Path, line: bytes, reason: str, block_bytes: int) -> None:
    flows, bad = read(path, with_line(line), block_bytes=block_bytes)
    assert bad == [(3, reason)]
    assert numbers(flows) == [0, 1, 2, 4, 5]
    assert flows.rows.tolist() == [0, 1, 2, 4, 5]
    assert flows.table["Attack"].to_pylist() == ["a0", "a1", "a2", "a1", "a2"]
    assert flows.table["IN_BYTES"].type == pa.int64()
    path.write_bytes(with_line(line))
    (record_,) = (b.record for batch in read_flows(str(path), block_bytes=block_bytes) for b in batch.bad)
    assert record_ == line.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "line",
    [
        b'1,1.2.3.4,5.6.7.8,7,2,3,"a, ""b"""',
        b'"1","1.2.3.4","5.6.7.8","7","2","3","x"',
        b'1,1.2.3.4,5.6.7.8,7,2,3,5" disk',
        b"1, 1.2.3.4 ,5.6.7.8, 7 ,2,3,x",
        b"x,1.2.3.4,5.6.7.8,7,2,3,x",
        b",1.2.3.4,5.6.7.8,7,2,,",
        b"1,1.2.3.4,5.6.7.8,7,2.5,3,x",
        "1,1.2.3.4,5.6.7.8,7,2,3,é".encode(),
        b"1,fe80::1%eth0,5.6.7.8,7,2,3,-",
    ],
)
@pytest.mark.parametrize("block_bytes", [8 << 20, 1])
def test_odd_lines_that_are_good(path: Path, line: bytes, block_bytes: int) -> None:
    flows, bad = read(path, with_line(line), block_bytes=block_bytes)
    assert bad == []
    assert numbers(flows) == [0, 1, 2, 7, 4, 5]


def test_line_ends_blank_lines_and_the_byte_order_mark(path: Path) -> None:
    lines = [b"\xef\xbb\xbf" + HEADER.strip(), b"", *GOOD[:2], b"", b"  ", *GOOD[2:4], b"bad", b""]
    for end in (b"\n", b"\r\n"):
        for size in (8 << 20, 1, 50):
            flows, bad = read(path, b"\n\n" + end.join(lines), block_bytes=size)
            assert (numbers(flows), bad) == ([0, 1, 2, 3], [(4, "wrong_column_count")])
            assert flows.table["Attack"].to_pylist() == ["a0", "a1", "a2", "a0"]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    text = csv_text([record(i, Attack="") for i in range(3)]).replace(",", delimiter)
    flows, bad = read(tmp_path / "flows.tsv", text)
    assert (numbers(flows), bad) == ([0, 1, 2], [])


def test_extra_columns_are_as_they_were(path: Path) -> None:
    rows = [
        record(i, word=["NULL", "-", "nan"][i % 3], when="2024-01-01 00:00:00", day="2024-01-01")
        for i in range(4)
    ]
    flows, bad = read(path, csv_text(rows))
    assert bad == []
    assert flows.table.select(["word", "when", "day"]).to_pylist() == [
        {k: r[k] for k in ("word", "when", "day")} for r in rows
    ]


def test_a_column_that_changes_its_type_stays_readable(path: Path) -> None:
    rows = [record(i, extra=x) for i, x in enumerate([1, 2, 2.5, 3, "x", 4])]
    flows, bad = read(path, csv_text(rows), block_bytes=1)
    assert bad == []
    assert [float(x) for x in flows.table["extra"].to_pylist() if x != "x"] == [1, 2, 2.5, 3, 4]
    flows, bad = read(path, csv_text(rows))
    assert flows.table["extra"].to_pylist() == ["1", "2", "2.5", "3", "x", "4"]


def test_counters_between_text_and_numbers_keep_their_values(path: Path) -> None:
    rows = [record(i, FLOW_DURATION_MILLISECONDS=x) for i, x in enumerate([5, "-", 7, 2.5, "", 2**53 + 1])]
    for size in (8 << 20, 100, 1):
        flows, bad = read(path, csv_text(rows), block_bytes=size)
        assert bad == []
        assert flows.duration_missing.tolist() == [False, True, False, False, True, False]
        assert flows.attributes[:4, 2].tolist() == [5, 0, 7, 2.5]


def test_a_name_that_comes_twice(path: Path) -> None:
    text = csv_text([record(i) for i in range(3)]).splitlines()
    doubled = "".join(
        f"{line},{tail}\n" for line, tail in zip(text, ["IN_BYTES", "x", "y", "z"], strict=True)
    )
    flows, bad = read(path, doubled)
    assert (numbers(flows), bad) == ([0, 1, 2], [])
    assert flows.table["IN_BYTES.1"].to_pylist() == ["x", "y", "z"]


def test_missing_columns(path: Path) -> None:
    with pytest.raises(InputError, match=r"flows\.csv: required columns are missing: .*Found: a, b\."):
        read(path, "a,b\n1,2\n")


@pytest.mark.parametrize("data", [b"", b"\n\n", HEADER, HEADER.strip(), b"\xef\xbb\xbf" + HEADER + b"\r\n"])
def test_no_records(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert [(len(b.flows), b.bad) for b in read_flows(str(path)) if len(b.flows) or b.bad] == []


def test_all_lines_are_garbage(path: Path) -> None:
    flows, bad = read(path, HEADER + b"\xff\xfe,garbage\n" * 50 + b'"' * 3)
    assert len(flows) == 0
    assert [row for row, _ in bad] == list(range(51))
