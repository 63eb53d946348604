"""Interfaces: how a live one is named as an input, and how its capture is ended from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERFACE = "interface:"
"""``interface:eth0`` is the traffic that the interface eth0 sees from now on."""


def is_interface(url: str) -> bool:
    """Whether an input is an interface."""
    return url.startswith(INTERFACE)


class Switch:
    """Ends the captures that are under way, and those that would still begin.

    Parameters
    ----------
    also
        What else ``stop`` calls.

    Attributes
    ----------
    off
        Whether it was pressed.
    """

    def __init__(self, also: Callable[[], None] | None = None) -> None:
        self.off = False
        self._ends: list[Callable[[], None]] = [] if also is None else [also]
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Let captures end: what they have seen is still given. From any thread, any number of times."""
        with self._lock:
            self.off = True
            ends = list(self._ends)
        for end in ends:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """While this is open, ``stop`` calls ``end``; it does so at once if it was called already."""
        with self._lock:
            self._ends.append(end)
            off = self.off
        try:
            if off:
                end()
            yield
        finally:
            with self._lock:
                self._ends.remove(end)
