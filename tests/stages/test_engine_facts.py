"""What the engine does to a stage, and what the stages do about it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from morpheus_gae.engine.run.operators import BuildGraph, ToAlerts
from morpheus_gae.errors import InputError, OutputError, UsageError
from tests.stages.test_stages import csv_file, frame, ours

pytest.importorskip("pandas")


def test_every_node_may_use_all_cpus(
    host: Any, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}
    for kind in (host.stages.BuildGraphStage, host.stages.InferGaeStage, host.stages.ToAlertsStage):

        def take(self: Any, message: Any, stock: Any = kind._take) -> Any:
            seen[self.name] = os.sched_getaffinity(0)
            return stock(self, message)

        monkeypatch.setattr(kind, "_take", take)
    stock = host.stages.FromNetflowStage._message

    def message(self: Any, *args: Any) -> Any:
        seen[self.name] = os.sched_getaffinity(0)
        return stock(self, *args)

    monkeypatch.setattr(host.stages.FromNetflowStage, "_message", message)
    c = host.config()
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    ours(host, c, source, str(tmp_path / "a.jsonl")).run()
    everywhere = os.sched_getaffinity(0)
    assert seen == dict.fromkeys(("from-netflow", "build-graph", "infer-gae", "to-alerts"), everywhere)


def test_the_engine_pins_the_threads_of_others(host: Any, toy: Any) -> None:
    cpus: list[int] = []
    c = host.config()
    look = host.Apply(c, lambda message: cpus.append(len(os.sched_getaffinity(0))))
    host.linear(c, host.Frames(c, [frame(3)]), look).run()
    assert cpus == [1]


def test_an_error_at_the_end_of_the_stream_is_raised(
    host: Any, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(self: Any) -> Any:
        raise InputError("the last window is broken")

    monkeypatch.setattr(BuildGraph, "finish", finish)
    c = host.config()
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    with pytest.raises(InputError, match="the last window is broken"):
        ours(host, c, source, str(tmp_path / "a.jsonl"), threshold=0.0).run()
    # what came before was written
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 20


def test_an_error_in_a_stage_is_raised_and_all_is_closed(
    host: Any, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    stock_close = ToAlerts.close

    def close(self: Any) -> None:
        closed.append("alerts")
        stock_close(self)

    monkeypatch.setattr(ToAlerts, "close", close)

    def score(graph: Any) -> Any:
        raise OutputError("no room")

    c = host.config()
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    pipeline = ours(host, c, source, str(tmp_path / "a.jsonl"))
    infer = host.stages.InferGaeStage
    stock = infer._take

    def take(self: Any, message: Any) -> Any:
        monkeypatch.setattr(toy, "score", score)
        return stock(self, message)

    monkeypatch.setattr(infer, "_take", take)
    with pytest.raises(OutputError, match="no room"):
        pipeline.run()
    assert closed == ["alerts"]


@pytest.mark.parametrize("kind", ["BuildGraphStage", "InferGaeStage", "ToAlertsStage"])
def test_a_stage_that_failed_drains_what_still_comes(
    host: Any, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # raised into the engine, an error ends the node, and the one before it waits for room for ever
    raised: list[BaseException] = []
    taken: list[Any] = []
    failing = getattr(host.stages, kind)
    stock_next, stock_take = failing._on_next, failing._take

    def on_next(self: Any, message: Any) -> Any:
        try:
            return stock_next(self, message)
        except BaseException as error:
            raised.append(error)
            raise

    def take(self: Any, message: Any) -> Any:
        taken.append(message)
        if len(taken) > 5:
            raise OutputError("no room")
        return stock_take(self, message)

    monkeypatch.setattr(failing, "_on_next", on_next)
    monkeypatch.setattr(failing, "_take", take)
    c = host.config(edge_buffer_size=2)
    # without an end: it is the failed stage that ends it
    frames = (frame(10, first) for first in itertools.count(0, 10))
    stages = ours(host, c, host.Frames(c, frames), str(tmp_path / "a.jsonl"), threshold=0.0)
    with pytest.raises(OutputError, match="no room"):
        stages.run()
    assert raised == []
    # what had come through before is written, once and in order, and the last window is not cut short
    written = [json.loads(line)["IN_BYTES"] for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert written == list(range(len(written)))
    assert len(written) % 10 == 0


def test_a_stock_stage_behind_finds_the_columns_it_fills(host: Any, toy: Any, tmp_path: Path) -> None:
    if not host.REAL:
        pytest.skip("the double has no stock stages")
    from morpheus.stages.postprocess.add_scores_stage import AddScoresStage

    c = host.config(class_labels=["anomaly"])
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    columns: list[set[str]] = []
    look = host.Apply(c, lambda message: columns.append(set(message.payload().copy_dataframe())) or message)
    stages = host.stages.BuildGraphStage(c, 10), host.stages.InferGaeStage(c, "toy"), look
    host.linear(c, source, *stages, AddScoresStage(c)).run()
    # in GPU mode a stock stage can fill a column, but not add one
    assert all("anomaly" in seen for seen in columns)
    assert len(columns) == 3


def test_a_view_of_a_larger_frame_is_refused(
    host: Any, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = host.config()
    stages = ours(host, c, host.Frames(c, [frame(10)]), str(tmp_path / "a.jsonl"))
    from morpheus.messages import MessageMeta

    # compiled slices count their own rows, but hand out the whole frame
    monkeypatch.setattr(MessageMeta, "count", property(lambda self: 4))
    with pytest.raises(UsageError, match=r"a view of 4 rows of a frame of 10.*serialize"):
        stages.run()


def test_the_signals_that_end_a_run_reach_the_host(host: Any, toy: Any, tmp_path: Path) -> None:
    ending = {signal.SIGINT, signal.SIGTERM}
    c = host.config()
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    pipeline = ours(host, c, source, str(tmp_path / "a.jsonl"))
    # so the engine leaves the thread that makes it
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    pipeline.run()
    assert not ending & signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_error_in_the_source_is_raised(host: Any, toy: Any, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("A,B\n1,2\n")
    c = host.config()
    source = host.stages.FromNetflowStage(c, [str(tmp_path / "f.csv")])
    with pytest.raises(InputError, match="required columns are missing"):
        ours(host, c, source, str(tmp_path / "a.jsonl")).run()


def test_none_is_neither_taken_nor_given(host: Any, toy: Any) -> None:
    c = host.config()
    collect = host.Collect(c)
    nothing = host.Apply(c, lambda message: None if message is None else message)
    host.linear(
        c,
        host.Frames(c, [frame(6), frame(3, 6)]),
        host.Apply(c, lambda message: message if message.count > 3 else None),
        host.stages.BuildGraphStage(c, graph_size=4),
        nothing,
        host.stages.InferGaeStage(c, "toy"),
        collect,
    ).run()
    assert [message.payload().count for message in collect.seen] == [4, 2]
    assert None not in nothing.seen


def test_order_is_kept(host: Any, toy: Any) -> None:
    c = host.config()
    collect = host.Collect(c)
    frames = [frame(3, first) for first in range(0, 120, 3)]
    stages = host.stages.BuildGraphStage(c, graph_size=7), host.stages.InferGaeStage(c, "toy")
    host.linear(c, host.Frames(c, frames), *stages, collect).run()
    rows = [row for part in collect.frames() for row in part["IN_BYTES"]]
    assert rows == list(range(120))


def test_a_stopped_source_ends_and_what_it_sent_is_written(host: Any, toy: Any, tmp_path: Path) -> None:
    c = host.config()
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")] * 1000)
    sent: list[int] = []

    def look(message: Any) -> Any:
        sent.append(message.payload().count)
        if len(sent) == 3:
            source.stop()
        return message

    collect = host.Collect(c)
    stages = host.stages.BuildGraphStage(c, graph_size=10), host.stages.InferGaeStage(c, "toy")
    host.linear(c, source, host.Apply(c, look), *stages, collect).run()
    assert 3 <= len(sent) < 100
    assert sum(message.payload().count for message in collect.seen) == sum(sent)


def test_a_batch_that_is_being_read_when_the_pipeline_stops_is_written(
    host: Any, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not host.REAL:
        pytest.skip("the double's stop is its own")
    from morpheus_gae.engine.run.source import FlowSource

    stock = FlowSource.__iter__

    def slow(self: Any) -> Any:
        for flows in stock(self):
            # the signal comes while this batch is on its way; the engine drops what a source gives later
            os.kill(os.getpid(), signal.SIGINT)
            assert self._stopping.wait(60)
            yield flows

    monkeypatch.setattr(FlowSource, "__iter__", slow)
    c = host.config()
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    ours(host, c, source, str(tmp_path / "a.jsonl"), threshold=0.0).run()
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 25


def test_the_clock_ends_a_window_of_a_silent_stream(
    host: Any, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.engine.run import feed

    monkeypatch.setattr(feed, "TICK_SECONDS", 0.02)
    pipe = tmp_path / "flows.csv"
    os.mkfifo(pipe)
    text = Path(csv_file(tmp_path / "f.csv")).read_text()
    scored = threading.Event()

    def write() -> None:
        with pipe.open("w") as out:
            out.write(text)
            out.flush()
            # what was written is scored although the pipe stays open
            assert scored.wait(120)

    writer = threading.Thread(target=write)
    writer.start()
    c = host.config()
    look = host.Apply(c, lambda message: scored.set() or message)
    stages = host.stages.BuildGraphStage(c, 1000, 0.1), host.stages.InferGaeStage(c, "toy")
    host.linear(c, host.stages.FromNetflowStage(c, [str(pipe)]), *stages, look).run()
    writer.join(120)
    assert scored.is_set()
    assert sum(message.payload().count for message in look.seen) == 25
