"""Alone: opens a file to be written from its begin, by one run at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import BinaryIO

from morpheus_gae.errors import OutputError


def open_alone(path: str) -> BinaryIO:
    """Replace a file that no other run writes; two would write over each other's rows.

    The system forgets the lock when the file is closed, or the process ends. What is no regular file (a pipe,
    a device) is opened as it is; so is a file where its file system knows no locks.

    Raises
    ------
    OutputError
        If another run, or another output of this one, writes the file.
    OSError
        If it cannot be opened.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        if stat.S_ISREG(os.fstat(number).st_mode):
            _lock(number, path)
            # not before: it may be full of the other's rows
            os.ftruncate(number, 0)
        return os.fdopen(number, "wb")
    except BaseException:
        os.close(number)
        raise


def _lock(number: int, path: str) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(f"{path} cannot be written: another run writes it") from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
