from __future__ import annotations

import json
from pathlib import Path

import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.rows import joined, json_text, numbers, record


def read(path: Path, data: bytes | str, **options: int) -> tuple[Flows, list[tuple[int, str]]]:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return joined(list(read_flows(str(path), **options)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flows.ndjson"


GOOD = [json.dumps(record(i)).encode() for i in range(6)]


def with_line(line: bytes) -> bytes:
    return b"".join(x + b"\n" for x in [*GOOD[:3], line, *GOOD[4:]])


def changed(**other: object) -> bytes:
    return json.dumps(record(7, **other)).encode()


def without(name: str) -> bytes:
    return json.dumps({k: v for k, v in record(7).items() if k != name}).encode()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD[3][:40], "broken_json"),
        (GOOD[3][20:], "broken_json"),
        (GOOD[3] + GOOD[3], "broken_json"),
        (b"[1, 2]", "broken_json"),
        (b"17", "broken_json"),
        (b"garbage", "broken_json"),
        (b"{" * 3000, "broken_json"),
        (changed(Attack="x").replace(b'"x"', b'"\xff"'), "bad_encoding"),
        (changed(IN_BYTES="abc"), "not_a_number"),
        (changed(IN_BYTES=True), "not_a_number"),
        (changed(IN_BYTES={"a": 1}), "not_a_number"),
        (changed(OUT_BYTES=[1]), "not_a_number"),
        (changed(OUT_BYTES=float("nan")), "not_a_number"),
        (changed(FLOW_DURATION_MILLISECONDS=float("inf")), "not_a_number"),
        (changed(IN_BYTES=None), "missing_counter"),
        (changed(IN_BYTES=""), "missing_counter"),
        (without("OUT_BYTES"), "missing_counter"),
        (changed(IN_BYTES=-1), "negative_counter"),
        (changed(OUT_BYTES=2**64), "counter_too_large"),
        (changed(OUT_BYTES=2**70), "counter_too_large"),
        (changed(IPV4_SRC_ADDR=None), "unparsable_address"),
        (changed(IPV4_SRC_ADDR=["1.2.3.4"]), "unparsable_address"),
        (without("IPV4_DST_ADDR"), "unparsable_address"),
        (b"{}", "unparsable_address"),
    ],
)
@pytest.mark.parametrize("block_bytes", [8 << 20, 1])
def test_one_bad_line_spoils_itself_only(path: Path, line: bytes, reason: str, block_bytes: int) -> None:
    flows, bad = read(path, with_line(line), block_bytes=block_bytes)
    assert bad == [(3, reason)]
    assert numbers(flows) == [0, 1, 2, 4, 5]
    assert flows.rows.tolist() == [0, 1, 2, 4, 5]
    assert flows.table["Attack"].to_pylist() == ["a0", "a1", "a2", "a1", "a2"]
    path.write_bytes(with_line(line))
    (record_,) = (b.record for batch in read_flows(str(path), block_bytes=block_bytes) for b in batch.bad)
    assert record_ == line.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "line",
    [
        changed(IN_BYTES="7"),
        changed(IN_BYTES=7.0),
        changed(OUT_BYTES=2**63 + 5),
        changed(OUT_BYTES=2**64 - 1),
        changed(OUT_BYTES=2.5),
        without("FLOW_DURATION_MILLISECONDS"),
        changed(FLOW_DURATION_MILLISECONDS=None),
        changed(FLOW_DURATION_MILLISECONDS=""),
        changed(IPV4_SRC_ADDR=16909060),
        changed(Attack=None),
        changed(Attack=5),
        changed(Attack={"deep": [1, {"er": None}]}),
        changed(Attack=[1, "mixed"]),
        changed(more="é\u2028\n"),
        b"  " + changed() + b" \t",
        changed()[:-1] + b', "Attack": "twice"}',
    ],
)
@pytest.mark.parametrize("block_bytes", [8 << 20, 1])
def test_odd_lines_that_are_good(path: Path, line: bytes, block_bytes: int) -> None:
    flows, bad = read(path, with_line(line), block_bytes=block_bytes)
    assert bad == []
    assert numbers(flows) == [0, 1, 2, 7, 4, 5]


