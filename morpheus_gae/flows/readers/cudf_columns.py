"""cuDF frames to the columns that a graph is built from, on the device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.readers.cudf_batch import DeviceBatch, uploaded
from morpheus_gae.flows.readers.cudf_rows import judge
from morpheus_gae.flows.readers.cudf_values import UnusualError


def frame_to_flows(
    frame: Any,
    package: Any,
    source: str,
    first_row: int = 0,
    *,
    preset: Layout | PresetLike = None,
    bytes_read: int = 0,
) -> DeviceBatch:
    """Convert a frame.

    Parameters
    ----------
    frame
        cuDF frame of E records; its index stays with the rows.
    package
        ``cudf``.
    source, first_row, preset, bytes_read
        As for ``flows.exporters.convert.table_to_flows``.

    Raises
    ------
    InputError
        If a required column is missing.
    """
    layout = preset if isinstance(preset, Layout) else choose(_names(frame), preset)
    rows = np.arange(first_row, first_row + len(frame), dtype=np.int64)
    try:
        judged = judge(frame, layout, package)
        if not len(judged.others):
            return judged.batch(bytes_read)
        asked = np.sort(np.concatenate([judged.others, judged.witness()]))
        table = frame.iloc[asked].to_arrow(preserve_index=False)
        batch = table_to_flows(table, source, rows=rows[asked], preset=layout or preset)
        return judged.joined(batch, rows, package, bytes_read)
    except UnusualError:
        return _by_the_host(frame, package, source, first_row, layout or preset, bytes_read)


def parquet_frames(path: str, package: Any, batch_rows: int) -> Iterator[tuple[Any, int]]:
    """Frames of a Parquet file, decoded on the device: whole row groups, until a batch is full.

    Yields
    ------
    (frame, bytes)
        A frame, and its share of the bytes of the file.
    """
    with pq.ParquetFile(path) as file:
        # of a damaged footer not even the columns' sizes may be asked for, see ``parquet_footer``
        rows = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    size, total = os.path.getsize(path), max(sum(rows), 1)
    taken: list[int] = []
    done = 0
    for i in range(len(rows)):
        taken.append(i)
        count = sum(rows[k] for k in taken)
        if count >= batch_rows or i == len(rows) - 1:
            frame = package.read_parquet(path, row_groups=[taken], use_pandas_metadata=False)
            yield frame, size * (done + count) // total - size * done // total
            done += count
            taken = []


def _names(frame: Any) -> list[str]:
    """Names of the columns, and of the fields inside them."""
    if any(str(frame[name].dtype).lower().startswith(("struct", "list")) for name in frame.columns):
        return paths(frame.iloc[:0].to_arrow(preserve_index=False).schema)
    return list(frame.columns)


def _by_the_host(
    frame: Any,
    package: Any,
    source: str,
    first_row: int,
    preset: Layout | PresetLike,
    bytes_read: int,
) -> DeviceBatch:
    """Through the host: columns of types that the device has no way to read."""
    table = frame.to_arrow(preserve_index=False)
    batch = table_to_flows(table, source, first_row, preset=preset, bytes_read=bytes_read)
    out = uploaded(batch, package)
    out.flows.frame.index = frame.index.take(batch.flows.rows - first_row)
    return replace(out, by_host=len(frame))
