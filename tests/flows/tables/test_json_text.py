from __future__ import annotations

import json

import pyarrow as pa
import pytest

from morpheus_gae.flows.tables.cells import records
from morpheus_gae.flows.tables.concat import as_text
from morpheus_gae.flows.tables.json_text import json_text, plain_text
from tests.arrow_types import COLUMNS, ROWS


@pytest.mark.parametrize("name", COLUMNS)
def test_text_of_anything(name: str) -> None:
    column = pa.chunked_array([COLUMNS[name]])
    valid = [text != "null" for text in json_text(column).to_pylist()]
    for text in (plain_text(column), as_text(column)):
        # numbers that JSON has no word for have a name as text
        assert [v is not None for v in text.to_pylist()] == valid or pa.types.is_floating(column.type)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_record_that_is_set_aside_is_json(name: str) -> None:
    found = records(pa.table({"x": COLUMNS[name]}))
    assert [list(json.loads(text)) for text in found] == [["x"]] * ROWS


def test_a_record_that_is_no_text_is_set_aside_all_the_same() -> None:
    wrong = pa.array([b"fine", b"\xff\x1b", None]).view(pa.string())
    assert records(pa.table({"x": wrong, "n": [1, 2, 3]})) == [
        '{"x":"fine","n":1}',
        '{"x": "\\ufffd\\u001b", "n": 2}',
        '{"x":null,"n":3}',
    ]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.string(), [['a"b', "c\x1b"], [], None, ["x", None], ["ü"]]),
        (pa.float64(), [[1.5, None], None, [float("nan"), 2.0, 3.0]]),
        (pa.bool_(), [[], []]),
        (pa.int8(), [None, None]),
    ],
)
@pytest.mark.parametrize("start", [0, 1])
def test_lists_of_any_length(kind: pa.DataType, values: list[list[object] | None], start: int) -> None:
    array = pa.array(values, pa.list_(kind))[start:]
    read = [json.loads(text) for text in json_text(pa.chunked_array([array, array[:0], array])).to_pylist()]
    plain = [None if row is None else [None if v != v else v for v in row] for row in values[start:]]
    assert read == 2 * plain
