"""Columns of types that nobody expects where they stand: their rows are bad, or read, and nothing raises."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.flows.addresses.text import parse_status
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.exporters.values.cast import one_of, ports
from morpheus_gae.flows.files.stream import PIECE, Stream, StreamFile
from morpheus_gae.flows.frame import concat
from morpheus_gae.flows.pairing.pair import Pairer
from morpheus_gae.flows.readers.read import read_flows
from tests.flows import rows
from tests.flows.samples import SAMPLES

A, B = "192.0.2.1", "198.51.100.1"
ENDS = {
    "src_addr": [A, B],
    "dst_addr": [B, A],
    "src_port": [5000, 443],
    "dst_port": [443, 5000],
    "proto": [6, 6],
}
TIMES = pa.array([2**31 - 1, 0], pa.int32()).view(pa.date32())


def test_days_beyond_the_calendar_are_no_word() -> None:
    assert one_of(pa.chunked_array([TIMES]), ("man",)).tolist() == [False, False]
    assert one_of(pa.chunked_array([TIMES.dictionary_encode()]), ("man",)).tolist() == [False, False]


def test_a_counter_that_is_a_time_does_not_stop_pairs() -> None:
    table = pa.table(
        {
            **ENDS,
            "bytes": [100, 900], "time_flow_start_ns": [10**18, 10**18], "time_flow_end_ns": [10**18, 10**18],
            "packets": pa.array([1, 2]), "IN_PKTS": pa.array([1, 2], pa.timestamp("ns")),
        }
    )  # fmt: skip
    batch = table_to_flows(table)
    pairer = Pairer()
    joined = [*pairer.push(batch.flows), *pairer.flush()]
    assert sum(map(len, joined)) == 1
    assert joined[0].attributes[0, :2].tolist() == [100, 900]


def test_tuples_that_are_lists_are_no_flows() -> None:
    tuples = pa.array([[[1, 2]], [[3]]], pa.list_(pa.list_(pa.int64())))
    groups = pa.StructArray.from_arrays([tuples], ["flowTuples"])
    for table in (pa.table({"flowGroups": groups}), pa.table({"flowTuples": tuples, "other": [1, 2]})):
        batch = table_to_flows(table, preset="azure")
        assert len(batch.flows) == 0


def test_a_canonical_column_that_only_left_out_records_have_stays() -> None:
    table = pa.table(
        {
            "StartTime": ["2023/11/14 22:13:20.5"] * 2, "Dur": [1.0, 1.0], "Proto": ["man", "tcp"],
            "SrcAddr": ["192.0.2.1"] * 2, "DstAddr": ["192.0.2.2"] * 2, "TotBytes": [9, 9],
            "SrcBytes": [5, 5], "OUT_BYTES": [4, None],
        }
    )  # fmt: skip
    batch = table_to_flows(table, preset="argus")
    assert (len(batch.flows), [b.reason.value for b in batch.bad]) == (0, ["missing_counter"])


def test_a_view_that_is_not_utf8_costs_its_row(tmp_path: Path) -> None:
    table = rows.table(3)
    raw = pa.array([b"a", b"\xff\xfe", None], pa.binary_view())
    table = table.append_column("note", pa.Array.from_buffers(pa.string_view(), 3, raw.buffers()))
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as file:
        file.write_table(table)
    (tmp_path / "a.arrow").write_bytes(out.getvalue())
    batches = list(read_flows(str(tmp_path / "a.arrow")))
    assert [int(n) for batch in batches for n in batch.flows.rows] == [0, 2]
    assert [bad.reason.value for batch in batches for bad in batch.bad] == ["bad_encoding"]


def test_a_message_that_says_it_is_longer_than_memory(tmp_path: Path) -> None:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, rows.table(3).schema) as file:
        file.write_table(rows.table(3))
    data = bytearray(out.getvalue())
    # the length of the buffers that follow the second description
    at = 8 + struct.unpack_from("<i", data, 4)[0] + 8
    root = at + struct.unpack_from("<I", data, at)[0]
    field = struct.unpack_from("<H", data, root - struct.unpack_from("<i", data, root)[0] + 10)[0]
    data[root + field : root + field + 8] = (1 << 45).to_bytes(8, "little")
    (tmp_path / "a.arrow").write_bytes(bytes(data))
    asked: list[int] = []
    left = [bytes(data)]

    def read(n: int) -> bytes:
        asked.append(n)
        given, left[0] = left[0][:n], left[0][n:]
        return given

    assert StreamFile(Stream(read, lambda: 0, lambda: None)).read(1 << 45) == bytes(data)
    assert max(asked) <= PIECE
    batches = list(read_flows(str(tmp_path / "a.arrow")))
    assert [bad.reason.value for batch in batches for bad in batch.bad] == ["truncated_file"]
    assert not any(np.any(batch.flows.rows) for batch in batches)


def test_dictionaries_with_words_that_are_null_can_be_put_together() -> None:
    table = rows.table(2).append_column(
        "note", pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["a", None]))
    )
    other = rows.table(2).append_column("note", pa.array(["b", "a"]).dictionary_encode())
    flows = concat([table_to_flows(table).flows, table_to_flows(other).flows])
    assert flows.take(np.array([3, 1, 0, 2])).table["note"].to_pylist() == ["a", None, "a", "b"]


def test_an_object_without_fields_holds_no_tuples(tmp_path: Path) -> None:
    line = next(s.text for s in SAMPLES if s.name == "vnet")
    path = tmp_path / "blob.json"
    path.write_text(
        f'[{line.strip()},{{"records": [{{"time": "", "flowRecords": {{}}}}]}},{line.strip()}]',
        encoding="utf-8",
    )
    batches = list(read_flows(str(path), block_bytes=1))
    assert [len(batch.flows) for batch in batches] == [1, 0, 1]


def test_words_that_are_no_text_and_that_no_row_has_do_no_harm() -> None:
    words = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"a"], pa.binary()).buffers())
    table = rows.table(2).append_column(
        "note", pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), words)
    )
    batch = table_to_flows(table)
    assert batch.bad == []
    assert batch.flows.table["note"].to_pylist() == ["a", None]


def test_one_way_records_that_last_longer_than_time() -> None:
    table = pa.table(
        {**ENDS, "bytes": [1, 2], "time_flow_start_ns": [10**18] * 2, "time_flow_end_ns": [10**18] * 2}
    )
    table = table.append_column("FLOW_DURATION_MILLISECONDS", pa.array([1e38, 5.0]))
    pairer = Pairer()
    joined = [*pairer.push(table_to_flows(table).flows), *pairer.flush()]
    assert sum(map(len, joined)) + pairer.paired == 2


@pytest.mark.parametrize("count", [0, 3])
def test_offsets_with_more_bytes_than_rows(count: int) -> None:
    texts = pa.array(["10.0.0.1", "x", "::1"][:count], pa.string())
    _, offsets, data = texts.buffers()
    longer = pa.py_buffer((b"" if offsets is None else offsets.to_pybytes()[: 4 * count + 4]) + b"\0\0\0")
    array = pa.Array.from_buffers(pa.string(), count, [None, longer, data])
    assert (
        parse_status(pa.chunked_array([array]))[2].tolist()
        == parse_status(pa.chunked_array([texts]))[2].tolist()
    )
    assert ports(pa.chunked_array([array])).to_pylist() == ports(pa.chunked_array([texts])).to_pylist()


def test_a_time_zone_that_is_no_text_is_damage(tmp_path: Path) -> None:
    for nested in (False, True):
        times = pa.array([1, 2], pa.timestamp("ms", "Nowhere/None"))
        column = pa.StructArray.from_arrays([times], ["at"]) if nested else times
        out = io.BytesIO()
        with pa.ipc.new_stream(out, rows.table(2).append_column("note", column).schema) as file:
            file.write_table(rows.table(2).append_column("note", column))
        path = tmp_path / "a.arrows"
        path.write_bytes(out.getvalue().replace(b"Nowhere/", b"Now\xffere/"))
        bad = [record.detail for batch in read_flows(str(path)) for record in batch.bad]
        assert bad == ["the name of a column or of a time zone is not UTF-8"]
