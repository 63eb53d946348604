"""Atomic: durable, atomic replacement of files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from morpheus_gae.errors import OutputError


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON with `write_bytes`."""
    write_bytes(path, (json.dumps(value, sort_keys=True) + "\n").encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file atomically: write beside it, fsync, rename.

    Raises
    ------
    OutputError
        If it cannot be written; the old file is unchanged then.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None


def sync_folder(folder: Path) -> None:
    """Sync a folder to disk: a rename is not durable before that."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
