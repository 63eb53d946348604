"""Device: GPU mode of the stages, with frames on a device; only this file imports CuPy and RMM."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from morpheus_gae.engine.settings import Settings
from morpheus_gae.flows.exporters.layout import choose, lacking
from morpheus_gae.flows.exporters.layout import paths as paths_of
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.files.stream import COMPRESSIONS
from morpheus_gae.flows.readers.cudf_columns import DeviceBatch, frame_to_flows, parquet_frames
from morpheus_gae.flows.readers.cudf_exporters import device_reads
from morpheus_gae.flows.readers.partitions import partitions_of
from morpheus_gae.flows.readers.read import expand, format_of
from morpheus_gae.stages.columns import columns_of, without_stale


def on_device(config: Any, executor: Any) -> bool:
    """Whether windows can stay on the device: in GPU mode, with an executor that supports it.

    Enriched columns are computed on the host.
    """
    able = config.execution_mode.name == "GPU" and hasattr(executor, "score_device")
    return able and not executor.artifact.spec.enriched


def best_executor(config: Any) -> str:
    """Return ``cuda`` in GPU mode if torch finds a device, else ``cpu``."""
    if config.execution_mode.name != "GPU" or importlib.util.find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def share_memory() -> None:
    """Share one memory pool between cuDF, CuPy and torch, which all use the default stream.

    If RMM has no pool yet it gets the driver's: without one, each allocation would be a driver call, and each
    release would synchronise. Torch cannot change its allocator after its first allocation; then it keeps its
    own.
    """
    import cupy
    import rmm.mr
    import torch
    from rmm.allocators.cupy import rmm_cupy_allocator
    from rmm.allocators.torch import rmm_torch_allocator

    if type(rmm.mr.get_current_device_resource()) is rmm.mr.CudaMemoryResource:
        try:
            rmm.mr.set_current_device_resource(rmm.mr.CudaAsyncMemoryResource())
        except (RuntimeError, MemoryError):
            # a driver without pools: keep torch's own
            return
    cupy.cuda.set_allocator(rmm_cupy_allocator)
    with suppress(RuntimeError):
        torch.cuda.memory.change_current_allocator(rmm_torch_allocator)


def readable(settings: Settings) -> bool:
    """Whether cuDF can read the input: Parquet files, none of one-way records that are to be paired."""
    if settings.live or settings.map or settings.columns:
        return False
    paths = expand(settings.input)
    if any(format_of(p) != "parquet" or p.endswith(tuple(COMPRESSIONS)) for p in paths):
        return False
    return all(_readable(path, settings) for path in paths)


def _readable(path: str, settings: Settings) -> bool:
    import pyarrow.parquet as pq

    names = paths_of(pq.read_schema(path))
    layout = choose(names, settings.preset)
    if lacking(names, layout) or len(set(names)) < len(names):
        return False
    # pairs are made on the host
    return layout is None or (
        device_reads(layout, set(names)) and not (layout.one_way and settings.pair_seconds)
    )


def batches(settings: Settings, package: Any) -> Iterator[DeviceBatch]:
    """Read flows of Parquet files in batches, on the device only."""
    import pyarrow.parquet as pq

    for path in expand(settings.input):
        row = 0
        told = partitions_of(path)
        preset = choose(paths_of(pq.read_schema(path)), settings.preset) or CANONICAL
        for frame, size in parquet_frames(path, package, settings.batch_size):
            batch = frame_to_flows(frame, package, path, row, preset=preset, bytes_read=size)
            row += len(frame)
            yield _with_partitions(batch, told, package) if told else batch


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


def scored_on_device(frame: Any, scores: Any, package: Any) -> tuple[Any, Any]:
    """Add the scores as columns, and return the tensor "probs", which shares memory with the first.

    Columns do not share memory, so that stages may write into them: for models without parts, the scores
    contain the same tensor twice.

    Returns
    -------
    (frame, array)
        cuDF frame [E, ...]; CuPy array float32 [E, 1].
    """
    import cupy

    filled = columns_of(scores)
    given = [getattr(scores, part).contiguous() for part in filled.values()]
    again = [any(part is earlier for earlier in given[:i]) for i, part in enumerate(given)]
    tensors = [part.clone() if twice else part for part, twice in zip(given, again, strict=True)]
    arrays = dict(zip(filled, map(cupy.from_dlpack, tensors), strict=True))
    added = {name: package.Series(array, index=frame.index) for name, array in arrays.items()}
    return without_stale(frame, scores).assign(**added), arrays["anomaly_score"].reshape(-1, 1)
