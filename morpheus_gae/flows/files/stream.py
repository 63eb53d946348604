"""Streams: the doors to files, plain or compressed, and to stdin."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from morpheus_gae.errors import InputError

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


PIECE = 1 << 24
"""Bytes that are read at once at most: a file that is broken may ask for more than there is memory."""


class TruncatedError(Exception):
    """An input ended, or broke, before its end.

    Parameters
    ----------
    detail
        What was found.
    tail
        The record that was cut, as far as it goes.
    """

    def __init__(self, detail: str, tail: bytes = b"") -> None:
        super().__init__(detail)
        self.tail = tail


class Stream:
    """An input that is read once, from front to back.

    Parameters
    ----------
    read
        ``read(n)``: up to n bytes as soon as there are some, ``b""`` at the end.
    tell
        Bytes taken from the file so far (compressed ones, if it is).
    close
        Releases it.

    Attributes
    ----------
    compression
        ``gzip``, ``zstd``, or empty.
    """

    def __init__(
        self, read: Callable[[int], bytes], tell: Callable[[], int], close: Callable[[], None]
    ) -> None:
        self._read, self.tell, self.close = read, tell, close
        self._head = b""
        self.compression = ""

    def read(self, n: int) -> bytes:
        """Up to ``n`` bytes, ``b""`` at the end.

        Raises
        ------
        TruncatedError
            After everything readable was given.
        """
        if self._head:
            data, self._head = self._head[:n], self._head[n:]
            return data
        return self._read(n)

    def read_all(self) -> bytes:
        """Everything that is left."""
        return b"".join(iter(lambda: self.read(1 << 20), b""))

    def peek(self, n: int, enough: Callable[[bytes], bool] = lambda _: False) -> bytes:
        """The next ``n`` bytes (fewer at the end, or once they are enough), which stay to be read."""
        while len(self._head) < n and not enough(self._head):
            data = self._read(n - len(self._head))
            if not data:
                break
            self._head += data
        return self._head[:n]


def open_stream(path: str) -> Stream:
    """Open a file (plain, ``.gz``, ``.zst``) or stdin (``-``, where compression shows in the first bytes).

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    if path == "-":
        if sys.stdin is None:
            raise InputError("stdin is closed: there is nothing to read from it")
        raw = _counted(sys.stdin.buffer)
        head = raw.peek(4)
        kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
        return raw if kind is None else _unpacked(StreamFile(raw), kind, raw.tell, raw.close)
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    packed = COMPRESSIONS.get(Path(path).suffix.lower())
    if packed is not None:
        return _unpacked(file, packed, file.tell, file.close)
    if file.seekable():
        return Stream(_checked(file.read), file.tell, file.close)
    return _counted(file, file.close)


def _checked(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    def checked(n: int) -> bytes:
        try:
            return read(n)
        except OSError as error:
            raise TruncatedError(f"reading failed: {error.strerror or error}") from None

    return checked


def _counted(file: Any, close: Callable[[], None] = lambda: None) -> Stream:
    """A pipe: gives what is there rather than wait for more, and counts, for a pipe has no position."""
    taken = 0

    def read(n: int) -> bytes:
        nonlocal taken
        data: bytes = file.read1(n)
        taken += len(data)
        return data

    return Stream(_checked(read), lambda: taken, close)


def _unpacked(file: Any, kind: str, tell: Callable[[], int], close: Callable[[], None]) -> Stream:
    inner = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), kind)
    ended = ""

    def read(n: int) -> bytes:
        nonlocal ended
        if ended:
            raise TruncatedError(ended)
        buffer = bytearray(n)
        try:
            return bytes(memoryview(buffer)[: inner.readinto(buffer)])
        except OSError as error:
            # What was unpacked before the break lies in the buffer, but its length is not told: the rest
            # of the buffer is still zero, a byte that text never holds.
            ended = f"the {kind} stream breaks off: {error}"
            data = bytes(buffer.rstrip(b"\0"))
            if data:
                return data
            raise TruncatedError(ended) from None

    out = Stream(read, tell, close)
    out.compression = kind
    return out


class StreamFile:
    """A stream as a file object, for libraries that want one; ``read(n)`` waits for all n bytes."""

    closed = False

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, n: int = -1) -> bytes:
        """``n`` bytes, fewer only at the end; all that is left if negative."""
        parts = []
        while n != 0:
            data = self._stream.read(1 << 20 if n < 0 else min(n, PIECE))
            if not data:
                break
            parts.append(data)
            n -= len(data) if n > 0 else 0
        return b"".join(parts)

    def close(self) -> None:
        """Mark as closed; the stream stays open."""
        self.closed = True

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never."""
        return False
