"""Spool: columns of training on disk, mapped into memory: a hundred million flows are more than it holds.

The files have no name: they are gone when the run ends, however it ends. The system keeps of them in memory
what there is room for.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import OutputError

Array = npt.NDArray[Any]

BLOCK = 1 << 18
"""Flows, or pairs, that a pass holds at a time."""
SMALL = 1 << 20
"""Bytes below which a column is not worth a file."""

_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices of at most ``size`` rows, in order; mapped columns leave memory after each."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
        let_go()


def let_go() -> None:
    """Let all mapped columns go from this process; what was written stays, and comes back when it is read."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for held in list(_maps):
            held.madvise(mmap.MADV_DONTNEED)


class Spool:
    """Where a run keeps its columns.

    Parameters
    ----------
    near
        The files lie in this folder, or the nearest one above it that is there; None: the system's for
        temporary files.
    """

    def __init__(self, near: str | Path | None = None) -> None:
        self.folder = tempfile.gettempdir() if near is None else _nearest(Path(near).absolute())

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """A column of zeros.

        Raises
        ------
        OutputError
            If the folder's disk has no room for it.
        """
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size < SMALL:
            return np.zeros(shape, dtype)
        with self._open() as file:
            try:
                if hasattr(os, "posix_fallocate"):
                    # a full disk is told now, not by a signal when a page is written
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.truncate(size)
            except OSError as error:
                raise self._refusal(error, size) from error
            return _mapped(file, size, dtype, shape)

    def taken(self, column: Array, rows: Array) -> Array:
        """Rows of a column, by position or as a mask, as a column of its own."""
        if rows.dtype == np.bool_:
            out = self.zeros((int(rows.sum()), *column.shape[1:]), column.dtype)
            at = 0
            for part in blocks(rows.shape[0]):
                found = column[part][rows[part]]
                out[at : at + found.shape[0]] = found
                at += found.shape[0]
            return out
        out = self.zeros((rows.shape[0], *column.shape[1:]), column.dtype)
        for part in blocks(rows.shape[0]):
            out[part] = column[rows[part]]
        return out

    def column(self) -> Column:
        """A column that grows."""
        return Column(self)

    def _open(self) -> IO[bytes]:
        try:
            return tempfile.TemporaryFile(dir=self.folder)
        except OSError as error:
            raise self._refusal(error, 0) from error

    def _refusal(self, error: OSError, size: int) -> OutputError:
        return OutputError(
            f"training keeps its columns in {self.folder}, which has no room for {size / 1e6:,.0f} MB more: "
            f"{error.strerror}"
            if size
            else f"training keeps its columns in {self.folder}: {error.strerror}"
        )


class Column:
    """Rows that come in parts and are then one array."""

    def __init__(self, spool: Spool) -> None:
        self._spool, self._file, self._rows = spool, spool._open(), 0
        self._dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._shape: tuple[int, ...] = ()

    def add(self, part: Array) -> None:
        """Put rows behind the others; all parts have the type and the shape of the first.

        Raises
        ------
        OutputError
            If the disk is full.
        """
        data = np.ascontiguousarray(part)
        try:
            self._file.write(data.reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise self._spool._refusal(error, data.nbytes) from error
        self._rows += data.shape[0]
        self._dtype, self._shape = data.dtype, data.shape[1:]

    def array(self) -> Array:
        """All rows; nothing can be added any more."""
        shape = (self._rows, *self._shape)
        size = int(np.prod(shape)) * self._dtype.itemsize
        with self._file as file:
            try:
                file.flush()
            except OSError as error:
                raise self._spool._refusal(error, size) from error
            if size < SMALL:
                file.seek(0)
                return np.frombuffer(bytearray(file.read()), self._dtype).reshape(shape)
            return _mapped(file, size, self._dtype, shape)

    def close(self) -> None:
        """Give the file up; an array that was made of it stays."""
        # what was not written yet is not wanted, so it may fail
        with contextlib.suppress(OSError):
            self._file.close()


def _mapped(file: IO[bytes], size: int, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Array:
    held = mmap.mmap(file.fileno(), size)
    _maps.add(held)
    return np.frombuffer(held, dtype).reshape(shape)


def _nearest(folder: Path) -> str:
    return str(next(p for p in (folder, *folder.parents) if p.is_dir()))
