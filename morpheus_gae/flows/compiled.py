"""Compiled: cache folder of compiled kernels where numba cannot write (read-only containers)."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
PACKAGE = Path(__file__).resolve().parents[1]


def can_write(folder: Path) -> bool:
    """Whether the folder is writable, or can be created."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def keep_kernels(writable: Callable[[Path], bool] = can_write) -> Path | None:
    """Set numba's cache to a temporary folder if it cannot write; call before kernels are imported.

    Numba reads cached kernels only from writable folders, and refuses to compile what it cannot cache.
    Preinstalled kernels are copied there; the folder is removed when the process ends.

    Parameters
    ----------
    writable
        Whether a folder can be written.

    Returns
    -------
    Path or None
        The folder, if one was needed.
    """
    told = os.environ.get(VARIABLE)
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache") / "numba"
    places = [Path(told)] if told else [PACKAGE / "flows" / "__pycache__", user]
    if any(writable(place) for place in places):
        return None
    try:
        folder = Path(tempfile.mkdtemp(prefix="morpheus-gae-kernels-"))
    except OSError:
        # numba reports the error itself
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if told and Path(told).is_dir():
        shutil.copytree(told, folder, dirs_exist_ok=True)
    os.environ[VARIABLE] = str(folder)
    numba = sys.modules.get("numba")
    if numba is not None:
        # it has read the variable
        numba.config.CACHE_DIR = str(folder)
    return folder
