"""A standard input that can be ended from inside: so that Ctrl-C does not lose what was read.

A thread that waits in ``read(0)`` cannot be woken. So another one feeds file descriptor 0 through a pipe of
our own, and closing that pipe is an end of file like any other: the reader gives what it has and ends.
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
    """Puts a pipe in the place of file descriptor 0 and feeds it; use as a context manager.

    Parameters
    ----------
    path
        A named pipe to read in the place of stdin, or None.
    lines
        The stream is text: end after a whole line, so that stopping makes no bad record of half of one.
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
        # this closes the reading end, so a pump that waits for room gets a BrokenPipeError
        os.dup2(self._saved, 0)
        self._thread.join(GRACE_SECONDS)
        if self._thread.is_alive():
            # somebody else holds the reading end; the thread and its descriptors end with the process
            return
        for number in (self._saved, self._upstream, self._stop_seen, self._stop_told):
            os.close(number)

    def stop(self) -> None:
        """End the input; from any thread, any number of times."""
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
    """Prepare to read a live input so that it can be stopped.

    Parameters
    ----------
    settings
        What is to be read.

    Returns
    -------
    (Settings, StoppableStdin or None)
        Settings that read the pipe of our own, and that pipe, if the input is stdin from a pipe or a
        terminal, or one named pipe; else the settings as they were, and None.

    Raises
    ------
    UsageError
        If the name of the named pipe does not tell its format.
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
    """Whether ``sys.stdin`` is file descriptor 0, and not what a test put there."""
    try:
        return sys.stdin is not None and sys.stdin.fileno() == 0
    except (OSError, ValueError):
        return False
