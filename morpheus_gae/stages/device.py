"""GPU mode: what the stages do with frames that lie on a device; only this file imports CuPy and RMM."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from morpheus_gae.engine.settings import Settings
from morpheus_gae.flows.cudf_columns import DeviceBatch, frame_to_flows, parquet_frames
from morpheus_gae.flows.read import expand, format_of
from morpheus_gae.flows.stream import COMPRESSIONS
from morpheus_gae.stages.columns import SCORES


def on_device(config: Any, executor: Any) -> bool:
    """Whether windows can stay on the device: in GPU mode, with an executor that takes them from there."""
    return config.execution_mode.name == "GPU" and hasattr(executor, "score_device")


def best_executor(config: Any) -> str:
    """``cuda`` in GPU mode where torch finds a device, else ``cpu``."""
    if config.execution_mode.name != "GPU" or importlib.util.find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def share_memory() -> None:
    """One pool for cuDF, CuPy and torch; they all work on the default stream already.

    Torch cannot change its allocator once it has allocated something; then it keeps its own.
    """
    import cupy
    import torch
    from rmm.allocators.cupy import rmm_cupy_allocator
    from rmm.allocators.torch import rmm_torch_allocator

    cupy.cuda.set_allocator(rmm_cupy_allocator)
    with suppress(RuntimeError):
        torch.cuda.memory.change_current_allocator(rmm_torch_allocator)


def readable(settings: Settings) -> bool:
    """Whether cuDF can read the input itself: Parquet files with canonical columns."""
    import pyarrow.parquet as pq

    from morpheus_gae.flows.columns import missing

    if settings.live or settings.preset not in (None, "auto", "canonical"):
        return False
    paths = expand(settings.input)
    if any(format_of(p) != "parquet" or p.endswith(tuple(COMPRESSIONS)) for p in paths):
        return False
    return not any(missing(pq.read_schema(path).names) for path in paths)


def batches(settings: Settings, package: Any) -> Iterator[DeviceBatch]:
    """Flows of Parquet files, a batch at a time, never on the host."""
    for path in expand(settings.input):
        row = 0
        for frame, size in parquet_frames(path, package, settings.batch_size):
            yield frame_to_flows(frame, package, path, row, preset="canonical", bytes_read=size)
            row += len(frame)


def scored_on_device(frame: Any, scores: Any, package: Any) -> tuple[Any, Any]:
    """Frame with the scores as columns, and the tensor "probs": both share the memory of the scores.

    Returns
    -------
    (frame, array)
        cuDF frame [E, ...]; CuPy array float32 [E, 1].
    """
    import cupy

    arrays = {name: cupy.from_dlpack(getattr(scores, part).contiguous()) for name, part in SCORES.items()}
    added = {name: package.Series(array, index=frame.index) for name, array in arrays.items()}
    return frame.assign(**added), arrays["anomaly_score"].reshape(-1, 1)
