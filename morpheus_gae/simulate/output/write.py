"""Write: simulated tables to a file, by its extension (created atomically), or to a topic."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.simulate.output.garbage import Garbage
from morpheus_gae.simulate.output.lines import csv_header, csv_lines, ndjson_lines

FORMATS = (".parquet", ".csv", ".ndjson", ".jsonl", ".arrow")
SCHEME = "kafka://"
_TEXT = (".csv", ".ndjson", ".jsonl")

Write = Callable[[pa.Table], Any]


@contextmanager
def open_writer(
    output: str,
    garbage: Garbage | None = None,
    *,
    lines_per_message: int = 1,
    kafka_config: str | None = None,
) -> Iterator[Write]:
    """Return a function that appends a table to a file, stdout as NDJSON (``"-"``), or a Kafka topic.

    Parameters
    ----------
    output
        File, ``-``, or ``kafka://host:port/topic``.
    garbage
        Malformed rows to put between the lines.
    lines_per_message, kafka_config
        Of a topic.

    Raises
    ------
    UsageError
        If the extension is unknown, or garbage is asked of a binary format.
    OutputError
        If the file cannot be written.
    """
    if output == "-":
        yield _text(sys.stdout.buffer, csv=False, garbage=garbage)
        sys.stdout.buffer.flush()
        return
    if output.startswith(SCHEME):
        from morpheus_gae.kafka.config import load_config
        from morpheus_gae.simulate.output.exporters import SAMPLER
        from morpheus_gae.simulate.output.topic import open_topic

        with open_topic(output, load_config(kafka_config), lines_per_message, SAMPLER.encode()) as send:
            yield lambda table: send(_lines(table, csv=False, garbage=garbage))
        return
    check_output(output, garbage=garbage is not None)
    path = Path(output)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            if path.suffix in _TEXT:
                yield _text(file, csv=path.suffix == ".csv", garbage=garbage)
            else:
                columns = _Columns(file, arrow=path.suffix == ".arrow")
                try:
                    yield columns.write
                finally:  # before the file is closed, also on errors
                    columns.close()
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def check_output(output: str, *, garbage: bool = False) -> None:
    """Refuse an output that cannot be written.

    Raises
    ------
    UsageError
        If the extension is unknown, or garbage is asked of a binary format.
    """
    if output.startswith(SCHEME):
        return
    suffix = Path(output).suffix
    if output != "-" and suffix not in FORMATS:
        raise UsageError(f"cannot tell the format of {output!r}: its name must end in {', '.join(FORMATS)}")
    if garbage and output != "-" and suffix not in _TEXT:
        raise UsageError(f"only text can hold malformed rows, and {suffix} is none: write .csv or .ndjson")


def _text(file: BinaryIO, *, csv: bool, garbage: Garbage | None) -> Write:
    begun = False

    def write(table: pa.Table) -> None:
        nonlocal begun
        if csv and not begun:
            file.write(csv_header(table).encode() + b"\n")
        begun = True
        for chunk in _lines(table, csv=csv, garbage=garbage).chunks:
            file.write("".join(f"{line}\n" for line in chunk.to_pylist()).encode())

    return write


def _lines(table: pa.Table, *, csv: bool, garbage: Garbage | None) -> pa.ChunkedArray:
    lines = csv_lines(table) if csv else ndjson_lines(table)
    return lines if garbage is None else garbage.mix(lines, table)


class _Columns:
    """Parquet or Arrow, opened at the first table."""

    def __init__(self, file: BinaryIO, *, arrow: bool) -> None:
        self._file, self._arrow = file, arrow
        self._writer: Any = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = (
                pa.ipc.new_file(self._file, table.schema)
                if self._arrow
                # without the Arrow schema, readers see plain strings
                else pq.ParquetWriter(self._file, table.schema, compression="zstd", store_schema=False)
            )
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
