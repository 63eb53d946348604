from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.detect.encodings import encoding
from morpheus_gae.detect.threshold import FixedThreshold
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.monitor import Monitor
from morpheus_gae.engine.run import operators
from morpheus_gae.engine.run.embedded import EmbeddedEngine
from morpheus_gae.engine.run.operators import BuildGraph, FlagAnomalies, InferGae, ToAlerts
from morpheus_gae.engine.run.source import FlowSource
from morpheus_gae.engine.window import Window
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.columns import FLOW_START
from morpheus_gae.flows.frame import Flows
from morpheus_gae.sinks.encoded import EncodedSink
from morpheus_gae.sinks.lazy import LazySink
from morpheus_gae.sinks.open import open_sink
from tests.detect.make import flows_of
from tests.engine.toys import ToyCutter, ToyExecutor, ToySink, toy_graph


def stream(n: int, labels: bool = False) -> Flows:
    """n flows; the i-th has a surprise of i."""
    flows = flows_of(n)
    flows.attributes[:, 0] = np.arange(n)
    table = flows.table
    if labels:
        table = table.append_column("Label", pa.array((np.arange(n) % 2).astype(np.int64)))
    return replace(flows, table=table)


def batch(flows: Flows, bad: int = 0) -> Any:
    records = [BadRecord(Reason.ADDRESS, "f", i, "x", "{}") for i in range(bad)]
    return SimpleNamespace(
        flows=flows, bad=records, bytes_read=100, skipped=Counter(), noted=Counter(), preset=None
    )


