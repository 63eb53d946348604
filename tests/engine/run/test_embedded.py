from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run import embedded
from morpheus_gae.engine.run.embedded import Aborted, EmbeddedEngine
from morpheus_gae.engine.stage import Operator
from tests.engine.fakes import Batch, Collect, Double, Drop, Fail, Gate, Numbers, Tenfold


@given(st.lists(st.integers(0, 99), max_size=40), st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_all_items_arrive_in_order_and_the_last_short_batch_is_flushed(
    items: list[int], n: int, queue: int
) -> None:
    source, sink = Numbers(items), Collect()
    EmbeddedEngine(source, [Drop(), Double(), Batch(n), sink], queue=queue).run()
    expected = [i * 2 for i in items if i % 2 == 0]
    assert list(itertools.chain.from_iterable(sink.items)) == expected
    assert all(len(batch) == n for batch in sink.items[:-1])
    assert source.closed == sink.closed == 1


@given(st.lists(st.integers(0, 99), max_size=40), st.integers(2, 5), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_what_is_prepared_ahead_arrives_in_order(items: list[int], ahead: int, queue: int) -> None:
    sink, metrics = Collect(), Metrics()
    EmbeddedEngine(Numbers(items), [Tenfold(ahead), sink], queue=queue, metrics=metrics).run()
    assert sink.items == [10 * i for i in items]
    assert "tenfold" in metrics.seconds


def test_several_items_are_prepared_at_once() -> None:
    stage, sink = Tenfold(3), Collect()
    stage.meeting = threading.Barrier(3, timeout=60)
    EmbeddedEngine(Numbers(range(9)), [stage, sink]).run()
    assert sink.items == [10 * i for i in range(9)]


def test_an_error_of_preparing_comes_after_the_items_before_it() -> None:
    error, sink = ValueError("broken"), Collect()
    source = Numbers(itertools.count())
    with pytest.raises(ValueError, match="broken") as caught:
        EmbeddedEngine(source, [Tenfold(4, 7, error), sink]).run()
    assert caught.value is error
    assert sink.items == [10 * i for i in range(7)][: len(sink.items)]
    assert source.closed == sink.closed == 1


@pytest.mark.parametrize("ahead", [1, 2])
def test_an_error_ends_those_who_prepare_for_a_silent_source(ahead: int) -> None:
    silent = threading.Event()
    source = Numbers([1, silent])
    # mypy: a method of this one alone
    setattr(source, "stop", silent.set)  # noqa: B010
    fail = Fail(1, ValueError("broken"))
    fail.ahead = ahead
    engine = EmbeddedEngine(source, [Tenfold(2), fail, Collect()])
    with pytest.raises(ValueError, match="broken"):
        engine.run()
    assert engine.stuck == []


def test_none_is_never_forwarded() -> None:
    sink = Collect()
    EmbeddedEngine(Numbers([None, 1, None, 2]), [Drop(), sink]).run()
    assert sink.items == [2]


def test_source_alone_runs_to_its_end() -> None:
    source = Numbers([1, 2])
    EmbeddedEngine(source, []).run()
    assert source.closed == 1


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("when", [1, 3, "finish", "close"])
def test_first_error_of_any_stage_is_raised_from_run(position: int, when: int | str) -> None:
    error = ValueError("broken")
    sink = Collect()
    operators: list[Operator] = [Double(), Batch(1), sink]
    operators.insert(position, Fail(when, error))
    # an endless source: only being called off can end it
    source = Numbers(itertools.count() if isinstance(when, int) else range(5))
    with pytest.raises(ValueError, match="broken") as caught:
        EmbeddedEngine(source, operators).run()
    assert caught.value is error
    assert source.closed == sink.closed == 1


def test_error_in_the_source_is_raised_and_nothing_is_finished() -> None:
    batch = Batch(10)
    with pytest.raises(OSError, match="unplugged"):
        EmbeddedEngine(Numbers([1, OSError("unplugged")]), [batch, Collect()]).run()
    assert not batch.finished


def test_error_behind_frees_stages_that_wait_for_room() -> None:
    gate, last = Gate(), Fail(1, RuntimeError("full"))
    gate.open.set()
    engine = EmbeddedEngine(Numbers(itertools.count()), [Double(), gate, last], queue=1)
    with pytest.raises(RuntimeError, match="full"):
        engine.run()
    assert engine.stuck == []


def test_original_error_wins_over_the_one_of_closing() -> None:
    class Twice(Fail):
        def close(self) -> None:
            raise RuntimeError("again")

    with pytest.raises(ValueError, match="first"):
        EmbeddedEngine(Numbers([1]), [Twice(1, ValueError("first"))]).run()


def test_a_stage_that_does_not_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "GRACE_SECONDS", 0.0)
    never = threading.Event()
    engine = EmbeddedEngine(Numbers([1, never]), [Fail(1, ValueError("x"))])
    with pytest.raises(ValueError, match="x"):
        engine.run()
    assert "numbers" in engine.stuck
    never.set()


def test_queues_are_bounded() -> None:
    given_out: list[int] = []

    def items() -> Iterator[int]:
        for i in range(100):
            given_out.append(i)
            yield i

    gate, sink = Gate(), Collect()
    engine = EmbeddedEngine(Numbers(items()), [gate, sink], queue=2)
    runner = threading.Thread(target=engine.run)
    runner.start()
    gate.reached.wait()
    # one at the gate, two queued, one that waits for room
    assert len(given_out) <= 4
    gate.open.set()
    runner.join()
    assert sink.items == list(range(100))


def test_stop_drains_what_is_in_flight() -> None:
    gate, batch, sink = Gate(), Batch(1000), Collect()
    source = Numbers(itertools.count())
    engine = EmbeddedEngine(source, [gate, batch, sink])
    runner = threading.Thread(target=engine.run)
    runner.start()
    gate.reached.wait()
    engine.stop()
    source.stopping.wait()
    gate.open.set()
    runner.join()
    assert engine.stopped
    (last,) = sink.items
    assert last == list(range(len(last)))
    assert sink.closed == 1


class Signalled(Gate):
    """Sends this process signals, then waits until the engine has taken note."""

    def __init__(self, number: signal.Signals, source: Numbers) -> None:
        super().__init__()
        self.number = number
        self.source = source
        self.sent = 0

    def process(self, item: Any) -> tuple[Any, ...]:
        if not self.sent:
            self.sent += 1
            os.kill(os.getpid(), self.number)
            self.source.stopping.wait()
        return (item,)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_stops_and_drains(number: signal.Signals) -> None:
    source, sink = Numbers(itertools.count()), Collect()
    before = signal.getsignal(number)
    engine = EmbeddedEngine(source, [Signalled(number, source), Batch(1000), sink])
    engine.run()
    assert engine.stopped
    assert sink.items[0][0] == 0
    assert signal.getsignal(number) is before


def test_second_signal_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "ABORT_SECONDS", 0.0)

    class Stubborn(Gate):
        def process(self, item: Any) -> tuple[Any, ...]:
            os.kill(os.getpid(), signal.SIGINT)
            source.stopping.wait()
            os.kill(os.getpid(), signal.SIGINT)
            self.open.wait()
            return ()

    source, gate, sink = Numbers(itertools.count()), Stubborn(), Collect()
    engine = EmbeddedEngine(source, [gate, sink])
    with pytest.raises(Aborted):
        engine.run()
    assert "gate" in engine.stuck
    assert sink.items == []
    gate.open.set()


def test_expire_is_called_at_the_deadline_without_input() -> None:
    more = threading.Event()

    class Patient(Batch):
        due: float | None = None

        def process(self, item: int) -> Iterator[list[int]]:
            self.due = time.monotonic()
            yield from super().process(item)

        def deadline(self) -> float | None:
            return self.due

        def expire(self) -> Iterator[list[int]]:
            self.due = None
            yield self._take()
            more.set()

    sink = Collect()
    EmbeddedEngine(Numbers([1, more, 2]), [Patient(10), sink]).run()
    assert sink.items == [[1], [2]]


def test_working_time_is_told_by_stage() -> None:
    engine = EmbeddedEngine(Numbers([1]), [Double(), Collect()])
    engine.run()
    assert set(engine.metrics.seconds) == {"numbers", "double", "collect"}
