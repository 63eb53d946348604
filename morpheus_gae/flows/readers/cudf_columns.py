"""cuDF frames to the columns that a graph is built from, on the device."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.readers.cudf_batch import DeviceBatch, uploaded
from morpheus_gae.flows.readers.cudf_rows import judge
from morpheus_gae.flows.readers.cudf_values import BROKEN, UnusualError, shown
from morpheus_gae.flows.readers.read import nothing


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


def parquet_groups(path: str, batch_rows: int) -> Iterator[tuple[list[int], int]]:
    """Row groups of a Parquet file: whole ones, until a batch is full.

    Yields
    ------
    (row groups, bytes)
        Their numbers, and their share of the bytes of the file.
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
            yield taken, size * (done + count) // total - size * done // total
            done += count
            taken = []


def parquet_on_device(
    path: str, package: Any, batch_rows: int, preset: PresetLike, say: Callable[[str], None]
) -> Iterator[DeviceBatch]:
    """Flows of a Parquet file, decoded on the device.

    Parameters
    ----------
    path
        The file.
    package
        ``cudf``.
    batch_rows
        Rows of a batch, at least, if there are so many.
    preset
        Whose columns they are; told by the columns if None.
    say
        Told once, and why, if cuDF cannot decode them: then the host does.

    Raises
    ------
    InputError
        If a required column is missing.
    """
    layout: Layout | str = choose(paths(pq.read_schema(path)), preset) or CANONICAL
    row, able = 0, True
    for groups, size in parquet_groups(path, batch_rows):
        if able:
            try:
                frame = package.read_parquet(path, row_groups=[groups], use_pandas_metadata=False)
                yield frame_to_flows(frame, package, path, row, preset=layout, bytes_read=size)
                row += len(frame)
                continue
            except BROKEN as error:
                able = False
                say(f"cuDF cannot decode {path}: the host reads the rest of it ({shown(error)})")
        try:
            with pq.ParquetFile(path) as file:
                table = file.read_row_groups(groups)
        except (pa.ArrowException, OSError) as error:
            yield uploaded(nothing(BadRecord(Reason.TRUNCATED, path, row, shown(error), "")), package)
            return
        yield uploaded(table_to_flows(table, path, row, preset=layout, bytes_read=size), package)
        row += table.num_rows


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
