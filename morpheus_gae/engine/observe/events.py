"""Events: notes from threads and signal handlers to the thread that waits for the end of the run.

Waiting for a lock is not enough: a signal that arrives just before the wait begins, or in another thread,
does not wake the main thread, and its handler may run late or never. A pipe that the signal itself writes to
has no such race: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_DAY = 86_400.0


class Events:
    """A queue that signal handlers can write to, and that signals reliably wake."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._read = self._write = -1
        # reentrant: a handler may run, and put, while its thread holds this
        self._lock = threading.RLock()
        self._open = False

    def open(self) -> None:
        """Create the pipe; needed by ``get`` and ``signals``."""
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._open = True

    def put(self, note: Any) -> None:
        """Add a note; thread-safe."""
        self._items.append(note)
        with self._lock:
            if self._open:
                # full: the reader will wake anyway
                with suppress(BlockingIOError):
                    os.write(self._write, b"\0")

    def put_from_signal(self, note: Any) -> None:
        """Add a note in a signal handler, which must not take locks: the signal wakes the reader."""
        self._items.append(note)

    def get(self, deadline: float | None = None) -> Any:
        """Wait for and return the oldest note.

        Parameters
        ----------
        deadline
            Time limit, by ``time.monotonic()``; None waits for ever.

        Raises
        ------
        TimeoutError
            At the deadline.
        """
        waiting = select.poll()
        waiting.register(self._read, select.POLLIN)
        while not self._items:
            left = _DAY if deadline is None else min(deadline - time.monotonic(), _DAY)
            if left <= 0:
                raise TimeoutError
            waiting.poll(left * 1000)
            with suppress(BlockingIOError):
                os.read(self._read, 4096)
        return self._items.popleft()

    @contextmanager
    def signals(self, handlers: dict[signal.Signals, Callable[[int], None]]) -> Iterator[None]:
        """Handle signals inside this context, and be woken by them; does nothing outside of the main thread.

        Parameters
        ----------
        handlers
            Function per signal, which may use ``put_from_signal``.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[signal.Signals, Any] = {}
        woken = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        try:
            for number, handler in handlers.items():
                before[number] = signal.signal(number, _handler(handler))
            yield
        finally:
            for number, was in before.items():
                # None: the handler was not set from Python and cannot be restored
                signal.signal(number, signal.SIG_DFL if was is None else was)
            signal.set_wakeup_fd(woken)

    def close(self) -> None:
        """Release the pipe; later notes are kept but do not wake anyone."""
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._read)
                os.close(self._write)


def _handler(act: Callable[[int], None]) -> Callable[[int, object], None]:
    def handler(number: int, _frame: object) -> None:
        act(number)

    return handler


def ignored(numbers: Iterable[signal.Signals]) -> set[signal.Signals]:
    """Return the signals that the parent process set to be ignored (``nohup``)."""
    return {number for number in numbers if signal.getsignal(number) is signal.SIG_IGN}
