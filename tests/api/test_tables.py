"""Data frames of any library are the same table."""

from __future__ import annotations

import ipaddress

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from morpheus_gae import InputError, UsageError
from morpheus_gae.api.tables import to_table
from tests.api.flows import known, make_table

TABLE = make_table(50)


class Stream:
    """Speaks Arrow's C interface and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Array:
    def __init__(self, table: pa.Table) -> None:
        self.batch = table.combine_chunks().to_batches()[0]

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self.batch.__arrow_c_array__(requested_schema)


class OnDevice:
    """As a cuDF data frame."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def to_arrow(self) -> pa.Table:
        return self.table


@pytest.mark.parametrize(
    "made",
    [
        lambda t: t,
        lambda t: t.to_batches()[0],
        lambda t: pa.RecordBatchReader.from_batches(t.schema, t.to_batches(max_chunksize=7)),
        Stream,
        Array,
        OnDevice,
        lambda t: dict(zip(t.column_names, t.columns, strict=True)),
        lambda t: t.to_pandas(),
        lambda t: t.to_pandas().set_index(np.arange(50)[::-1]),
    ],
    ids=["table", "batch", "reader", "stream", "array", "device", "mapping", "pandas", "index"],
)
def test_all_libraries_give_the_same_columns(made) -> None:
    found = to_table(made(TABLE))
    assert found.column_names == TABLE.column_names
    assert found.to_pydict() == TABLE.to_pydict()


def test_polars() -> None:
    polars = pytest.importorskip("polars")
    assert to_table(polars.from_arrow(TABLE)).to_pydict() == TABLE.to_pydict()


def test_pandas_columns_of_mixed_values_are_text() -> None:
    frame = pd.DataFrame({"a": [1, "x", None], "b": [ipaddress.ip_address("10.0.0.1"), None, "::1"]})
    assert to_table(frame).to_pydict() == {"a": ["1", "x", None], "b": ["10.0.0.1", None, "::1"]}


def test_names_that_come_twice() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    assert to_table(frame).to_pydict() == {"a": [1], "b": [2], "a.1": [3]}
    assert to_table(pa.table([[1], [2]], names=["a", "a"])).column_names == ["a", "a.1"]
    assert to_table(pa.table([[1], [2], [3]], names=["a", "a", "a.1"])).column_names == ["a", "a.2", "a.1"]


@pytest.mark.parametrize("made", [pd.DataFrame, dict], ids=["pandas", "mapping"])
def test_a_number_of_more_than_64_bits_is_a_bad_record_alone(made) -> None:
    columns = {name: TABLE[name].to_pylist() for name in TABLE.column_names}
    columns["IN_BYTES"][3] = 2**70
    examined = known().examine(made(columns))
    assert examined.bad_counts == {"counter_too_large": 1}
    assert np.flatnonzero(np.isnan(examined.surprise)).tolist() == [3]


def test_values_of_a_mapping_without_a_common_type_are_text() -> None:
    assert to_table({"a": [1, "x", None]}).to_pydict() == {"a": ["1", "x", None]}


@pytest.mark.parametrize("column", [5, None, np.zeros((2, 2))], ids=repr)
def test_a_mapping_of_no_columns_is_refused(column: object) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        to_table({"a": column})


@pytest.mark.parametrize("other", [np.zeros((3, 2)), [1, 2], None, "flows.parquet"])
def test_what_has_no_columns_is_refused(other: object) -> None:
    with pytest.raises(UsageError, match="named columns"):
        to_table(other)


def test_columns_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        to_table({"a": [1, 2], "b": [1]})