def chain(
    batches: list[Any], *, graph_size: int = 4, threshold: float = 0.0, unseen: float = 0.0, sink: Any = None
) -> tuple[Metrics, Any, list[str]]:
    metrics, said = Metrics(), []
    sink = sink or ToySink()
    stages = [
        BuildGraph(ToyCutter(graph_size), toy_graph, metrics),
        InferGae(ToyExecutor(unseen), metrics, said.append),
        FlagAnomalies(FixedThreshold(threshold), metrics),
        Monitor(metrics, None, said.append, terminal=False),
        ToAlerts(sink, "toy@1"),
    ]
    EmbeddedEngine(FlowSource(batches, metrics), stages, metrics=metrics).run()
    return metrics, sink, said


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
@settings(max_examples=20, deadline=None)
def test_threshold_zero_gives_every_row_in_order_however_it_is_batched(cuts: list[int], size: int) -> None:
    flows = stream(sum(cuts))
    ends = np.cumsum([0, *cuts])
    parts = [flows.slice(int(a), int(b)) for a, b in pairwise(ends)]
    metrics, sink, _ = chain([batch(part) for part in parts], graph_size=size)
    rows = [note for table in sink.tables for note in table["note"].to_pylist()]
    assert rows == [f"row {i}" for i in range(len(flows))]
    assert metrics.flows == metrics.alerts == len(flows)
    assert metrics.windows == -(-len(flows) // size)


@pytest.mark.parametrize("name", ["alerts.jsonl", "alerts.csv", "alerts.parquet"])
@pytest.mark.parametrize("form", ["plain", "ecs"])
def test_alerts_that_are_made_ahead_are_the_same_bytes(
    name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (form, name) == ("ecs", "alerts.csv"):
        pytest.skip("nested rows are not for CSV")
    flows, written = stream(40), []
    # without times they would be those of now
    started = pa.array(np.arange(40) + 1_700_000_000_000)
    flows = replace(flows, table=flows.table.append_column(FLOW_START, started))
    for processors in (1, 8):
        monkeypatch.setattr(operators, "readers", lambda n=processors: n)
        path = tmp_path / f"{processors}-{name}"
        sink: Any = LazySink(partial(open_sink, str(path)))
        chain([batch(flows)], sink=sink if form == "plain" else EncodedSink(sink, encoding(form)))
        written.append(path.read_bytes())
    assert len(written[0]) > 1000
    assert written[0] == written[1]


def test_only_flagged_rows_come_out_and_each_window_is_flushed() -> None:
    metrics, sink, said = chain([batch(stream(10))], threshold=7.0)
    assert [table.num_rows for table in sink.tables] == [0, 1, 2]
    assert sink.calls == ["add", "flush"] * 3 + ["flush", "close"]
    assert (metrics.alerts, metrics.hosts, metrics.pairs) == (3, 20, 10)
    assert metrics.as_dict()["sweeps"]["histogram"] == {"2": 3}
    assert [line for line in said if line.startswith("flows: 10 flows")]


def test_bad_records_and_missing_durations_are_counted() -> None:
    flows = stream(2)
    flows.duration_missing[0] = True
    kept: list[BadRecord] = []
    closed: list[bool] = []
    dead_letters = SimpleNamespace(add=kept.extend, close=lambda: closed.append(True))
    metrics = Metrics()
    source = FlowSource([batch(flows, bad=3), batch(stream(0), bad=1)], metrics, dead_letters)
    EmbeddedEngine(source, [], metrics=metrics).run()
    assert metrics.bad_records == {"unparsable_address": 4}
    assert metrics.durations_missing == 1
    assert metrics.bytes_read == 200
    assert len(kept) == 4
    assert closed == [True]


def test_labels_are_reported() -> None:
    metrics, _, _ = chain([batch(stream(10, labels=True))], threshold=7.0)
    labels = metrics.as_dict()["labels"]
    assert labels == {"attacks": 5, "benign": 5, "tpr": 0.4, "fpr": 0.2}


@pytest.mark.parametrize(("unseen", "warnings"), [(0.4, 0), (0.9, 1)])
def test_one_warning_when_most_hosts_are_unknown(unseen: float, warnings: int) -> None:
    _, _, said = chain([batch(stream(40))], graph_size=10, unseen=unseen)
    lines = [line for line in said if "--adaptive" in line]
    assert len(lines) == warnings
    assert all("does not know 18 of 20 hosts" in line for line in lines)


@pytest.mark.parametrize(("alert_rate", "warnings"), [(0.001, 1), (0.1, 0), (None, 0)])
def test_one_warning_when_far_more_is_flagged_than_asked_for(alert_rate: float | None, warnings: int) -> None:
    said: list[str] = []
    flag = FlagAnomalies(FixedThreshold(5.0), Metrics(), alert_rate=alert_rate, say=said.append)
    for _ in range(2):
        flows = stream(10)
        list(flag.process(Window(flows, scores=ToyExecutor().score(toy_graph(flows)))))
    assert len(said) == warnings
    assert all("50% of 10 flows are flagged, asked for was 0.10%" in line for line in said)


def test_a_slow_stream_gives_its_window_by_the_clock_on_the_wall() -> None:
    now = [100.0]
    build = BuildGraph(ToyCutter(4), toy_graph, Metrics(), wait_seconds=5.0, clock=lambda: now[0])
    assert build.deadline() is None
    assert list(build.process(stream(1))) == []
    assert build.deadline() == 105.0
    now[0] = 103.0
    list(build.process(stream(1)))
    assert build.deadline() == 105.0
    (window,) = build.expire()
    assert len(window.flows) == 2
    assert build.deadline() is None
    now[0] = 200.0
    assert [len(w.flows) for w in build.process(stream(9))] == [4, 4]
    assert build.deadline() == 205.0
    assert [len(w.flows) for w in build.process(stream(3))] == [4]
    assert build.deadline() is None
    assert list(build.finish()) == []


def test_a_file_never_waits_by_the_clock() -> None:
    build = BuildGraph(ToyCutter(4), toy_graph, Metrics())
    list(build.process(stream(1)))
    assert build.deadline() is None


def test_progress_bar_only_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics()
    metrics.add(bytes_read=50, flows=3)
    bar = Monitor(metrics, 100, lambda line: None, terminal=True)
    assert list(bar.process("item")) == ["item"]
    bar.close()
    shown = capsys.readouterr()
    assert "flows/s" in shown.err
    assert shown.out == ""
    quiet = Monitor(metrics, 100, lambda line: None, terminal=False)
    list(quiet.process("item"))
    quiet.close()
    assert capsys.readouterr().err == ""
