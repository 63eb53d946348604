"""Decoding: files that cuDF decodes, in GPU mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from morpheus_gae.engine.settings import Settings
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.exporters.layout import choose, lacking
from morpheus_gae.flows.exporters.layout import paths as paths_of
from morpheus_gae.flows.files.stream import COMPRESSIONS
from morpheus_gae.flows.readers.cudf_batch import DeviceBatch
from morpheus_gae.flows.readers.cudf_columns import parquet_on_device
from morpheus_gae.flows.readers.cudf_exporters import device_reads
from morpheus_gae.flows.readers.cudf_text import OnDevice, text_batches
from morpheus_gae.flows.readers.partitions import partitions_of, with_partitions
from morpheus_gae.flows.readers.read import expand, format_of

TEXT = ("csv", "ndjson")


def readable(settings: Settings) -> bool:
    """Whether cuDF can read the input: text, and Parquet but for one-way records that are to be paired."""
    if settings.live or settings.map or settings.columns:
        return False
    return all(format_of(p) in TEXT or _readable(p, settings) for p in expand(settings.input))


def _readable(path: str, settings: Settings) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if format_of(path) != "parquet" or path.endswith(tuple(COMPRESSIONS)):
        return False
    try:
        names = paths_of(pq.read_schema(path))
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        # the host says what is wrong with it
        return False
    layout = choose(names, settings.preset)
    if lacking(names, layout) or len(set(names)) < len(names):
        return False
    # pairs are made on the host
    return layout is None or (
        device_reads(layout, set(names)) and not (layout.one_way and settings.pair_seconds)
    )


def batches(
    settings: Settings, package: Any, say: Callable[[str], None]
) -> Iterator[DeviceBatch | FlowBatch]:
    """Read flows of files in batches, on the device but for those that are to be paired."""
    paths = expand(settings.input)
    device = OnDevice(package, say, settings.pair_seconds != 0)
    for path in paths:
        told = partitions_of(path)
        if format_of(path) in TEXT:
            for read in text_batches(path, str(format_of(path)), device, settings.preset, len(paths) > 1):
                if isinstance(read, FlowBatch):
                    yield with_partitions(read, told)
                else:
                    yield _with_partitions(read, told, package)
            continue
        for batch in parquet_on_device(path, package, settings.batch_size, settings.preset, say):
            yield _with_partitions(batch, told, package)


def _with_partitions(batch: DeviceBatch, told: dict[str, str | None], package: Any) -> DeviceBatch:
    """Add the text columns of its folders to a batch, as in ``flows.readers.partitions``."""
    import pyarrow as pa

    frame = batch.flows.frame
    new = {name: value for name, value in told.items() if name not in frame.columns}
    if not new:
        return batch
    rows = len(frame)
    columns = {n: pa.nulls(rows, pa.string()) if v is None else pa.repeat(v, rows) for n, v in new.items()}
    beside = package.DataFrame.from_arrow(pa.table(columns))
    beside.index = frame.index
    frame = frame.assign(**{name: beside[name] for name in new})
    return replace(batch, flows=replace(batch.flows, frame=frame))
