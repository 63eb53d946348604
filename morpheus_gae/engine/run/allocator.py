"""Allocator: tunes glibc to keep freed memory."""

from __future__ import annotations

import ctypes
import os

# <malloc.h> of glibc
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
KEPT = 256 << 20
"""Bytes; larger than a single column of a window."""


def keep_freed_memory(kept: int = KEPT) -> bool:
    """Let the next window reuse memory freed by the last one, instead of fresh pages from the kernel.

    By default glibc returns arrays of some megabytes to the kernel at once, which clears the same pages again
    for every window. Call before threads start. Settings in the environment (``MALLOC_TRIM_THRESHOLD_``,
    ``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``) take precedence.

    Parameters
    ----------
    kept
        Bytes of free memory that the process may keep.

    Returns
    -------
    bool
        False if not applicable: another C library, or set by the environment.
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    return bool(mallopt(_TRIM_THRESHOLD, kept)) and bool(mallopt(_MMAP_THRESHOLD, kept))
