from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from morpheus_gae.engine.observe.events import Events, ignored


@pytest.fixture
def events() -> Events:
    made = Events()
    made.open()
    return made


def test_notes_come_in_order_and_wake_the_reader(events: Events) -> None:
    writer = threading.Thread(target=lambda: [events.put(i) for i in range(20_000)])
    writer.start()
    assert [events.get() for _ in range(20_000)] == list(range(20_000))
    writer.join()
    events.close()


def test_what_is_put_before_and_after_is_kept_and_harms_nothing() -> None:
    events = Events()
    events.put("early")
    events.open()
    assert events.get() == "early"
    events.close()
    events.close()
    events.put("late")
    assert events.get(deadline=0.0) == "late"


def test_a_deadline(events: Events) -> None:
    with pytest.raises(TimeoutError):
        events.get(time.monotonic() + 0.01)
    with pytest.raises(TimeoutError):
        events.get(0.0)
    events.close()


def test_signals_wake_the_reader_every_time(events: Events) -> None:
    before = signal.getsignal(signal.SIGUSR1), signal.set_wakeup_fd(-1)
    with events.signals({signal.SIGUSR1: events.put_from_signal}):
        for _ in range(200):
            # from another thread, at no particular moment of the wait
            sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
            sender.start()
            assert events.get(time.monotonic() + 60) == signal.SIGUSR1
            sender.join()
    assert (signal.getsignal(signal.SIGUSR1), signal.set_wakeup_fd(-1)) == before
    events.close()


def test_another_thread_leaves_signals_alone(events: Events) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    seen = []

    def inside() -> None:
        with events.signals({signal.SIGUSR1: lambda number: None}):
            seen.append(signal.getsignal(signal.SIGUSR1))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [before]
    events.close()


def test_ignored() -> None:
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        assert ignored([signal.SIGUSR1, signal.SIGUSR2]) == {signal.SIGUSR2}
    finally:
        signal.signal(signal.SIGUSR2, before)
