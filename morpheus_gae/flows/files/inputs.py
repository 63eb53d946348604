"""Inputs: which files the paths, patterns and folders that a user gives are, in which order."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence

from morpheus_gae.errors import InputError
from morpheus_gae.flows.files.interfaces import is_interface

STDIN = "-"


def expand(inputs: str | Sequence[str]) -> list[str]:
    """Files of the inputs: patterns expanded, folders looked through, in order of name; ``-`` is kept.

    Of a folder everything is read but what others leave beside the data: names that begin with ``.`` or
    ``_`` (``_SUCCESS``, ``_temporary``), checksums (``.crc``), copies under way (``._COPYING_``), and what is
    no file. A folder that is reached twice, by a link, is read once.

    Raises
    ------
    InputError
        If one of them gives no file, or is a table of Delta, Iceberg or Hudi.
    """
    out: list[str] = []
    for given in [inputs] if isinstance(inputs, str) else inputs:
        found: list[str] = []
        seen: set[tuple[int, int]] = set()
        for path in _matched(given):
            found += _files(path, seen) if os.path.isdir(path) else [path]
        if not found:
            raise InputError(
                f"{given}: no data file in that folder (names that begin with _ or . are left out)"
            )
        out += found
    return out


def folders(inputs: Iterable[str]) -> list[str]:
    """The folders among what the inputs name or match."""
    return [path for given in inputs for path in _matched(given) if os.path.isdir(path)]


def total_bytes(inputs: str | Sequence[str]) -> int | None:
    """Bytes of all inputs, or None if that cannot be known (stdin, pipes)."""
    paths = expand(inputs)
    if any(p == STDIN or not os.path.isfile(p) for p in paths):
        return None
    return sum(os.path.getsize(p) for p in paths)


def would_be_read(path: str, folder: str) -> bool:
    """Whether a file at a path is one that ``expand`` finds in a folder."""
    inside, root = os.path.realpath(path), os.path.realpath(folder)
    if os.path.commonpath([inside, root]) != root:
        return False
    return not any(_left_out(name) for name in os.path.relpath(inside, root).split(os.sep))


def _matched(given: str) -> list[str]:
    """What an input names; of a pattern nothing twice that lies in a folder which it matches as well."""
    if given == STDIN or is_interface(given) or os.path.exists(given):
        return [given]
    found = sorted(glob.glob(given, recursive=True))
    if not found:
        raise InputError(f"{given}: no such file, and as a pattern it matches none")
    out: list[str] = []
    within: set[str] = set()
    for path in found:
        parts = os.path.normpath(path).split(os.sep)
        if not any(os.sep.join(parts[:n]) in within for n in range(1, len(parts))):
            out.append(path)
            if os.path.isdir(path):
                within.add(os.sep.join(parts))
    return out


def _files(folder: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Data files of a folder and of those in it."""
    try:
        status = os.stat(folder)
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from None
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    kind = _table_format(folder, {entry.name for entry in entries})
    if kind is not None:
        raise InputError(
            f"{folder} is a table of {kind}: its files hold rows, too, that were removed or replaced; write "
            f"it out as plain Parquet, or name the files, such as '{os.path.join(folder, '*.parquet')}'"
        )
    for entry in entries:
        if _left_out(entry.name):
            continue
        if entry.is_dir():
            yield from _files(entry.path, seen)
        elif entry.is_file() or entry.is_symlink():
            # a link to nothing is told when it is opened
            yield entry.path


def _left_out(name: str) -> bool:
    # as Spark has it: a partition may well begin with an underscore
    hidden = name.startswith(".") or (name.startswith("_") and "=" not in name)
    return hidden or name.endswith((".crc", "._COPYING_"))


def _table_format(folder: str, names: set[str]) -> str | None:
    """Whose log says which of a folder's files count, if there is one."""
    if "_delta_log" in names:
        return "Delta Lake (_delta_log)"
    if ".hoodie" in names:
        return "Hudi (.hoodie)"
    if "metadata" in names:
        inside = os.path.join(glob.escape(folder), "metadata")
        if any(glob.glob(os.path.join(inside, name)) for name in ("*.metadata.json", "version-hint.text")):
            return "Iceberg (metadata)"
    return None
