"""Channel: the bounded queue between two stages."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any


class Cancelled(BaseException):
    """The run was called off; a stage that meets this ends without a word."""


class EndOfStream(BaseException):
    """Nothing more will come."""


class Channel:
    """A bounded first-in-first-out queue with an end and a way to call it off.

    Parameters
    ----------
    capacity
        Items it holds; ``put`` waits while it is full.

    Notes
    -----
    ``queue.Queue`` has no way to wake its waiters before Python 3.13, hence this one.
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
        """Append an item, waiting for room.

        Raises
        ------
        Cancelled
            If the run was called off, before or while waiting.
        """
        with self._changed:
            while len(self._items) >= self.capacity and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            self._items.append(item)
            self._changed.notify_all()

    def get(self, deadline: float | None = None) -> Any:
        """Take the oldest item, waiting for one.

        Parameters
        ----------
        deadline
            Give up at this reading of ``time.monotonic()``; None waits for ever.

        Raises
        ------
        EndOfStream
            If the channel was closed and is empty.
        Cancelled
            If the run was called off.
        TimeoutError
            At the deadline, also when it has passed already and the channel is empty.
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
        """Nothing more will be put; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drop what is inside and wake everyone who waits."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()
