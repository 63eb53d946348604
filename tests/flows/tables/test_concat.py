from __future__ import annotations

import pyarrow as pa
import pytest

from morpheus_gae.flows.tables.concat import as_text, stack


@pytest.mark.parametrize(
    ("columns", "want"),
    [
        ([[1, 2], [3]], [1, 2, 3]),
        ([[1], [2.5]], [1.0, 2.5]),
        ([[2**53 + 1], [2.5]], [float(2**53 + 1), 2.5]),
        ([[1], ["x"], [None]], ["1", "x", None]),
        ([[True], [2]], ["true", "2"]),
        ([[{"a": 1}], ["x"]], ['{"a":1}', "x"]),
        ([[{"a": 1}], [{"b": 2}]], [{"a": 1, "b": None}, {"a": None, "b": 2}]),
        ([[{"a": 1, "b": 2}, None], [{"b": 3, "a": 4}]], [{"a": 1, "b": 2}, None, {"a": 4, "b": 3}]),
        (
            [[{"a": {"b": 1}}], [None], [{"a": {"c": 2}}]],
            [{"a": {"b": 1, "c": None}}, None, {"a": {"b": None, "c": 2}}],
        ),
        ([[[1]], [2]], ["[1]", "2"]),
        ([[b"\x01"], ["x"]], [b"\x01", b"x"]),
    ],
)
def test_types_that_differ(columns: list[list[object]], want: list[object]) -> None:
    tables = [pa.table({"a": column}) for column in columns]
    assert stack(tables)["a"].to_pylist() == want


def test_fields_in_another_order_beside_a_column_of_two_kinds() -> None:
    tables = [
        pa.table({"a": [{"x": 1, "y": 2}], "b": [1]}),
        pa.table({"a": [{"y": 4, "x": 3}], "b": ["z"]}),
    ]
    want = [{"a": {"x": 1, "y": 2}, "b": "1"}, {"a": {"x": 3, "y": 4}, "b": "z"}]
    assert stack(tables).to_pylist() == want


def test_columns_that_some_lack() -> None:
    got = stack([pa.table({"a": [1], "b": [2]}), pa.table({"b": ["x"], "c": [3]})])
    assert got.to_pylist() == [{"a": 1, "b": "2", "c": None}, {"a": None, "b": "x", "c": 3}]


def test_bytes_that_are_no_text_become_hexadecimal() -> None:
    assert as_text(pa.chunked_array([[b"\xff\x01", None]])).to_pylist() == ["ff01", None]


def test_counters_beyond_what_whole_numbers_have_in_common_become_floats() -> None:
    small, large = pa.table({"n": pa.array([-1, 2])}), pa.table({"n": pa.array([2**64 - 1], pa.uint64())})
    assert stack([small, large])["n"].to_pylist() == [-1.0, 2.0, float(2**64 - 1)]
    # where they fit, they stay whole
    fitting = pa.table({"n": pa.array([3], pa.uint64())})
    assert stack([small, fitting])["n"].to_pylist() == [-1, 2, 3]
