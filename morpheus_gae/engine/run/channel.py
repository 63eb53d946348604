"""Channel: the bounded queue between two stages."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any


class Cancelled(BaseException):
    """The run was cancelled; a stage that gets this ends silently."""


class EndOfStream(BaseException):
    """The channel is closed and empty."""


class Channel:
    """A bounded FIFO queue that can be closed and cancelled.

    Parameters
    ----------
    capacity
        Maximum number of items; ``put`` waits while it is full (back-pressure).

    Notes
    -----
    ``queue.Queue`` cannot wake its waiters before Python 3.13, hence this class.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._items: deque[Any] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._cancelled = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Any) -> None:
        """Append an item, waiting for space.

        Raises
        ------
        Cancelled
            If the run was cancelled, before or while waiting.
        """
        with self._changed:
            while len(self._items) >= self.capacity and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            self._items.append(item)
            self._changed.notify_all()

    def get(self, deadline: float | None = None) -> Any:
        """Wait for, remove and return the oldest item.

        Parameters
        ----------
        deadline
            Time limit, by ``time.monotonic()``; None waits for ever.

        Raises
        ------
        EndOfStream
            If the channel was closed and is empty.
        Cancelled
            If the run was cancelled.
        TimeoutError
            At the deadline, also if it has already passed and the channel is empty.
        """
        with self._changed:
            while True:
                if self._cancelled:
                    raise Cancelled
                if self._items:
                    item = self._items.popleft()
                    self._changed.notify_all()
                    return item
                if self._closed:
                    raise EndOfStream
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                # a wait longer than a day overflows on some platforms
                self._changed.wait(None if left is None else min(left, 86_400.0))

    def close(self) -> None:
        """Close the channel; remaining items can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drop all items and wake all waiters."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()
