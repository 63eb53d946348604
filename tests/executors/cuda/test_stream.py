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


class Streams:
    """Stand for torch's: what was launched on which, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Recorded] = []
        self.order: list[tuple[str, int]] = []
        self.current = [Recorded()]
        monkeypatch.setattr(torch.cuda, "Stream", self._new)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda *_: self.current[-1])
        monkeypatch.setattr(torch.cuda, "stream", self._entered)

    def _new(self, *_: object, **__: object) -> Recorded:
        self.made.append(Recorded())
        return self.made[-1]

    @contextlib.contextmanager
    def _entered(self, lane: Recorded) -> Iterator[None]:
        self.current.append(lane)
        yield
        self.current.pop()

    def launched(self, what: str, window: int) -> None:
        self.order.append((what, window))
        self.current[-1].past.add((what, window))

    def reached(self, _: object) -> Recorded:
        """Stands for ``lanes.reached``."""
        event = Recorded()
        event.wait_stream(self.current[-1])
        return event


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    return Streams(monkeypatch)


def test_a_graph_made_ahead_is_read_once_it_is_there(
    tiny_models: dict[str, Artifact], streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.executors.cuda import executor as cuda
    from morpheus_gae.executors.cuda.lanes import Lanes
    from morpheus_gae.graph.build import build_graph

    executor = cuda.CudaExecutor(tiny_models["default"], "cpu")
    lanes = Lanes(executor.device)
    monkeypatch.setattr(executor, "_lane", lambda name: getattr(lanes, name))
    monkeypatch.setattr(cuda, "reached", streams.reached)
    build, score = cuda.build_device_graph, executor._score

    def built(flows, *rest):
        assert streams.current[-1] is lanes.build
        streams.launched("built", len(flows))
        return build(flows, *rest)

    def scored(graph):
        assert streams.current[-1] is lanes.score
        streams.launched("scored", graph.flows)
        return score(graph)

    monkeypatch.setattr(cuda, "build_device_graph", built)
    monkeypatch.setattr(executor, "_score", scored)
    first = executor.build(make_flows(10))
    second = executor.build(make_flows(11))
    executor.score(first)
    # its own graph is there; the next one's may still be under way, and waits for no score
    assert ("built", 10) in lanes.score.past
    assert ("built", 11) not in lanes.score.past
    assert not {what for what, _ in lanes.build.past} - {"built"}
    executor.score(second)
    assert ("built", 11) in lanes.score.past
    # a graph of the host's comes after what the caller has launched
    streams.launched("the caller's", 0)
    executor.score(build_graph(make_flows(12)))
    assert ("the caller's", 0) in lanes.score.past


def test_copies_and_scoring_overlap_and_nothing_is_read_too_early(
    tiny_models: dict[str, Artifact], streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.executors.cuda import stream
    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.executors.cuda.lanes import Lanes

    made, order, current, launched = streams.made, streams.order, streams.current, streams.launched
    executor = CudaExecutor(tiny_models["default"], "cpu")
    executor.lanes = Lanes(executor.device)
    lanes = executor.lanes
    upload, score, coming = stream.upload, executor.score_device, stream.Coming

    def sent(window, *rest):
        assert current[-1] is lanes.into
        launched("sent", len(window))
        return upload(window, *rest)

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
    monkeypatch.setattr(stream, "reached", streams.reached)
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
