from __future__ import annotations

import csv
import io

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.tables.printable import cell
from morpheus_gae.sinks.cells import harmless
from morpheus_gae.sinks.text import TextSink

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("=+-@\t\r\n\x1b\"',;1e ")


def written(*tables: pa.Table) -> list[list[str]]:
    file = io.BytesIO()
    sink = TextSink(file, "a.csv", "csv")
    for table in tables:
        sink.add(table)
    return list(csv.reader(io.StringIO(file.getvalue().decode())))


@given(st.lists(st.none() | TEXT, min_size=1, max_size=8), TEXT)
def test_every_text_and_name_is_made_harmless(texts: list[str | None], name: str) -> None:
    rows = written(pa.table({"n": range(-1, len(texts) - 1), name + "=": pa.array(texts, pa.string())}))
    assert rows[0] == ["n", cell(name + "=")]
    assert [row[1] for row in rows[1:]] == ["" if text is None else cell(text) for text in texts]


def test_numbers_are_left_alone() -> None:
    table = pa.table({"n": [-5, 3], "f": [-1e5, 0.5], "text": ["-5", "=1"]})
    assert written(table) == [["n", "f", "text"], ["-5", "-100000", "-5"], ["3", "0.5", "'=1"]]
    assert harmless(table)["n"].equals(table["n"])


def test_a_later_table_too() -> None:
    table = pa.table({"=x": ["a"]})
    assert written(table, pa.table({"=x": ["@b"]}), pa.table({"=x": [1]})) == [["'=x"], ["a"], ["'@b"], ["1"]]
