"""Waiting: windows in flight from build-graph to infer-gae, outside the messages.

In GPU mode a message's metadata passes a JSON layer of the host, which cannot carry a graph: the message has
a key, and the window waits here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any


class WaitingWindows:
    """Windows waiting to be scored; bounded by the messages in flight."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._number = 0
        self._held: dict[str, dict[int, Any]] = {}
        # progress of each taker
        self._passed: dict[str, dict[str, int]] = {}

    def expect(self, giver: str, takers: Sequence[str]) -> None:
        """Set the stages that will take the windows; with none, nothing is kept."""
        with self._mutex:
            self._held[giver] = {}
            self._passed[giver] = dict.fromkeys(takers, -1)

    def give(self, giver: str, item: Any) -> str:
        """Store a window; return the key for its message."""
        with self._mutex:
            number, self._number = self._number, self._number + 1
            if self._passed[giver]:
                self._held[giver][number] = item
            return f"{giver}/{number}"

    def take(self, key: Any, taker: str) -> Any:
        """Return the window of a message; None if there is none, or the taker took a later one before."""
        giver, _, number = str(key).rpartition("/")
        with self._mutex:
            held, passed = self._held.get(giver), self._passed.get(giver)
            if held is None or passed is None or taker not in passed or not number.isdecimal():
                return None
            found = held.get(int(number))
            # messages keep their order: earlier ones were dropped by a stage, or are done
            passed[taker] = max(passed[taker], int(number))
            behind = min(passed.values())
            for done in [n for n in held if n <= behind]:
                del held[done]
            return found

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))
