from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.engine.run.channel import Cancelled, Channel, EndOfStream


@given(st.lists(st.integers(), max_size=30), st.integers(1, 4))
def test_everything_arrives_in_order(items: list[int], capacity: int) -> None:
    channel = Channel(capacity)

    def feed() -> None:
        for item in items:
            channel.put(item)
        channel.close()

    thread = threading.Thread(target=feed)
    thread.start()
    got = []
    while True:
        try:
            got.append(channel.get())
        except EndOfStream:
            break
        assert len(channel) <= capacity
    thread.join()
    assert got == items


def test_end_comes_after_what_is_inside() -> None:
    channel = Channel(2)
    channel.put(1)
    channel.close()
    assert channel.get() == 1
    with pytest.raises(EndOfStream):
        channel.get()


def test_deadline_that_has_passed_gives_up_only_on_an_empty_channel() -> None:
    channel = Channel(1)
    past = time.monotonic() - 1
    with pytest.raises(TimeoutError):
        channel.get(past)
    channel.put(1)
    assert channel.get(past) == 1


@pytest.mark.parametrize("side", ["put", "get"])
def test_cancel_wakes_whoever_waits(side: str) -> None:
    channel = Channel(1)
    if side == "put":
        channel.put(0)
    woken = threading.Event()
    started = threading.Event()

    def wait() -> None:
        started.set()
        try:
            channel.put(1) if side == "put" else channel.get()
        except Cancelled:
            woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    started.wait()
    channel.cancel()
    thread.join(60)
    assert woken.is_set()
    assert len(channel) == 0
