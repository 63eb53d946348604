"""Feed: what was read is given, whoever stops it; a silent source is noticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from morpheus_gae.engine.run import feed as feed_module
from morpheus_gae.engine.run.feed import Feed
from morpheus_gae.engine.run.poll import polled
from morpheus_gae.engine.stage import Operator


class Source:
    name = "from-netflow"

    def __init__(self, items: Any) -> None:
        self.items = items
        self.stopped = threading.Event()
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        yield from self.items

    def stop(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        self.closed += 1


class Doubled(Operator):
    def process(self, item: Any) -> Any:
        return (item, item)

    def finish(self) -> Any:
        return ("last",)


def test_items_pass_through_the_operator() -> None:
    source = Source([1, 2])
    feed = Feed(source, Doubled())
    assert list(feed) == [1, 1, 2, 2, "last"]
    feed.close()
    assert source.closed == 1


def test_stop_on_the_main_thread_waits_for_what_is_under_way() -> None:
    reading = threading.Event()

    class Slow(Source):
        def __iter__(self) -> Iterator[Any]:
            reading.set()
            # the batch is being read when the stop comes
            assert self.stopped.wait(60)
            yield "read"

    feed, got = Feed(Slow(()), Doubled()), []
    taker = threading.Thread(target=lambda: got.extend(feed))
    taker.start()
    assert reading.wait(60)
    feed.stop()
    # no join before: stop itself has waited
    assert got == ["read", "read", "last"]
    taker.join(60)


def test_stop_from_the_taking_thread_does_not_wait() -> None:
    source = Source(iter([1, 2, 3]))
    feed = Feed(source, grace_seconds=30)
    got: list[int] = []

    def take() -> None:
        for item in feed:
            got.append(item)
            feed.stop()

    taker = threading.Thread(target=take)
    taker.start()
    taker.join(60)
    assert not taker.is_alive()
    assert got == [1, 2, 3]
    assert source.stopped.is_set()


def test_stopped_before_it_began_it_reads_nothing() -> None:
    feed = Feed(Source([1]))
    feed.stop()
    assert list(feed) == []


def test_a_silent_live_source_ticks_and_waits_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "TICK_SECONDS", 0.01)
    go = threading.Event()

    class Waiting(Operator):
        due: float | None = None

        def process(self, item: Any) -> Any:
            self.due = 0.0
            return ()

        def deadline(self) -> float | None:
            return self.due

        def expire(self) -> Any:
            self.due = None
            return ("expired",)

    def items() -> Iterator[Any]:
        yield 1
        assert go.wait(60)

    got = []
    for item in Feed(Source(items()), Waiting(), live=True):
        got.append(item)
        if item is None:
            go.set()
    assert [item for item in got if item is not None] == ["expired"]
    assert None in got


def test_an_error_of_the_source_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    found = polled(items(), 5)
    assert next(found) == 1
    with pytest.raises(ValueError, match="no more"):
        next(found)


def test_whoever_leaves_ends_the_reader() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for i in range(1000):
            read.append(i)
            yield i

    found = polled(items(), 5)
    assert next(found) == 0
    found.close()
    for thread in threading.enumerate():
        if thread.name == "ticking":
            thread.join(60)
            assert not thread.is_alive()
    assert len(read) < 10
