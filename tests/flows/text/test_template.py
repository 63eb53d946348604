from __future__ import annotations

import io
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.text.template import Matched, delimited_template, json_template

KNOWN = {"i": pa.int64(), "f": pa.float64(), "s": pa.string(), "b": pa.bool_()}
VALUES = st.fixed_dictionaries(
    {
        "i": st.none() | st.integers(-(2**63), 2**63 - 1),
        "f": st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9999, 9999),
        "s": st.none() | st.text(st.characters(codec="utf-8")),
        "b": st.none() | st.booleans(),
        "n": st.none() | st.integers(0, 3),
    }
)


def rows_of(matched: Matched, names: list[str]) -> list[dict[str, object]]:
    return matched.table.select(names).to_pylist()


@settings(deadline=None)
@given(st.lists(VALUES, max_size=30), st.booleans(), st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_what_follows_the_template_is_read_exactly_and_the_rest_is_named(
    rows: list[dict[str, object]], spaced: bool, ascii_text: bool, end: str
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    lines = [json.dumps(row, separators=separators, ensure_ascii=ascii_text) for row in rows]
    first = json.dumps({"i": 1, "f": 2.5, "s": "x", "b": True, "n": None}, separators=separators)
    template = json_template(first.encode() + b"\n", KNOWN)
    assert template is not None
    data = "".join(line + end for line in lines).encode()
    matched = template.read(data, utf8=True)
    odd = matched.odd[2].tolist()
    assert sorted(matched.rows.tolist() + odd) == list(range(len(rows)))
    assert matched.lines == len(rows)
    assert matched.odd_lines(data).decode().split("\n")[: len(odd)] == [
        lines[i] + ("\r" if end == "\r\n" else "") for i in odd
    ]
    for got, i in zip(rows_of(matched, list(rows[0]) if rows else []), matched.rows.tolist(), strict=True):
        want = rows[i]
        assert got["n"] is None
        assert want["n"] is None
        # a float to the last bit, -0.0 too
        assert {**got, "f": 0} == {**want, "f": 0}
        assert got["f"] == want["f"]
        assert want["f"] is None or math.copysign(1, got["f"]) == math.copysign(1, want["f"])


def test_plain_lines_are_all_read() -> None:
    rows = [{"i": i * 10**6, "f": i / 8 + 0.001, "s": "é" * (i % 20), "b": i % 2 == 0} for i in range(200)]
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    template = json_template(data.split(b"\n")[0], KNOWN)
    assert template is not None
    matched = template.read(data, utf8=True)
    assert rows_of(matched, list(KNOWN)) == rows
    # in doubt about the encoding only ASCII is read
    assert rows_of(template.read(data, utf8=False), list(KNOWN)) == [r for r in rows if str(r["s"]).isascii()]


@pytest.mark.parametrize(
    "text",
    [
        *("0", "-1", "12.5", "1e3", "1E-5", "0.1", "123456789012345", "9007199254740992", "1.7e-22", "5e22"),
        *("01", "-", "1.", ".5", "1e", "+1", "0x1", "1_0", "NaN", "inf", "--1", "1.2.3", "1e400", "9e-400"),
        *("-0", "-0.0", "123456789012345678901234567890", "0.30000000000000004", "1 "),
    ],
)
def test_a_number_is_the_one_that_json_reads_or_odd(text: str) -> None:
    template = json_template(b'{"f":1.5}', {"f": pa.float64()})
    assert template is not None
    matched = template.read(b'{"f":' + text.encode() + b"}\n", utf8=True)
    try:
        want = json.loads(text) if text.strip("+-.0123456789eE") == "" else None
    except ValueError:
        want = None
    if len(matched.rows):
        assert want is not None
        assert matched.table["f"][0].as_py() == float(want)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1700000000123456789", True),
        ("8999999999999999999", True),
        ("-8999999999999999999", True),
        ("9000000000000000000", False),
        ("9223372036854775808", False),
        ("-9223372036854775808", False),
        ("17000000001234567890", False),
    ],
)
def test_integers_of_19_digits_are_read_where_they_fit(text: str, read: bool) -> None:
    template = json_template(b'{"i":1}\n', {"i": pa.int64()})
    assert template is not None
    matched = template.read(f'{{"i":{text}}}\n'.encode(), utf8=True)
    assert matched.table["i"].to_pylist() == ([int(text)] if read else [])
    assert matched.lines == 1


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1]",
        b"{}",
        b'{"a":1',
        b'{"a":{"b":1}}',
        b'{"a":[1]}',
        b'{"a":1,"a":2}',
        b"null",
        b'{"x":' * 100_000,
        b'{"a":"' + b"x" * 100_000 + b'"}',
    ],
)
def test_what_makes_no_template(line: bytes) -> None:
    assert json_template(line, {"a": pa.int64()}) is None


def test_a_column_that_the_lines_lack_is_null() -> None:
    template = json_template(b'{"i":1}', {"later": pa.string(), "i": pa.int64()})
    assert template is not None
    table = template.read(b'{"i":7}\n', utf8=True).table
    assert table.to_pylist() == [{"later": None, "i": 7}]
    assert table.schema.types == [pa.string(), pa.int64()]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**40), 2**40),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            CELL,
        ),
        max_size=20,
    ),
    st.sampled_from(",;|"),
)
@example([(1, 2.5, 'a"b'), (None, None, ""), (3, -0.0, " x ")], ",")
def test_delimited_lines_are_read_as_the_general_reader_does(
    rows: list[tuple[int | None, float | None, str]], delimiter: str
) -> None:
    import csv

    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    data = text.getvalue().encode()
    names = ["i", "f", "s"]
    types = {"i": pa.int64(), "f": pa.float64(), "s": pa.string()}
    template = delimited_template(names, delimiter, types)
    assert template is not None
    matched = template.read(data, utf8=True)
    assert sorted(matched.rows.tolist() + matched.odd[2].tolist()) == list(range(len(rows)))
    if not rows:
        return
    whole = pacsv.read_csv(
        pa.BufferReader(data),
        read_options=pacsv.ReadOptions(column_names=names),
        parse_options=pacsv.ParseOptions(delimiter=delimiter),
        convert_options=pacsv.ConvertOptions(column_types=types, null_values=[""]),
    )
    assert matched.table.to_pylist() == whole.take(pa.array(matched.rows)).to_pylist()


def test_odd_delimited_lines_are_named() -> None:
    template = delimited_template(["i", "s"], ",", {"i": pa.int64(), "s": pa.string()})
    assert template is not None
    data = b'1,a\nx,b\n2\n3,c,d\n4,"q"\n5,"q""r"\n6,e\rf\n\n7,g\r\n8,h'
    matched = template.read(data, utf8=True)
    assert matched.table.to_pylist() == [
        {"i": 1, "s": "a"},
        {"i": 4, "s": "q"},
        {"i": 7, "s": "g"},
        {"i": 8, "s": "h"},
    ]
    assert matched.rows.tolist() == [0, 4, 7, 8]
    assert matched.odd[2].tolist() == [1, 2, 3, 5, 6]
    assert matched.odd_lines(data) == b'x,b\n2\n3,c,d\n5,"q""r"\n6,e\rf\n'
    np.testing.assert_array_equal(matched.odd[1] > matched.odd[0], True)
