"""Scoring on a device: nothing waits for a window's scores to count what it had."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run.device import DeviceWindow, InferOnDevice


class Frame:
    """Stands for flows on a device."""

    columns = (None,) * 6
    done = ()

    def __len__(self) -> int:
        return 10


class Executor:
    """Knows how many windows it has been given when a number is asked for."""

    def __init__(self) -> None:
        self.scored = 0
        self.asked: list[tuple[int, int]] = []

    def score_device(self, flows: object) -> Any:
        self.scored += 1
        return SimpleNamespace(unseen_hosts=self.scored)

    def later(self, number: int) -> Any:
        executor = self

        class Later:
            def __int__(self) -> int:
                executor.asked.append((number, executor.scored))
                return number

        return Later()


def test_unseen_hosts_are_read_a_window_later() -> None:
    executor, metrics = Executor(), Metrics()
    infer = InferOnDevice(executor, metrics)
    for window in range(1, 4):
        (out,) = infer.process(DeviceWindow(Frame()))
        assert out.scores.unseen_hosts == window
        assert metrics.flows == 10 * window
    assert executor.asked == [(1, 2), (2, 3)]
    assert list(infer.finish()) == []
    assert executor.asked == [(1, 2), (2, 3), (3, 3)]
    assert metrics.unseen_hosts == 6
    assert list(infer.finish()) == []
    assert metrics.unseen_hosts == 6
