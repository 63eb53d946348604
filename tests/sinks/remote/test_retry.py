from __future__ import annotations

import pytest

from morpheus_gae.errors import OutputError
from morpheus_gae.sinks.remote.retry import FIRST_SECONDS, MOST_SECONDS, Retry, Transient


class Clock:
    """Waiting is what makes time pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def paced(seconds: float) -> tuple[Clock, Retry]:
    clock = Clock()
    return clock, Retry(seconds, clock.wait, lambda: clock.now, lambda: 1.0)


def test_pauses_double_up_to_a_limit_and_end_in_time() -> None:
    clock, retry = paced(200.0)
    while clock.now < 200.0:
        retry.pause("h", Transient("it is away"))
    with pytest.raises(OutputError, match="h did not take alerts for 200 s: it is away"):
        retry.pause("h", Transient("it is away"))
    assert clock.waits[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert max(clock.waits) == MOST_SECONDS
    # the last try is made when the time is over, not before
    assert clock.now == 200.0


def test_a_server_that_takes_little_at_a_time_is_not_away() -> None:
    clock, retry = paced(40.0)
    retry.progressed()
    for _ in range(20):
        retry.pause("h", Transient("busy"))
        retry.progressed()
    assert clock.now > 400.0
    for _ in range(2):
        retry.pause("h", Transient("busy"))
    with pytest.raises(OutputError):
        retry.pause("h", Transient("busy"))


def test_a_server_may_ask_for_patience_within_reason() -> None:
    clock, retry = paced(1e6)
    retry.pause("h", Transient("busy", after=7.0))
    retry.pause("h", Transient("busy", after=1e9))
    assert clock.waits == [7.0, 2 * MOST_SECONDS]


def test_after_a_success_it_begins_anew() -> None:
    clock, retry = paced(10.0)
    for _ in range(50):
        retry.pause("h", Transient("away"))
        assert retry.failing
        retry.succeeded()
        assert not retry.failing
    assert set(clock.waits) == {FIRST_SECONDS}


def test_chance_only_shortens() -> None:
    clock = Clock()
    Retry(10.0, clock.wait, lambda: clock.now, lambda: 0.0).pause("h", Transient("away"))
    assert clock.waits == [FIRST_SECONDS / 2]
