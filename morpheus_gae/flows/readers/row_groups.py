"""Row groups of a Parquet file, each read by whoever turns it into flows, so that several are at a time.

A batch ends where a row group ends: its addresses are then words of one dictionary, and each word is parsed
once. Row groups smaller than a batch are joined.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows.readers.parquet_footer import with_dictionary

LARGEST = 1 << 20
"""Rows of the largest row group that a thread may hold."""


class Part(NamedTuple):
    """Row groups that one thread reads.

    Attributes
    ----------
    groups
        Their numbers.
    first, rows
        Row of the file where they begin, and how many they have.
    lead
        Rows at their beginning that nobody wants.
    """

    groups: range
    first: int
    rows: int
    lead: int


def parts_of(sizes: Sequence[int], batch_rows: int, skip: int = 0) -> list[Part]:
    """Deal row groups out.

    Parameters
    ----------
    sizes
        Rows of each.
    batch_rows
        Small ones are joined up to so many rows.
    skip
        Records that nobody wants: batches of these alone are left out.
    """
    out: list[Part] = []
    group = first = 0
    while group < len(sizes):
        stop, rows = group + 1, sizes[group]
        while stop < len(sizes) and rows + sizes[stop] <= batch_rows:
            rows += sizes[stop]
            stop += 1
        if first + rows > skip:
            out.append(Part(range(group, stop), first, rows, max(skip - first, 0) // batch_rows * batch_rows))
        group, first = stop, first + rows
    return out


class RowGroups:
    """A Parquet file that several threads read.

    Parameters
    ----------
    source
        Its path, or all of its bytes.
    dictionaries
        Leave text as dictionaries where the file holds it so.

    Attributes
    ----------
    schema
        Columns.
    sizes
        Rows of each row group.
    """

    def __init__(self, source: str | pa.Buffer, dictionaries: bool) -> None:
        self._source = source
        self._lock, self._own = threading.Lock(), threading.local()
        self._files: list[Any] = []
        self._metadata: Any = None
        self._texts: list[str] | None = None
        file = self._file()
        self.schema = file.schema_arrow
        self._metadata = file.metadata
        # of a damaged footer not even the columns' sizes may be asked for, see ``parquet_footer``
        self.sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        if dictionaries and self.sizes:
            with self._raw() as raw:
                told = with_dictionary(raw)
            self._texts = [f.name for f in self.schema if pa.types.is_string(f.type) and f.name in told]
            self.close()

    def tables(self, part: Part, batch_rows: int, alone: bool) -> Iterator[tuple[pa.Table, int]]:
        """Tables of at most ``batch_rows`` rows, and the row where each begins.

        ``alone``: nobody else reads, so that Arrow may read columns by threads of its own.
        """
        row, lead = part.first, part.lead
        held: list[pa.RecordBatch] = []
        whole = part.rows <= batch_rows
        for batch in self._file().iter_batches(batch_rows, row_groups=part.groups, use_threads=alone):
            if whole:
                # Arrow cuts at some ends of row groups, as it likes
                held.append(batch)
                continue
            if lead < batch.num_rows:
                yield pa.Table.from_batches([batch.slice(lead)]), row + lead
            row, lead = row + batch.num_rows, max(lead - batch.num_rows, 0)
        if held:
            yield pa.Table.from_batches(held), row

    def close(self) -> None:
        """Close what every thread has opened."""
        with self._lock:
            for file in self._files:
                file.close()
            self._files.clear()
            self._own = threading.local()

    def __enter__(self) -> RowGroups:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _file(self) -> Any:
        """The file, opened by this thread for itself."""
        file = getattr(self._own, "file", None)
        if file is None:
            file = pq.ParquetFile(self._opened(), metadata=self._metadata, read_dictionary=self._texts)
            self._own.file = file
            with self._lock:
                self._files.append(file)
        return file

    def _opened(self) -> Any:
        return self._source if isinstance(self._source, str) else pa.BufferReader(self._source)

    def _raw(self) -> Any:
        return open(self._source, "rb") if isinstance(self._source, str) else pa.BufferReader(self._source)
