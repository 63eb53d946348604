"""Blocks: a text stream in pieces that end with a line, and the doors to plain and compressed files."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morpheus_gae.errors import InputError

BLOCK_BYTES = 8 << 20
MAX_LINE = 4 << 20
"""A line longer than this is no record; the rest of it is skipped."""


class Truncated(Exception):
    """A compressed stream ended, or broke, before its end."""


@dataclass
class Stream:
    """An open input.

    Attributes
    ----------
    read
        ``read(n)``: up to n bytes as soon as there are some, b"" at the end. Raises `Truncated`.
    tell
        Bytes taken from the file so far (compressed ones, if it is).
    close
        Releases it.
    """

    read: Callable[[int], bytes]
    tell: Callable[[], int]
    close: Callable[[], None]


def open_stream(path: str) -> Stream:
    """Open a file, plain, ``.gz`` or ``.zst``, or stdin (``-``).

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    if path == "-":
        raw: Any = sys.stdin.buffer
        taken = [0]

        def read_some(n: int) -> bytes:
            data: bytes = raw.read1(n)
            taken[0] += len(data)
            return data

        return Stream(read_some, lambda: taken[0], lambda: None)
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    suffix = Path(path).suffix.lower()
    if suffix == ".gz":
        inner: Any = gzip.GzipFile(fileobj=file)
    elif suffix in (".zst", ".zstd"):
        import pyarrow as pa

        inner = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    else:
        inner = file

    def read(n: int) -> bytes:
        try:
            data: bytes = inner.read(n)
        except (OSError, EOFError, zlib.error) as error:
            raise Truncated(str(error)) from None
        return data

    return Stream(read, file.tell, file.close)


def text_blocks(stream: Stream, size: int = BLOCK_BYTES, head: bytes = b"") -> Iterator[bytes]:
    """Cut a stream after line ends.

    Parameters
    ----------
    stream
        Text.
    size
        Bytes of a block, about; a live stream gives shorter ones as data comes.
    head
        Bytes that were read already.

    Yields
    ------
    bytes
        Whole lines (the last may lack its line end). The overlong part of a monstrous line is dropped:
        what is left of it is a bad record.

    Raises
    ------
    Truncated
        After everything readable was given.
    """
    pending, first = [head], True
    ended: Truncated | None = None
    while True:
        try:
            data = stream.read(size)
        except Truncated as error:
            data, ended = b"", error
        if not data:
            break
        if first and not head and data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        first = False
        cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join([*pending, data[:cut]])
            pending = [data[cut:]]
        elif sum(map(len, pending)) < MAX_LINE:
            pending.append(data)
    rest = b"".join(pending)
    if rest:
        yield rest
    if ended is not None:
        raise ended


class Replay(io.RawIOBase):
    """A stream with bytes put back in front, as a file object that cannot seek."""

    def __init__(self, stream: Stream, head: bytes = b"") -> None:
        self._stream, self._head = stream, head

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        data = self._head[: len(buffer)] if self._head else self._stream.read(len(buffer))
        if self._head:
            self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)
