"""Triton or torch: which of the two forms of a device function runs."""

from __future__ import annotations

import functools
import importlib.util
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def has_triton(device: torch.device) -> bool:
    """Whether kernels run there: on a GPU, or anywhere under Triton's interpreter."""
    if device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return False
    return _installed()


@functools.cache
def _installed() -> bool:
    return importlib.util.find_spec("triton") is not None


def power_of_two(number: int) -> bool:
    """Kernels hold a row in registers, and those come in powers of two."""
    return number > 0 and number & (number - 1) == 0
