"""Payloads: every form of a message gives the same flows, and bad ones spoil no other."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import UsageError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.frame import Position
from morpheus_gae.flows.payloads.decode import PayloadDecoder
from morpheus_gae.flows.payloads.origin import with_origin
from tests.flows import rows

ROWS = [rows.record(i) for i in range(12)]
Rows = list[dict[str, Any]]


def arrow(given: Rows, compression: str | None = None, file: bool = False) -> bytes:
    out, table = io.BytesIO(), pa.Table.from_pylist(given)
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(out, table.schema, options=options) as writer:
        writer.write_table(table)
    return out.getvalue()


FORMS: dict[str, Callable[[Rows], bytes]] = {
    "lines": lambda given: rows.json_text(given).encode(),
    "lines without end": lambda given: rows.json_text(given).rstrip().encode(),
    "blank lines": lambda given: b"\n \n" + rows.json_text(given).replace("\n", "\n\n").encode(),
    "array": lambda given: json.dumps(given).encode(),
    "indented array": lambda given: json.dumps(given, indent=2).encode(),
    "csv": lambda given: rows.csv_text(given).encode(),
    "csv, other line ends": lambda given: rows.csv_text(given).replace("\n", "\r\n").encode(),
    "arrow": arrow,
    "arrow lz4": lambda given: arrow(given, "lz4"),
    "arrow zstd file": lambda given: arrow(given, "zstd", file=True),
}


def found(
    decoder: PayloadDecoder, values: list[bytes | None], types: Any = None
) -> list[tuple[int, int, int]]:
    out = decoder.decode(values, types)
    assert np.array_equal(out.message, np.sort(out.message))
    return list(
        zip(out.message.tolist(), out.row.tolist(), out.flows.table["IN_BYTES"].to_pylist(), strict=True)
    )


@pytest.mark.parametrize("form", FORMS)
def test_many_flows_a_message(form: str) -> None:
    decoder = PayloadDecoder("topic")
    values: list[bytes | None] = [FORMS[form](ROWS[i : i + 4]) for i in (0, 4, 8)]
    # the second time, what was learnt is used
    for _ in range(3):
        assert found(decoder, values) == [(i // 4, i % 4, i) for i in range(12)]


@pytest.mark.parametrize("indent", [None, 1])
def test_one_object_a_message(indent: int | None) -> None:
    decoder = PayloadDecoder("topic")
    values: list[bytes | None] = [json.dumps(row, indent=indent).encode() for row in ROWS]
    for _ in range(2):
        assert found(decoder, values) == [(i, 0, i) for i in range(12)]


@given(st.lists(st.tuples(st.sampled_from(sorted(FORMS)), st.integers(1, 3)), max_size=8), st.data())
def test_forms_may_change_from_message_to_message(forms: list[tuple[str, int]], data: st.DataObject) -> None:
    decoder = PayloadDecoder("topic")
    values: list[bytes | None] = []
    expected = []
    for form, count in forms:
        if data.draw(st.booleans()):
            values.append(
                data.draw(st.sampled_from([None, b"", b"garbage", b'{"a": ', b"\x00\x00\x00\x00\x01zz"]))
            )
        expected += [(len(values), i, i) for i in range(count)]
        values.append(FORMS[form](ROWS[:count]))
    assert found(decoder, values) == expected


@given(st.binary(max_size=200), st.sampled_from([None, "application/json", "avro/binary", "text/csv", "x/y"]))
def test_nothing_raises(value: bytes, told: str | None) -> None:
    good = FORMS["lines"](ROWS[:1])
    out = PayloadDecoder("topic").decode([good, value, good], [None, told, None])
    assert {0, 2} <= set(out.message.tolist())
    assert all(b.message == 1 for b in out.bad)


def test_bad_records_keep_their_bytes() -> None:
    broken = json.dumps({**ROWS[1], "IPV4_SRC_ADDR": "10.0.0.999"}).encode()
    latin = b'{"IPV4_SRC_ADDR": "\xff"}'
    values = [
        b"\n".join([json.dumps(ROWS[0]).encode(), broken, latin]),
        b"no flow",
        b'[{"a": 1}',
        arrow(ROWS[:2])[:99],
    ]
    out = PayloadDecoder("topic").decode(values)
    told = [(b.message, b.row, b.reason, b.value) for b in out.bad]
    assert told == [
        (0, 1, Reason.ADDRESS, broken),
        (0, 2, Reason.ENCODING, latin),
        (1, -1, Reason.MESSAGE, values[1]),
        (2, -1, Reason.MESSAGE, values[2]),
        (3, -1, Reason.MESSAGE, values[3]),
    ]


def test_a_topic_of_something_else() -> None:
    out = PayloadDecoder("topic").decode([b'{"level": "info"}'] * 3)
    assert [(b.message, b.row, b.reason) for b in out.bad] == [(i, -1, Reason.COLUMNS) for i in range(3)]
    assert not len(out.flows)


def test_another_exporter_takes_over() -> None:
    decoder = PayloadDecoder("topic")
    assert len(decoder.decode([FORMS["lines"](ROWS)]).flows) == 12
    other = {
        "src_addr": "10.0.0.1",
        "dst_addr": "10.0.0.2",
        "bytes": 7,
        "time_flow_start_ns": 1,
        "time_flow_end_ns": 9,
    }
    out = decoder.decode([json.dumps(other).encode()] * 3)
    assert (len(out.flows), out.bad, out.preset) == (3, [], "goflow2")


def test_avro() -> None:
    fastavro = pytest.importorskip("fastavro")
    schema = {
        "type": "record",
        "name": "flow",
        "fields": [
            {"name": n, "type": "string" if isinstance(v, str) else "long"} for n, v in ROWS[0].items()
        ],
    }
    container, bare = io.BytesIO(), []
    fastavro.writer(container, schema, ROWS[:3])
    for row in ROWS[:2]:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, row)
        bare.append(b"\x00\x00\x00\x00\x07" + out.getvalue())
    with_schema = PayloadDecoder("topic", avro_schema=json.dumps(schema))
    assert found(with_schema, [container.getvalue(), *bare]) == [
        (0, 0, 0),
        (0, 1, 1),
        (0, 2, 2),
        (1, 0, 0),
        (2, 0, 1),
    ]
    without = PayloadDecoder("topic").decode([bare[0], container.getvalue()])
    assert [(b.message, b.reason) for b in without.bad] == [(0, Reason.SCHEMA)]
    assert "avro.schema.file=PATH" in without.bad[0].detail
    assert len(without.flows) == 3


def test_avro_that_claims_any_number_of_values_is_refused() -> None:
    fastavro = pytest.importorskip("fastavro")
    fields = [{"name": n, "type": "string" if isinstance(v, str) else "long"} for n, v in ROWS[0].items()]
    nothing = {"type": "record", "name": "a.none", "fields": [{"name": "x", "type": "null"}]}
    for items, fine in (
        ("int", True),
        ("null", False),
        (nothing, False),
        (["null", "int"], True),
        ({"type": "map", "values": "null"}, True),
        ({"type": "array", "items": {"type": "fixed", "name": "f", "size": 0}}, False),
    ):
        more = {"name": "more", "type": {"type": "array", "items": items}}
        schema = {"type": "record", "name": "flow", "fields": [*fields, more]}
        out = io.BytesIO()
        fastavro.writer(out, schema, [{**ROWS[0], "more": []}])
        found = PayloadDecoder("topic").decode([out.getvalue()])
        assert (len(found.flows), [b.reason for b in found.bad]) == (fine, [] if fine else [Reason.MESSAGE])
        if not fine:
            with pytest.raises(UsageError, match="no bytes"):
                PayloadDecoder("topic", avro_schema=json.dumps(schema))


def flow_message() -> Any:
    """goflow2's message in the library that goflow2's users have."""
    pytest.importorskip("google.protobuf")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    from morpheus_gae.flows.payloads.goflow2 import ADDRESSES, NUMBERS

    file = descriptor_pb2.FileDescriptorProto(name="flow.proto", package="flowpb", syntax="proto3")
    message = file.message_type.add(name="FlowMessage")
    field = descriptor_pb2.FieldDescriptorProto
    for names, kind in ((NUMBERS, field.TYPE_UINT64), (ADDRESSES, field.TYPE_BYTES)):
        for name, number in names.items():
            message.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    # one that the reader does not know, and must pass over
    message.field.add(name="as_path", number=102, type=field.TYPE_UINT32, label=field.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("flowpb.FlowMessage"))


@pytest.mark.parametrize("prefixed", [False, True])
def test_protobuf_of_goflow2(prefixed: bool) -> None:
    kind = flow_message()
    values = []
    for i in range(5):
        six = i % 2 == 1
        data = kind(
            type=4, time_received_ns=10**18, sampling_rate=i, bytes=100 + i, packets=2**40 + i,
            src_addr=bytes(range(16)) if six else bytes([10, 0, 0, i]), dst_addr=b"\x20" * (16 if six else 4),
            proto=6, src_port=40_000, dst_port=443,
            time_flow_start_ns=10**18, time_flow_end_ns=10**18 + 5_000_000,
            as_path=[1, 2, 3],
        ).SerializeToString()  # fmt: skip
        values.append(bytes([len(data)]) + data if prefixed else data)
    assert max(map(len, values)) < 128
    out = PayloadDecoder("topic").decode([*values, b"\x08\x04\x32"])
    assert [(b.message, b.row) for b in out.bad] == [(5, -1)]
    table = out.flows.table
    assert out.flows.one_way
    assert table["bytes"].to_pylist() == [100 + i for i in range(5)]
    assert table["packets"].to_pylist() == [2**40 + i for i in range(5)]
    assert table["src_addr"].to_pylist()[:2] == ["10.0.0.0", "1:203:405:607:809:a0b:c0d:e0f"]
    assert table["FLOW_DURATION_MILLISECONDS"].to_pylist() == [5] * 5


def test_origin_columns() -> None:
    decoded = PayloadDecoder("topic").decode([FORMS["lines"]([{**row, "row": "mine"} for row in ROWS[:2]])])
    done = Position("topic#1", 3, 8)
    flows = with_origin(decoded.flows, "topic", 3, np.array([7, 7]), decoded.row, done)
    told = flows.table.select(["topic", "partition", "offset", "row", "input_row"]).to_pylist()
    assert told == [
        {"topic": "topic", "partition": 3, "offset": 7, "row": i, "input_row": "mine"} for i in range(2)
    ]
    assert flows.done == (done,)
    assert flows.slice(0, 1).done == (Position("topic#1", 3, 7),)