def test_nested_and_time_like_values_survive(path: Path) -> None:
    rows = [
        record(i, when="2024-01-01 00:00:00", deep={"at": "2024-01-01T00:00:00Z", "n": [i]}) for i in range(3)
    ]
    flows, _ = read(path, json_text(rows))
    assert flows.table.select(list(rows[0])).to_pylist() == rows


def test_lines_with_different_keys(path: Path) -> None:
    rows = [record(0), record(1, x=1), record(2, y={"z": 1}), record(3, x=4, y={"w": "u"})]
    for size in (8 << 20, 1):
        flows, bad = read(path, json_text(rows), block_bytes=size)
        assert bad == []
        assert flows.table["x"].to_pylist() == [None, 1, None, 4]
        deep = [{k: v for k, v in (y or {}).items() if v is not None} for y in flows.table["y"].to_pylist()]
        assert deep == [{}, {}, {"z": 1}, {"w": "u"}]


def test_every_value_of_another_kind(path: Path) -> None:
    kinds = [1, "two", 3.5, True, None, {"a": 1}, [1, "b"]]
    rows = [record(i, any=kinds[i % 7], IN_BYTES=str(i) if i % 2 else i) for i in range(40)]
    for size in (8 << 20, 700, 1):
        flows, bad = read(path, json_text(rows), block_bytes=size)
        assert (numbers(flows), bad) == (list(range(40)), [])


def test_line_ends_blank_lines_and_the_byte_order_mark(path: Path) -> None:
    data = b"\xef\xbb\xbf\r\n" + b"\r\n\r\n".join([*GOOD[:3], b"bad", b"  ", *GOOD[4:]])
    for size in (8 << 20, 1, 100):
        flows, bad = read(path, data, block_bytes=size)
        assert (numbers(flows), bad) == ([0, 1, 2, 4, 5], [(3, "broken_json")])


def test_another_stream_is_an_error_not_bad_records(path: Path) -> None:
    with pytest.raises(InputError, match=r"required columns are missing: .*IN_BYTES.*Found: event, id\."):
        read(path, '{"event": "x", "id": 1}\n' * 5)


def test_nothing_but_garbage_is_bad_records(path: Path) -> None:
    flows, bad = read(path, "garbage\n" * 2000)
    assert (len(flows), len(bad)) == (0, 2000)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("block_bytes", [8 << 20, 1, 33])
def test_one_array(tmp_path: Path, indent: int | None, block_bytes: int) -> None:
    rows = [record(i, Attack='],[{"} ,\\"', deep={"a": [1, {"b": 2}]}) for i in range(9)]
    rows[4]["IN_BYTES"] = "abc"
    flows, bad = read(tmp_path / "flows.json", json.dumps(rows, indent=indent), block_bytes=block_bytes)
    assert (numbers(flows), bad) == ([0, 1, 2, 3, 5, 6, 7, 8], [(4, "not_a_number")])
    assert flows.table["Attack"].to_pylist() == ['],[{"} ,\\"'] * 8
    assert flows.rows.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


@pytest.mark.parametrize("text", ["[]", "[\n]\n", "[ ]", "", "\n"])
def test_no_records(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flows.json"
    path.write_text(text)
    assert list(read_flows(str(path))) == []


def test_an_array_that_ends_early(tmp_path: Path) -> None:
    text = json.dumps([record(i) for i in range(5)])
    flows, bad = read(tmp_path / "flows.json", text[:-30])
    assert (numbers(flows), bad) == ([0, 1, 2, 3], [(4, "truncated_file")])


def test_one_object_and_objects_over_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "flows.json"
    assert numbers(read(path, json.dumps(record(3)))[0]) == [3]
    text = "\n".join(json.dumps(record(i), indent=2) for i in range(3))
    assert numbers(read(path, text)[0]) == [0, 1, 2]
