"""A fake of the parts of cuDF that are used, over pandas: what it does is what cuDF's documentation says.

No GPU: it shows that the logic around cuDF is right, and nothing about cuDF itself.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pandas.arrays import ArrowExtensionArray
from pandas.core.strings.accessor import StringMethods

QUAD = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})")


def octets(word: Any) -> list[int] | None:
    """As cuDF reads them: leading zeros are fine."""
    match = QUAD.fullmatch(word) if isinstance(word, str) else None
    found = [int(o) for o in match.groups()] if match else [256]
    return found if max(found) < 256 else None


def is_ipv4(text: Any) -> pd.Series:
    words = text._orig
    return pd.Series([octets(w) is not None for w in words], index=words.index, dtype=bool)


def ip_to_int(text: Any) -> pd.Series:
    words = text._orig
    numbers = [int.from_bytes(bytes(octets(w) or [0] * 4), "big") for w in words]
    return pd.Series(np.array(numbers, np.uint32), index=words.index)


def read_parquet(path: str, row_groups: list[list[int]], use_pandas_metadata: bool) -> pd.DataFrame:
    assert not use_pandas_metadata
    with pq.ParquetFile(path) as file:
        return from_arrow(file.read_row_groups(row_groups[0]))


def read_csv(
    source: io.BytesIO,
    sep: str,
    names: list[str],
    header: None,
    dtype: dict[str, str],
    na_filter: bool,
    quoting: int,
) -> pd.DataFrame:
    """Texts between separators; too few are null, too many are dropped, blank lines are skipped."""
    assert (header, na_filter, quoting, set(dtype.values())) == (None, False, 3, {"str"})
    rows = [line.split(sep) for line in source.read().decode().split("\n") if line]
    columns = [[row[i] if i < len(row) else None for row in rows] for i in range(len(names))]
    return from_arrow(pa.table([pa.array(column, pa.string()) for column in columns], names))


def token(value: Any) -> str | None:
    if value is None or isinstance(value, Literal):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else json.dumps(value)


class Literal(str):
    """A number as it is written."""


def read_json(
    source: io.BytesIO,
    engine: str,
    lines: bool,
    dtype: dict[str, str],
    prune_columns: bool,
    keep_quotes: bool,
    on_bad_lines: str,
) -> pd.DataFrame:
    """Objects, one a line; what is none is a row of nulls. Not strict: a comma too many is fine."""
    assert (engine, lines, prune_columns, keep_quotes, on_bad_lines) == ("cudf", True, True, True, "recover")
    assert set(dtype.values()) == {"str"}
    rows = []
    for line in source.read().decode().split("\n"):
        if line:
            try:
                found = json.loads(
                    re.sub(r",\s*}", "}", line),
                    strict=False,
                    parse_int=Literal,
                    parse_float=Literal,
                    parse_constant=Literal,
                )
            except ValueError:
                found = {}
            rows.append(found if isinstance(found, dict) else {})
    columns = {name: pa.array([token(row.get(name)) for row in rows], pa.string()) for name in dtype}
    return from_arrow(pa.table(columns))


def to_arrow(frame: pd.DataFrame, preserve_index: bool = True) -> pa.Table:
    assert not preserve_index
    return pa.Table.from_pandas(frame, preserve_index=False)


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """Every column may have nulls, of whatever type, and NaN is none."""
    columns = {
        i: pd.Series(ArrowExtensionArray(table.column(i)), dtype=pd.ArrowDtype(table.column(i).type))
        for i in range(table.num_columns)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows)).set_axis(table.column_names, axis=1)


def series(values: Any, index: Any = None) -> pd.Series:
    return pd.Series(ArrowExtensionArray(pa.array(values)), index=index)


def is_null(column: pd.Series) -> pd.Series:
    """Also of NaN."""
    array = pa.array(column.array) if isinstance(column.dtype, pd.ArrowDtype) else None
    if array is None:
        return STOCK_ISNULL(column)
    told = pc.is_null(array, nan_is_null=pa.types.is_floating(array.type))
    return pd.Series(np.asarray(told).astype(bool), index=column.index)


def fill_null(column: pd.Series, value: Any) -> pd.Series:
    """NaN, too."""
    if not isinstance(column.dtype, pd.ArrowDtype):
        return STOCK_FILLNA(column, value)
    array = pa.chunked_array([pa.array(column.array)]).combine_chunks()
    filled = pc.if_else(pa.array(is_null(column).to_numpy()), pa.scalar(value, array.type), array)
    return pd.Series(ArrowExtensionArray(filled), index=column.index)


STOCK_ISNULL, STOCK_FILLNA = pd.Series.isnull, pd.Series.fillna


@contextmanager
def fake_cudf() -> Iterator[Any]:
    """The package, while it lasts; CuPy and RMM, too."""
    frame: Any = pd.DataFrame
    package = SimpleNamespace(
        __name__="cudf",
        DataFrame=frame,
        Series=series,
        Index=pd.Index,
        RangeIndex=pd.RangeIndex,
        concat=pd.concat,
        read_parquet=read_parquet,
        read_csv=read_csv,
        read_json=read_json,
    )
    modules = {n: ModuleType(n) for n in ("cupy", "rmm", "rmm.allocators")}
    cupy: Any = modules["cupy"]
    cupy.from_dlpack, cupy.asarray = np.from_dlpack, np.asarray
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, function in (
            (StringMethods, "isipv4", is_ipv4),
            (StringMethods, "ip2int", ip_to_int),
            (frame, "to_arrow", to_arrow),
            (frame, "to_pandas", lambda self: self),
            (frame, "from_arrow", staticmethod(from_arrow)),
            (pd.Series, "isnull", is_null),
            (pd.Series, "fillna", fill_null),
            (pd.Series, "to_arrow", lambda self: pa.array(self.array)),
            (pd.Index, "to_arrow", lambda self: pa.array(self.array)),
        ):
            patch.setattr(owner, name, function, raising=False)
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        yield package
