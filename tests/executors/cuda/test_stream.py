"""Windows in a stream: who waits for whom, with streams that only record it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from morpheus_gae.model.artifact import Artifact
from tests.support import make_flows

torch = pytest.importorskip("torch")


class Recorded:
    """Stands for a stream or an event: what is past once it is reached."""

    def __init__(self, *_: object, **__: object) -> None:
        self.past: set[tuple[str, int]] = set()

    def wait_stream(self, other: Recorded) -> None:
        self.past |= other.past

    wait_event = wait_stream

    def synchronize(self) -> None:
        pass


def test_copies_and_scoring_overlap_and_nothing_is_read_too_early(
    tiny_models: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.executors.cuda import stream
    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.executors.cuda.lanes import Lanes

    made: list[Recorded] = []
    order: list[tuple[str, int]] = []

    def new_stream(*_: object, **__: object) -> Recorded:
        made.append(Recorded())
        return made[-1]

    current = [Recorded()]

    @contextlib.contextmanager
    def entered(lane: Recorded) -> Iterator[None]:
        current.append(lane)
        yield
        current.pop()

    def launched(what: str, window: int) -> None:
        order.append((what, window))
        current[-1].past.add((what, window))

    monkeypatch.setattr(torch.cuda, "Stream", new_stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda *_: current[-1])
    monkeypatch.setattr(torch.cuda, "stream", entered)
    executor = CudaExecutor(tiny_models["default"], "cpu")
    executor.lanes = Lanes(executor.device)
    lanes = executor.lanes
    upload, score, coming = stream.upload, executor.score_device, stream.Coming

    def sent(window, *rest):
        assert current[-1] is lanes.into
        launched("sent", len(window))
        return upload(window, *rest)

    def reached(_):
        event = Recorded()
        event.wait_stream(current[-1])
        return event

    def scored(flows):
        assert current[-1] is lanes.score
        # its own columns are there; those of the next window may still be under way
        assert ("sent", len(flows)) in lanes.score.past
        assert ("sent", len(flows) + 1) not in lanes.score.past
        launched("scored", len(flows))
        return score(flows)

    def back(scores, flows):
        assert current[-1] is lanes.back
        assert ("scored", len(flows)) in lanes.back.past
        # columns are held until the scores have arrived
        assert flows is not None
        launched("back", len(flows))
        return coming(scores, flows)

    monkeypatch.setattr(stream, "upload", sent)
    monkeypatch.setattr(stream, "reached", reached)
    monkeypatch.setattr(stream, "Coming", back)
    monkeypatch.setattr(executor, "score_device", scored)
    windows = [make_flows(n, seed=n) for n in range(10, 15)]
    for _ in range(2):
        order.clear()
        for lane in made:
            lane.past.clear()
        got = list(stream.Streamed(executor).run(windows))
        assert [scores.score.shape[0] for scores in got] == [10, 11, 12, 13, 14]
        for n in range(10, 14):
            # the next window is on its way before this one is scored
            assert order.index(("sent", n + 1)) < order.index(("scored", n))
    # streams are made once
    assert len(made) == 4
