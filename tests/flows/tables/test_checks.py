"""Tables that lie about themselves are refused as Arrow refuses them; odd text costs its row."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.tables.checks import FEW, DamagedError, checked
from morpheus_gae.flows.tables.checks_kernels import ascend, is_ascii, not_utf8, nulls, within
from tests.flows.rows import numbers, record

ROWS = FEW + 5


def refused(table: pa.Table) -> bool:
    try:
        checked(table)
    except DamagedError:
        return True
    return False


def refused_by_arrow(table: pa.Table) -> bool:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        return True
    return False


def text(kind: Any, offsets: Any, data: Any, rows: int) -> pa.Array:
    return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


@settings(max_examples=200)
@given(
    st.sampled_from([pa.string(), pa.large_string()]),
    st.integers(1, ROWS),
    st.lists(st.tuples(st.integers(0, ROWS), st.integers(-9, 4000)), max_size=3),
    st.lists(
        st.tuples(st.integers(0, 3 * ROWS - 1), st.sampled_from("a\xff\x80\xc3\x00".encode("latin-1"))),
        max_size=3,
    ),
)
def test_text_is_refused_or_set_aside_where_arrow_refuses_it(
    kind: pa.DataType, rows: int, wrong: list[tuple[int, int]], odd: list[tuple[int, int]]
) -> None:
    wide = np.int64 if pa.types.is_large_string(kind) else np.int32
    offsets, data = np.arange(ROWS + 1, dtype=wide) * 3, np.frombuffer(b"abc" * ROWS, np.uint8).copy()
    table = pa.table([text(kind, offsets, data, rows)], ["a"])
    # only now: to make it so is refused
    for at, value in wrong:
        offsets[at] = value
    for at, value in odd:
        data[at] = value
    binary = table.set_column(0, "a", table["a"].cast(pa.large_binary() if wide == np.int64 else pa.binary()))
    assert refused(table) == refused_by_arrow(binary)
    if not refused(table):
        _, garbled = checked(table)
        assert (garbled is not None) == refused_by_arrow(table)
        if garbled is not None:
            told = [_is_text(v) for v in binary["a"].to_pylist()]
            assert garbled.tolist() == [not fine for fine in told]


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(
    st.lists(st.binary(max_size=6), max_size=8) | st.lists(st.text(max_size=3).map(str.encode), max_size=8)
)
def test_utf8_is_what_python_decodes(texts: list[bytes]) -> None:
    offsets, data = np.cumsum([0, *map(len, texts)]), np.frombuffer(b"".join(texts), np.uint8)
    wrong = np.zeros(len(texts), bool)
    not_utf8(offsets, data, wrong)
    assert wrong.tolist() == [not _is_text(raw) for raw in texts]


def test_text_that_is_not_ascii_is_fine() -> None:
    table = pa.table({"a": ["zürich"] * ROWS, "b": pa.array(["ß"] * ROWS, pa.large_string())})
    assert checked(table) == (table, None)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float32(), pa.bool_(), pa.timestamp("ms")])
def test_nulls_that_are_miscounted(kind: pa.DataType) -> None:
    sound = pa.array([None, 0] * ROWS, pa.int64()).cast(kind)
    checked(pa.table([sound], ["a"]))
    wrong = pa.Array.from_buffers(kind, len(sound), sound.buffers(), ROWS - 1)
    assert refused_by_arrow(pa.table([wrong], ["a"]))
    assert refused(pa.table([wrong], ["a"]))


@given(st.binary(max_size=40), st.integers(0, 400))
def test_nulls(bitmap: bytes, rows: int) -> None:
    bits = np.frombuffer(bitmap, np.uint8)
    known = np.unpackbits(bits, bitorder="little")[:rows]
    assert nulls(bits, rows) == (rows - int(known.sum()) if bits.size * 8 >= rows else -1)


def test_only_what_is_shown_has_to_be_ascii() -> None:
    data = np.frombuffer("ßabcß".encode(), np.uint8)
    assert is_ascii(np.array([2, 3, 5], np.int32), data)
    assert not is_ascii(np.array([2, 3, 6], np.int32), data)
    assert not is_ascii(np.array([1, 3, 5], np.int32), data)
    assert ascend(np.array([2, 3, 7], np.int32), data.size)
    for wrong in ([2, 3, 90], [-1, 3, 5], [2, 1, 5]):
        assert not ascend(np.array(wrong, np.int32), data.size)


@pytest.mark.parametrize("index", [7, -1, 2**31 - 1])
@pytest.mark.parametrize("rows", [3, ROWS])
def test_an_index_of_no_word_is_refused(index: int, rows: int) -> None:
    at = np.zeros(rows, np.int32)
    at[1] = index
    bits = np.array([0b11111101, *[255] * (rows // 8)], np.uint8)
    words = pa.array(["10.0.0.1", "10.0.0.2"])
    for null in (False, True):
        indices = pa.Array.from_buffers(
            pa.int32(), rows, [pa.py_buffer(bits) if null else None, pa.py_buffer(at)]
        )
        table = pa.table([pa.DictionaryArray.from_arrays(indices, words, safe=False)], ["a"])
        # what lies behind a null is nobody's business
        assert refused(table) is not null
        assert within(at, bits if null else bits[:0], 0, 2) is null


def garbled_text(rows: int, at: int, kind: Any) -> pa.Array:
    texts = [f"t{i}".encode() for i in range(rows)]
    texts[at] = b"t\xff\xfe"
    wide = pa.large_binary() if pa.types.is_large_string(kind) else pa.binary()
    return pa.array(texts, wide).view(kind)


NESTED: dict[str, Callable[[pa.Array], Any]] = {
    "plain": lambda a: a,
    "struct": lambda a: pa.StructArray.from_arrays([a], ["x"]),
    "list": lambda a: pa.ListArray.from_arrays(np.arange(len(a) + 1, dtype=np.int32), a),
    "struct in list": lambda a: pa.ListArray.from_arrays(
        np.arange(len(a) + 1, dtype=np.int32), pa.StructArray.from_arrays([a], ["x"])
    ),
    "dictionary": lambda a: pa.DictionaryArray.from_arrays(np.arange(len(a), dtype=np.int32), a, safe=False),
    "small dictionary": lambda a: pa.DictionaryArray.from_arrays(
        (np.arange(len(a)) % 128).astype(np.int8), a.slice(0, 128), safe=False
    ),
    "chunks": lambda a: pa.chunked_array([a.slice(0, 2), a.slice(2)]),
}


@pytest.mark.parametrize("rows", [5, ROWS])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("form", NESTED)
def test_a_row_whose_text_is_not_utf8_is_set_aside_alone(form: str, kind: Any, rows: int) -> None:
    table = pa.Table.from_pylist([record(i) for i in range(rows)])
    table = table.append_column("odd", NESTED[form](garbled_text(rows, 3, kind)))
    batch = table_to_flows(table, "x", 10)
    assert numbers(batch.flows) == [i for i in range(rows) if i != 3]
    (bad,) = batch.bad
    assert (bad.reason, bad.row) == (Reason.ENCODING, 13)
    assert json.loads(bad.record)["OUT_BYTES"] == record(3)["OUT_BYTES"]
    # the rest can be written
    batch.flows.table.validate(full=True)
    assert batch.flows.table["odd"].to_pylist()


def test_an_address_that_is_not_utf8() -> None:
    table = pa.Table.from_pylist([record(i) for i in range(4)])
    odd = pa.array([b"10.0.0.1", b"10.0.0.\xff", None, b"10.0.0.2"]).view(pa.string())
    batch = table_to_flows(table.set_column(table.column_names.index("IPV4_SRC_ADDR"), "IPV4_SRC_ADDR", odd))
    assert [(b.row, b.reason) for b in batch.bad] == [(1, Reason.ENCODING), (2, Reason.ADDRESS)]
    assert "10.0.0.\ufffd" in json.loads(batch.bad[0].record)["IPV4_SRC_ADDR"]


def test_a_name_that_is_not_utf8_is_refused() -> None:
    stream = pa.BufferOutputStream()
    table = pa.table({"namename": [1]})
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    raw = stream.getvalue().to_pybytes().replace(b"namename", b"name\xff\xfe\xfa\xf8")
    with pytest.raises(DamagedError, match=r"the name of a column .* is not UTF-8"):
        checked(pa.ipc.open_stream(raw).read_all(), "x")


RARE = {
    "string_view": pa.array(["a", None, "a text of more than twelve bytes"], pa.string_view()),
    "binary_view": pa.array([b"a", None, b"\xff"], pa.binary_view()),
    "list_view": pa.array([[1], None, [2, 3]], pa.list_view(pa.int64())),
    "views in a struct": pa.StructArray.from_arrays([pa.array(["a", None, "b"], pa.string_view())], ["x"]),
    "run ends": pa.RunEndEncodedArray.from_arrays([1, 3], ["a", "b"]),
    "union": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    ),
    "dense union": pa.UnionArray.from_dense(
        pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([1, 3]), pa.array(["b"])]
    ),
    "extension": pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([b"0" * 16, None, b"1" * 16], pa.binary(16))
    ),
    "dictionary of views": pa.DictionaryArray.from_arrays([0, 1, 0], pa.array(["a", "b"], pa.string_view())),
}


@pytest.mark.parametrize("name", RARE)
def test_rare_types_become_plain_ones(name: str) -> None:
    table = pa.Table.from_pylist([record(i) for i in range(3)]).append_column("rare", RARE[name])
    flows = table_to_flows(table).flows
    given = RARE[name].to_pylist() if name != "extension" else RARE[name].storage.to_pylist()
    found = flows.table["rare"].to_pylist()
    if "union" in name:
        given = [None if v is None else str(v) for v in given]
    assert found == given
    # what the rest of the way does with columns
    assert flows.take(np.array([2, 0])).table["rare"].to_pylist() == [given[2], given[0]]


def test_addresses_and_counters_that_are_views() -> None:
    table = pa.Table.from_pylist([record(i) for i in range(ROWS)])
    for i, name in enumerate(table.column_names):
        if pa.types.is_string(table[name].type):
            table = table.set_column(i, name, table[name].cast(pa.string_view()))
    batch = table_to_flows(table)
    assert numbers(batch.flows) == list(range(ROWS))
    assert batch.bad == []
