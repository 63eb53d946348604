"""Append: JSON lines at the end of a file that runs before this one may have written."""

from __future__ import annotations

import errno
import os
from typing import Any

from morpheus_gae.errors import OutputError
from morpheus_gae.sinks.sink import told
from morpheus_gae.sinks.text import TextSink

_STEP = 1 << 16


class AppendSink(TextSink):
    """NDJSON after what a file holds already; ``flush`` brings it to the disk.

    Parameters
    ----------
    path
        File; what a run that was killed left of its last line is cut off.

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
        """Bring everything to the disk."""
        super().flush()
        with told(self._name):
            bring_to_disk(self._files[0])


def bring_to_disk(file: Any) -> None:
    """Have what was flushed on the disk; a pipe or a device has none and takes it as it is."""
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def open_end(path: str) -> Any:
    """A file of lines, open at the end of its last whole line; a pipe or a device as it is."""
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
