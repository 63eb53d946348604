"""Write: writes the page atomically."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from morpheus_gae.errors import OutputError, UsageError


def check_page(path: str) -> None:
    """Refuse an invalid output before any work.

    Raises
    ------
    UsageError
        If it is a folder, or in none, or not called .html.
    """
    if path == "-":
        return
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path}: a report is a page: call it .html")
    if Path(path).is_dir() or not Path(path).absolute().parent.is_dir():
        raise UsageError(f"{path}: is a folder, or its folder does not exist")


def write_page(path: str, text: str) -> None:
    """Replace the file, readable only by its owner, since it contains host names. ``-`` is stdout.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if path == "-":
        sys.stdout.write(text)
        return
    beside = Path(path).with_name(f".{Path(path).name}.part")
    try:
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        os.replace(beside, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None
