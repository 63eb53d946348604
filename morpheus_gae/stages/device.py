"""Device: GPU mode of the stages, with frames on a device; only this file imports CuPy and RMM."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from typing import Any

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
