"""Figures: text that commands write to files beside their output, and the inputs that these must not be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from morpheus_gae.errors import OutputError


def write_figures(path: str, values: Any) -> None:
    """Write values as JSON.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_text(path, json.dumps(values, indent=2))


def write_text(path: str, text: str) -> None:
    """Write lines, and the end of the last one.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        Path(path).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        # a full disk is told without the name of a file
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None


def spare_inputs(written: Iterable[str | None], read: Sequence[str]) -> None:
    """Refuse files that would take the place of what is read, before anything is.

    Parameters
    ----------
    written
        Files that a command writes; None and ``-`` are none.
    read
        Its inputs: files, folders and patterns.

    Raises
    ------
    UsageError
        If one of the files is an input.
    InputError
        If there is no such input.
    """
    from morpheus_gae.engine.run.overwriting import refuse_inputs

    files = [path for path in written if path not in (None, "-")]
    if files:
        refuse_inputs(files, read)
