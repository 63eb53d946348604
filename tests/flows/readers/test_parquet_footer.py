"""Footers of Parquet files: what Arrow says of sound ones, and nothing that harms of others."""

from __future__ import annotations

import io
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.readers.parquet_footer import with_dictionary
from tests.flows import rows


def written(**settings: object) -> bytes:
    nested = pa.array([{"a": "x", "b": [{"c": "y"}]}, None, {"a": None, "b": []}])
    table = rows.table(3).append_column("more", nested).append_column("on", pa.array([True, None, False]))
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"k": "v" * 300}), out, **settings)
    return out.getvalue()


@pytest.mark.parametrize("dictionary", [True, False, ["Attack", "more.list.element.c"]])
@pytest.mark.parametrize("group", [1, 100])
def test_as_arrow_tells_it(dictionary: bool | list[str], group: int) -> None:
    data = written(use_dictionary=dictionary, row_group_size=group, write_page_index=True)
    first = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    columns = [first.column(i) for i in range(first.num_columns)]
    assert with_dictionary(io.BytesIO(data)) == {c.path_in_schema for c in columns if c.has_dictionary_page}


def test_of_no_row_group_there_is_nothing_to_tell() -> None:
    out = io.BytesIO()
    pq.write_table(rows.table(0), out)
    assert with_dictionary(out) == set()


@given(st.binary(max_size=60))
def test_of_other_bytes_nothing_is_told(data: bytes) -> None:
    assert with_dictionary(io.BytesIO(data)) == set()
    assert isinstance(with_dictionary(io.BytesIO(data + len(data).to_bytes(4, "little") + b"PAR1")), set)


@given(st.integers(0, 2**32))
def test_of_damaged_ones_something_or_nothing_is_told(seed: int) -> None:
    rng, data = Random(seed), bytearray(written())
    for _ in range(3):
        data[-rng.randint(9, 1500)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    assert isinstance(with_dictionary(io.BytesIO(data)), set)
