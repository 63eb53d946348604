"""Append: appends JSON lines to a file that earlier runs may have written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from morpheus_gae.errors import OutputError
from morpheus_gae.sinks.sink import told
from morpheus_gae.sinks.text import TextSink

_STEP = 1 << 16


class AppendSink(TextSink):
    """NDJSON appended to a file; ``flush`` syncs it to disk.

    Parameters
    ----------
    path
        File; an incomplete last line of a killed run is truncated.

    Raises
    ------
    OutputError
        If it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        try:
            file = open_end(path)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None
        super().__init__(file, path, "ndjson")

    def flush(self) -> None:
        """Sync everything to disk."""
        super().flush()
        with told(self._name):
            bring_to_disk(self._files[0])


class AppendedLines:
    """Lines appended to a file that is created on first use.

    Parameters
    ----------
    path
        File; an incomplete last line of a killed run is truncated.
    what
        What they are, for messages.
    """

    def __init__(self, path: str, what: str) -> None:
        self._path, self._what = path, what
        self._file: Any = None

    def write(self, lines: bytes) -> None:
        """Write whole lines; `OutputError` on failure, as in ``flush``."""
        with self._told():
            if self._file is None:
                self._file = open_end(self._path)
            self._file.write(lines)

    def flush(self) -> None:
        """Sync the lines to disk."""
        if self._file is not None:
            with self._told():
                self._file.flush()
                bring_to_disk(self._file)

    def close(self) -> None:
        """Close the file without syncing unflushed lines."""
        file, self._file = self._file, None
        if file is not None:
            # flush has reported it already
            with suppress(OSError):
                file.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self._path} ({self._what}) cannot be written: {error.strerror or error}"
            ) from None


def bring_to_disk(file: Any) -> None:
    """Sync flushed data to disk; does nothing for a pipe or device."""
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def open_end(path: str) -> Any:
    """Open a file of lines at the end of its last whole line; a pipe or device unchanged."""
    if os.path.exists(path) and not os.path.isfile(path):
        return open(path, "wb")
    file = open(path, "a+b")  # noqa: SIM115
    size = at = file.seek(0, os.SEEK_END)
    while at > 0:
        start = max(0, at - _STEP)
        file.seek(start)
        end = file.read(at - start).rfind(b"\n")
        at = start if end < 0 else start + end + 1
        if end >= 0:
            break
    if at < size:
        file.truncate(at)
    file.seek(0, os.SEEK_END)
    return file
