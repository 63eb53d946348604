"""Overwriting: refuses outputs that would destroy inputs or each other, before anything is opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from morpheus_gae.engine.settings import STDIN, STDOUT
from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.flows.files.interfaces import is_interface
from morpheus_gae.kafka.url import is_kafka
from morpheus_gae.sinks.remote.target import is_remote

if TYPE_CHECKING:
    from morpheus_gae.engine.settings import Settings


def refuse_overwriting(settings: Settings, figures: str | None = None) -> None:
    """Refuse files that are written and read, or written twice.

    Parameters
    ----------
    settings
        Settings of a run.
    figures
        File of its figures (``--json``), if any.

    Raises
    ------
    UsageError
        If an output is an input, lies in a folder that is read, or is given twice.
    OutputError
        If a file that is opened late has no place, or not one that can be written.
    """
    from morpheus_gae.flows.files.inputs import folders, would_be_read

    given = {
        "--output": settings.output,
        "--dead_letters": settings.dead_letters_path,
        "--refused": settings.refused,
        "--suppressed": settings.suppressed,
        "--incidents": settings.incidents,
        "--state": settings.state,
        "--json": figures,
    }
    written = {o: p for o, p in given.items() if p not in (None, STDOUT) and _is_file(str(p))}
    read = [p for p in settings.input if not is_kafka(p)]
    kept = [str(p) for p in written.values()]
    refuse_inputs(kept, read)
    for folder in folders(read):
        for path in (*kept, *(() if settings.checkpoint is None else (settings.checkpoint,))):
            if would_be_read(path, folder):
                raise UsageError(
                    f"{path} lies in {folder}, all of which is read as input: write it somewhere else"
                )
    first: dict[str, str] = {}
    for option, path in zip(written, kept, strict=True):
        before = first.setdefault(os.path.realpath(path), option)
        if before != option:
            raise UsageError(f"{path} cannot be both {before} and {option}: give two files")
    # opened when there is something to write, which may be late
    for late in (settings.dead_letters, settings.refused, settings.suppressed):
        if late is not None and _is_file(late):
            _check_place(late)


def refuse_inputs(written: Sequence[str], read: Sequence[str]) -> None:
    """Refuse files that are inputs.

    Raises
    ------
    UsageError
        For the first of them.
    InputError
        If there is no such input.
    """
    from morpheus_gae.flows.files.inputs import expand

    inputs = {os.path.realpath(p) for p in expand(read) if p != STDIN and not is_interface(p)}
    for path in written:
        if os.path.realpath(path) in inputs:
            raise UsageError(f"{path} is read as input: write the output somewhere else")


def _check_place(path: str) -> None:
    if os.path.isdir(path):
        raise OutputError(f"{path} cannot be written: it is a folder")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise OutputError(f"{path} cannot be written: its folder does not exist")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise OutputError(f"{path} cannot be written: permission denied")


def _is_file(path: str) -> bool:
    return not is_kafka(path) and not is_remote(path)
