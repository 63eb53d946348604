"""Stdin: a standard input that can be ended from inside, so that Ctrl-C does not lose data.

A thread blocked in ``read(0)`` cannot be woken. Another thread therefore feeds file descriptor 0 through a
pipe, and closing that pipe is a normal end of file: the reader returns its remaining data and ends.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from dataclasses import replace

from morpheus_gae.engine.settings import KAFKA, STDIN, Settings
from morpheus_gae.flows.files.interfaces import is_interface

CHUNK = 1 << 16
GRACE_SECONDS = 1.0
BINARY_FORMATS = ("arrow", "parquet", "pcap")


class StoppableStdin:
    """Replaces file descriptor 0 by a pipe and feeds it; use as a context manager.

    Parameters
    ----------
    path
        A named pipe to read instead of stdin, or None.
    lines
        Whether the stream is text: end after a whole line, so that stopping does not cut a record.
    """

    def __init__(self, path: str | None = None, lines: bool = True) -> None:
        # without O_NONBLOCK opening a named pipe would wait for its writer
        self._upstream = os.dup(0) if path is None else os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._lines = lines
        self._saved = os.dup(0)
        self._stop_seen, self._stop_told = os.pipe()
        downstream, self._feed = os.pipe()
        os.dup2(downstream, 0)
        os.close(downstream)
        self._thread = threading.Thread(target=self._pump, name="stdin", daemon=True)

    def __enter__(self) -> StoppableStdin:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        # closes the reading end, so a pump that waits for space gets a BrokenPipeError
        os.dup2(self._saved, 0)
        self._thread.join(GRACE_SECONDS)
        if self._thread.is_alive():
            # another process holds the reading end; the thread ends with this process
            return
        for number in (self._saved, self._upstream, self._stop_seen, self._stop_told):
            os.close(number)

    def stop(self) -> None:
        """End the input; thread-safe and idempotent."""
        os.write(self._stop_told, b"x")

    def _pump(self) -> None:
        waiting = select.poll()
        waiting.register(self._upstream, select.POLLIN)
        waiting.register(self._stop_seen, select.POLLIN)
        tail = b""
        try:
            while self._stop_seen not in dict(waiting.poll()):
                chunk = os.read(self._upstream, CHUNK)
                if not chunk:
                    self._write(tail)
                    break
                cut = chunk.rfind(b"\n") + 1 if self._lines else len(chunk)
                if cut:
                    self._write(tail + chunk[:cut])
                    tail = chunk[cut:]
                else:
                    tail += chunk
        except BrokenPipeError:
            pass
        finally:
            os.close(self._feed)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._feed, view) :]


def stoppable(settings: Settings) -> tuple[Settings, StoppableStdin | None]:
    """Make a live input stoppable.

    Parameters
    ----------
    settings
        Settings with the input.

    Returns
    -------
    (Settings, StoppableStdin or None)
        Settings that read the new pipe, and that pipe, if the input is stdin from a pipe or terminal, or one
        named pipe; else the unchanged settings, and None.

    Raises
    ------
    UsageError
        If the format of the named pipe is unknown from its name.
    """
    from morpheus_gae.flows.files.stream import COMPRESSIONS
    from morpheus_gae.flows.readers.read import format_of

    if not settings.live or not _is_real_stdin():
        return settings, None
    if STDIN in settings.input:
        return settings, StoppableStdin(lines=settings.format not in BINARY_FORMATS)
    (path, *others) = settings.input
    if others or path.startswith(KAFKA) or is_interface(path) or path.endswith(tuple(COMPRESSIONS)):
        return settings, None
    kind = settings.format or format_of(path)
    pipe = StoppableStdin(path, lines=kind not in BINARY_FORMATS)
    return replace(settings, input=(STDIN,), format=kind), pipe


def _is_real_stdin() -> bool:
    """Whether ``sys.stdin`` is file descriptor 0 (not replaced by a test)."""
    try:
        return sys.stdin is not None and sys.stdin.fileno() == 0
    except (OSError, ValueError):
        return False
