"""Triton or torch: which of the two forms of a device function runs."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

OLDEST = (3, 0)
"""Triton whose compiler takes the kernels, but for those that ask for a later one."""


def has_triton(device: torch.device, since: tuple[int, int] = OLDEST) -> bool:
    """Whether kernels run there: on a GPU, or anywhere under Triton's interpreter.

    Parameters
    ----------
    device
        Where the data lie.
    since
        First version of Triton whose compiler takes the kernel.
    """
    return (device.type == "cuda" or _interpreted()) and obstacle(since) is None


FUSED_GRAPH = True
"""Whether the kernels that build graphs (numbers, compressed rows, octets, averages) run where any do."""


def fuses(device: torch.device) -> bool:
    """Whether kernels build graphs there."""
    return FUSED_GRAPH and has_triton(device)


def obstacle(since: tuple[int, int] = OLDEST) -> str | None:
    """Why kernels cannot be compiled here, or None if they can be."""
    found = triton_version()
    if found is None:
        return "Triton is not installed"
    if found < since:
        return f"Triton {'.'.join(map(str, found))} is older than {'.'.join(map(str, since))}"
    # a small library in C goes with every kernel
    if not _interpreted():
        if not _compiler():
            return "Triton finds no C compiler (gcc, clang, or what CC names)"
        if not _headers():
            return f"Triton finds no Python.h in {_include()} (python3-dev, or python3-devel)"
    return None


def power_of_two(number: int) -> bool:
    """Kernels hold a row in registers, and those come in powers of two."""
    return number > 0 and number & (number - 1) == 0


@functools.cache
def triton_version() -> tuple[int, int] | None:
    """Major and minor version, if it is installed."""
    if importlib.util.find_spec("triton") is None:
        return None
    import triton

    major, minor = re.findall(r"\d+", triton.__version__)[:2]
    return int(major), int(minor)


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET") == "1"


@functools.cache
def _compiler() -> bool:
    return any(map(shutil.which, (os.environ.get("CC") or "gcc", "gcc", "clang")))


def _include() -> str:
    # as Triton does it: Debian's own scheme names a folder that its packages leave empty
    scheme = sysconfig.get_default_scheme()
    return sysconfig.get_paths("posix_prefix" if scheme == "posix_local" else scheme)["include"]


@functools.cache
def _headers() -> bool:
    # the last two are the compiler's own
    found = [os.environ.get(name, "").split(os.pathsep) for name in ("CPATH", "C_INCLUDE_PATH")]
    folders = (_include(), *(folder for folders in found for folder in folders if folder))
    return any(os.path.isfile(os.path.join(folder, "Python.h")) for folder in folders)
