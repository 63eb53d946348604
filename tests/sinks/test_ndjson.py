from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.sinks.ndjson import json_lines


def back(table: pa.Table) -> list[dict[str, object]]:
    lines = json_lines(table)
    assert lines.count(b"\n") == table.num_rows
    return [json.loads(line, parse_constant=pytest.fail) for line in lines.split(b"\n")[:-1]]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "int": st.none() | st.integers(-(2**63), 2**63 - 1),
                "float": st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "bool": st.none() | st.booleans(),
                'te"xt\n': st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])),
                "list": st.none() | st.lists(st.integers(0, 9)),
                "struct": st.none() | st.fixed_dictionaries({"a": st.integers(0, 9), "b": st.text('x"\\\n')}),
            }
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 3),
)
def test_values_come_back(rows: list[dict[str, object]], cut: int) -> None:
    table = pa.Table.from_pylist(rows)
    raw = json_lines(table)
    assert [json.loads(line) for line in raw.split(b"\n")[:-1]] == rows
    assert json_lines(table.slice(cut)) + b"" == b"".join(line + b"\n" for line in raw.split(b"\n")[cut:-1])
    assert json_lines(pa.concat_tables([table, table])) == raw * 2


@pytest.mark.parametrize(
    ("column", "want"),
    [
        (pa.array([1.5, np.nan, np.inf, -np.inf, None]), [1.5, None, None, None, None]),
        (pa.array([0.1, None], pa.float32()), [0.1, None]),
        (pa.array([1e300, 5.0, -0.0, 1e-7]), [1e300, 5.0, 0.0, 1e-7]),
        (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
        (pa.nulls(2), [None, None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([Decimal("1.50"), None]), [1.5, None]),
        (pa.array([b"\xff\x00", None]), ["ff00", None]),
        (pa.array([b"\xff\x00", None], pa.binary(2)), ["ff00", None]),
        (
            pa.array([dt.datetime(2024, 1, 2, 3, 4, 5), None], pa.timestamp("s")),
            ["2024-01-02T03:04:05", None],
        ),
        (pa.array([dt.date(2024, 1, 2)]), ["2024-01-02"]),
        (pa.array([dt.timedelta(seconds=2)], pa.duration("s")), [2000]),
        (
            pa.array([{"a": float("nan"), "b": [float("inf")], "c": b"\xff"}]),
            [{"a": None, "b": [None], "c": "ff"}],
        ),
        (
            pa.array(["plain", 'a"b\\c\x00\x1f\n', None, "é\u2028😀"]),
            ["plain", 'a"b\\c\x00\x1f\n', None, "é\u2028😀"],
        ),
    ],
)
def test_every_type_is_json(column: pa.Array, want: list[object]) -> None:
    assert [row["x"] for row in back(pa.table({"x": column}))] == want


def test_names_that_come_twice_and_tables_without_rows_or_columns() -> None:
    assert json_lines(pa.table([[1], [2]], ["a", "a"])) == b'{"a":1,"a":2}\n'
    assert json_lines(pa.table({"a": pa.array([], pa.int64())})) == b""
    assert json_lines(pa.table({})) == b""
