"""Lines: formats tables as CSV or NDJSON, column by column."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def _texts(table: pa.Table) -> list[pa.ChunkedArray]:
    return [pc.cast(column, pa.string()) for column in table.itercolumns()]


def csv_lines(table: pa.Table) -> pa.ChunkedArray:
    """Return one string per row; null is the empty field. Texts must not contain commas or quotes."""
    return pc.binary_join_element_wise(*_texts(table), ",", null_handling="replace", null_replacement="")


def csv_header(table: pa.Table) -> str:
    """The names of the columns."""
    return ",".join(table.column_names)


def ndjson_lines(table: pa.Table) -> pa.ChunkedArray:
    """Return one JSON object per row, null where there is no value. Texts must not need escapes."""
    parts: list[object] = []
    for i, (field, text) in enumerate(zip(table.schema, _texts(table), strict=True)):
        if pa.types.is_dictionary(field.type) or pa.types.is_string(field.type):
            quoted = pc.binary_join_element_wise('"', text, '"', "")
        else:
            quoted = text
        parts += [("{" if i == 0 else ",") + f'"{field.name}":', quoted]
    return pc.binary_join_element_wise(*parts, "}", "", null_handling="replace", null_replacement="null")
