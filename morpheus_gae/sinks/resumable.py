"""Resumable files: text outputs that a later run can truncate to a length and continue."""

from __future__ import annotations

import base64
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.sinks.alone import open_alone
from morpheus_gae.sinks.dead_letters import DeadLetters, dead_letter
from morpheus_gae.sinks.open import FORMATS
from morpheus_gae.sinks.sink import told
from morpheus_gae.sinks.text import TextSink

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Written:
    """Progress of a text file.

    Attributes
    ----------
    bytes
        Its length.
    schema
        Schema of a CSV file with a written header, as base64 of Arrow's encoding; else None.
    """

    bytes: int
    schema: str | None = None


class ResumableText(TextSink):
    """NDJSON or CSV that reports its length once synced to disk.

    Parameters
    ----------
    path
        File ending in .jsonl, .ndjson, .json or .csv.
    written
        Continue from there, truncating the rest. None: start a new file.

    Raises
    ------
    OutputError
        If it cannot be opened, or is shorter than expected.
    """

    def __init__(self, path: str, written: Written | None = None) -> None:
        # before the file is truncated
        schema = None if written is None else _columns(path, written.schema)
        super().__init__(_opened(path, None if written is None else written.bytes), path, kind_of(path))
        if schema is not None:
            self._schema = schema

    def sync(self) -> Written:
        """Sync everything to disk."""
        file = self._files[0]
        with told(self._name):
            file.flush()
            os.fsync(file.fileno())
            length = file.tell()
        schema = self._schema
        encoded = None if schema is None else base64.b64encode(schema.serialize().to_pybytes()).decode()
        return Written(length, encoded)


class ResumableDeadLetters(DeadLetters):
    """Dead letters with the length of the file at each position.

    The file is written while records are read, ahead of the alerts; a restart keeps those before its start
    position, and reads the others again.

    Parameters
    ----------
    path
        File.
    number
        Returns the index of the current input.
    kept
        Bytes to keep; 0: start a new file at the first record.

    Raises
    ------
    OutputError
        If the file is shorter than that.
    """

    def __init__(self, path: str, number: Callable[[], int], kept: int = 0) -> None:
        super().__init__(path)
        self._number = number
        self._length = self._reached = kept
        self._marks: deque[tuple[int, I64, I64]] = deque()
        self._lock = threading.Lock()
        if kept:
            self._file = _opened(path, kept)

    def add(self, records: list[BadRecord]) -> None:
        """Write records, in order."""
        before = self._length
        super().add(records)
        if not records:
            return
        sizes = [len(dead_letter(record)) for record in records]
        ends = before + np.cumsum(np.asarray(sizes, np.int64))
        with self._lock:
            self._length = int(ends[-1])
            self._marks.append((self._number(), np.asarray([r.row for r in records], np.int64), ends))

    def sync(self, number: int, row: int) -> int:
        """Sync to disk; return the length of the file before record ``row`` of an input."""
        with self._lock:
            while self._marks:
                input_number, rows, ends = self._marks[0]
                before = len(rows) if input_number < number else int(np.searchsorted(rows, row))
                if input_number > number or not before:
                    break
                self._reached = int(ends[before - 1])
                if before < len(rows):
                    break
                self._marks.popleft()
            file = self._file
        if file is not None and self._reached:
            try:
                os.fsync(file.fileno())
            except ValueError:
                # closed at the end of the source: still to be synced
                _sync(str(self.path))
            except OSError as error:
                raise OutputError(f"{self.path} (dead letters) cannot be written: {error.strerror}") from None
        elif self._reached:
            _sync(str(self.path))
        return self._reached


def kind_of(path: str) -> str:
    """Return ``ndjson`` or ``csv``, by the extension.

    Raises
    ------
    UsageError
        For anything else: compressed files and those with a footer cannot be truncated and continued.
    """
    kind = FORMATS.get(Path(path).suffix.lower(), "")
    if kind not in ("ndjson", "csv"):
        raise UsageError(f"{path}: --checkpoint continues .jsonl and .csv files; write to one of these")
    return kind


def _columns(path: str, encoded: str | None) -> pa.Schema | None:
    if encoded is None:
        return None
    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(encoded, validate=True)))
    except (ValueError, OSError, pa.ArrowException):
        raise OutputError(
            f"{path} cannot be continued: the checkpoint does not tell its columns; remove the checkpoint to "
            "begin anew"
        ) from None


def _opened(path: str, kept: int | None) -> Any:
    """Open the file, truncated to the bytes to keep; a new one if None."""
    try:
        if kept is None:
            return open_alone(path)
        file: BinaryIO = open(path, "r+b")  # noqa: SIM115
        if file.seek(0, os.SEEK_END) < kept:
            file.close()
            raise OutputError(
                f"{path} is shorter than the checkpoint says ({kept:,} bytes): something else has changed "
                "it; remove the checkpoint to begin anew"
            )
        file.truncate(kept)
        file.seek(kept)
        return file
    except OSError as error:
        raise OutputError(
            f"{path} cannot be continued: {error.strerror}; remove the checkpoint to begin anew"
            if kept is not None
            else f"{path} cannot be written: {error.strerror}"
        ) from None


def _sync(path: str) -> None:
    with told(path), open(path, "rb") as file:
        os.fsync(file.fileno())
