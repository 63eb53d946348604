"""What the C library does with memory that is free again."""

from __future__ import annotations

import ctypes
import os

# <malloc.h> of glibc
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
KEPT = 256 << 20
"""Bytes; the columns of a window are smaller one by one."""


def keep_freed_memory(kept: int = KEPT) -> bool:
    """Have the next window take the memory that the last one freed, not fresh pages from the kernel.

    By default glibc gives arrays of some megabytes back at once, and the kernel clears the same pages again
    for every window. Call before threads begin. What the environment says (``MALLOC_TRIM_THRESHOLD_``,
    ``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``) holds.

    Parameters
    ----------
    kept
        Bytes of free memory that the process may hold on to.

    Returns
    -------
    bool
        False where there is no such thing to say: another C library, or told by the environment.
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    return bool(mallopt(_TRIM_THRESHOLD, kept)) and bool(mallopt(_MMAP_THRESHOLD, kept))
