"""Signals to a running command: drain, grace, abort."""

from __future__ import annotations

import signal

import pytest

from tests.cli.live import STDIN, Live, flow_lines


def stuck(*args: str) -> Live:
    """A run whose output nobody reads: what is in flight cannot drain.

    Its input is few enough windows for all of them to fit into the queues: else writing here would wait.
    """
    live = Live(*STDIN, "--graph_size", "1000", *args, read_stdout=False)
    live.give(flow_lines(0, 4000))
    # the first line has come: the pipe is full, or soon will be
    assert live.stdout.readline()
    return live


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (signal.SIGINT, signal.SIGINT, 130),
        (signal.SIGTERM, signal.SIGTERM, 143),
        (signal.SIGINT, signal.SIGTERM, 143),
    ],
)
def test_a_second_signal_aborts_at_once(first: signal.Signals, second: signal.Signals, code: int) -> None:
    with stuck() as live:
        live.signal(first)
        live.err.with_text("again")
        live.signal(second)
        assert live.ended() == code
        assert live.err.all[-1] == "Aborted!"
        assert len(live.err.all) == 2


def test_what_cannot_drain_in_time_after_sigterm_is_called_off() -> None:
    with stuck("--grace_seconds", "0.1") as live:
        live.signal(signal.SIGTERM)
        assert live.ended() == 143
        assert live.err.all[-1] == "Aborted!"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_in_flight_is_written_within_the_grace_period(number: signal.Signals) -> None:
    with Live(*STDIN, "--graph_size", "5", "--grace_seconds", "50") as live:
        live.give(flow_lines(0, 7))
        assert live.out is not None
        live.out.count(5)
        live.signal(number)
        assert live.ended() == 0
        assert [row["IN_BYTES"] for row in live.rows()] == list(range(7))


def test_a_hangup_does_not_end_a_run() -> None:
    with Live(*STDIN, "--graph_size", "5") as live:
        live.give(flow_lines(0, 5))
        assert live.out is not None
        live.out.count(5)
        live.signal(signal.SIGHUP)
        live.err.with_text("toy@0123456789ab goes on")
        live.give(flow_lines(5, 7))
        assert live.end() == 0
        assert [row["IN_BYTES"] for row in live.rows()] == list(range(7))
