"""Atomic: a file that is there whole or not at all, also after a crash of the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from morpheus_gae.errors import OutputError


def write_json(path: Path, value: Any) -> None:
    """`write_bytes` of this value as JSON."""
    write_bytes(path, (json.dumps(value, sort_keys=True) + "\n").encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file: written beside it, brought to the disk, then renamed.

    Raises
    ------
    OutputError
        If it cannot be written; the file that was there is still the old one.
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
    """Bring the names in a folder to the disk: a rename is not there before that."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
