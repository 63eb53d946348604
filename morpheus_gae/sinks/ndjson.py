"""NDJSON: formats tables as JSON lines."""

from __future__ import annotations

import pyarrow as pa

from morpheus_gae.flows.tables.json_text import objects, text_bytes


def json_lines(table: pa.Table) -> bytes:
    """Format each row as a line with a JSON object.

    Parameters
    ----------
    table
        E rows. Numbers, booleans and text are written as such; NaN, infinities and nulls as ``null``;
        durations as milliseconds, times as ISO 8601 text (those with a zone in UTC); nested values as JSON,
        maps as lists of pairs; bytes as text if printable, else in hexadecimal.

    Returns
    -------
    bytes
        E lines, each with its line end; UTF-8. Control characters are escaped.
    """
    if table.num_rows == 0:
        return b""
    if table.num_columns == 0:
        return b"{}\n" * table.num_rows
    return b"".join(map(text_bytes, objects(table, "\n").chunks))
