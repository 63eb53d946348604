"""Where the model's memory keeps a window's hosts and pairs: by Triton where it runs, else by torch."""

from __future__ import annotations

from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import has_triton
from morpheus_gae.executors.cuda.memory_keys import DeviceMemory, Found, find_torch

BY_KERNEL = True
"""False leaves all of it to torch."""


def find(memory: DeviceMemory, hi: Tensor, lo: Tensor, src: Tensor, dst: Tensor) -> Found:
    """`find_torch`, by the kernels where those run."""
    if BY_KERNEL and has_triton(lo.device) and src.shape[0]:
        from morpheus_gae.executors.cuda.triton import memory as triton_memory

        return triton_memory.find(memory, hi, lo, src, dst)
    return find_torch(memory, hi, lo, src, dst)
