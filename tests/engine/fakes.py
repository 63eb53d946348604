"""Fake stages: they do what a test tells them to."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from morpheus_gae.engine.stage import Operator


class Numbers:
    """A source of numbers; an exception among them is raised, an event is waited for."""

    name = "numbers"

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = items
        self.stopping = threading.Event()
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        for item in self.items:
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, threading.Event):
                item.wait()
                continue
            yield item
            if self.stopping.is_set():
                return

    def stop(self) -> None:
        self.stopping.set()

    def close(self) -> None:
        self.closed += 1


class Double(Operator):
    name = "double"

    def process(self, item: int) -> Iterator[int]:
        yield item * 2


class Drop(Operator):
    """Gives None for odd numbers."""

    name = "drop"

    def process(self, item: int) -> list[int | None]:
        return [None if item % 2 else item]


class Batch(Operator):
    """Holds items back until there are n."""

    name = "batch"

    def __init__(self, n: int) -> None:
        self.n = n
        self.held: list[int] = []
        self.finished = False

    def process(self, item: int) -> Iterator[list[int]]:
        self.held.append(item)
        if len(self.held) == self.n:
            yield self._take()

    def finish(self) -> Iterator[list[int]]:
        self.finished = True
        if self.held:
            yield self._take()

    def _take(self) -> list[int]:
        taken, self.held = self.held, []
        return taken


class Collect(Operator):
    name = "collect"

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.closed = 0

    def process(self, item: Any) -> tuple[()]:
        self.items.append(item)
        return ()

    def close(self) -> None:
        self.closed += 1


class Fail(Operator):
    """Raises at the n-th item, at the end, or when it is closed."""

    name = "fail"

    def __init__(self, when: int | str, error: BaseException) -> None:
        self.when = when
        self.error = error
        self.seen = 0

    def process(self, item: Any) -> tuple[Any, ...]:
        self.seen += 1
        if self.seen == self.when:
            raise self.error
        return (item,)

    def finish(self) -> tuple[()]:
        if self.when == "finish":
            raise self.error
        return ()

    def close(self) -> None:
        if self.when == "close":
            raise self.error


class Gate(Operator):
    """Tells that it has an item, then waits until it is opened."""

    name = "gate"

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def process(self, item: Any) -> tuple[Any, ...]:
        self.reached.set()
        self.open.wait()
        return (item,)


class Tenfold(Operator):
    """Prepares several numbers at once: ten times each; gives what it has prepared, and tells that it was."""

    name = "tenfold"

    def __init__(self, ahead: int, wrong: int | None = None, error: BaseException | None = None) -> None:
        self.ahead, self.wrong, self.error = ahead, wrong, error
        # as many as may be at it at once meet here
        self.meeting: threading.Barrier | None = None

    def prepare(self, item: int) -> tuple[int, str]:
        if item == self.wrong and self.error is not None:
            raise self.error
        if self.meeting is not None:
            self.meeting.wait()
        return 10 * item, threading.current_thread().name

    def process(self, item: tuple[int, str]) -> Iterator[int]:
        yield item[0]
