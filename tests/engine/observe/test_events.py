from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from morpheus_gae.engine.observe.events import Notes, ignored


@pytest.fixture
def notes() -> Notes:
    made = Notes()
    made.open()
    return made


def test_notes_come_in_order_and_wake_the_reader(notes: Notes) -> None:
    writer = threading.Thread(target=lambda: [notes.put(i) for i in range(20_000)])
    writer.start()
    assert [notes.get() for _ in range(20_000)] == list(range(20_000))
    writer.join()
    notes.close()


def test_what_is_put_before_and_after_is_kept_and_harms_nothing() -> None:
    notes = Notes()
    notes.put("early")
    notes.open()
    assert notes.get() == "early"
    notes.close()
    notes.close()
    notes.put("late")
    assert notes.get(deadline=0.0) == "late"


def test_a_deadline(notes: Notes) -> None:
    with pytest.raises(TimeoutError):
        notes.get(time.monotonic() + 0.01)
    with pytest.raises(TimeoutError):
        notes.get(0.0)
    notes.close()


def test_signals_wake_the_reader_every_time(notes: Notes) -> None:
    before = signal.getsignal(signal.SIGUSR1), signal.set_wakeup_fd(-1)
    with notes.signals({signal.SIGUSR1: notes.put_from_signal}):
        for _ in range(200):
            # from another thread, at no particular moment of the wait
            sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
            sender.start()
            assert notes.get(time.monotonic() + 60) == signal.SIGUSR1
            sender.join()
    assert (signal.getsignal(signal.SIGUSR1), signal.set_wakeup_fd(-1)) == before
    notes.close()


def test_another_thread_leaves_signals_alone(notes: Notes) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    seen = []

    def inside() -> None:
        with notes.signals({signal.SIGUSR1: lambda number: None}):
            seen.append(signal.getsignal(signal.SIGUSR1))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [before]
    notes.close()


def test_ignored() -> None:
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        assert ignored([signal.SIGUSR1, signal.SIGUSR2]) == {signal.SIGUSR2}
    finally:
        signal.signal(signal.SIGUSR2, before)
