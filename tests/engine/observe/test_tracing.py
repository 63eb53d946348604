from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from morpheus_gae.detect.threshold import FixedThreshold
from morpheus_gae.engine.live_model import LiveModel, Slot
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.tracing import Tracing, asked_for, open_tracing
from morpheus_gae.engine.run.embedded import EmbeddedEngine
from morpheus_gae.engine.run.operators import BuildGraph, FlagAnomalies, InferGae, ToAlerts
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from tests.engine.fakes import Numbers
from tests.engine.run.test_operators import stream
from tests.engine.toys import ToyCutter, ToyExecutor, ToySink, toy_graph

STAGES = ["build-graph", "infer-gae", "flag-anomalies", "to-alerts"]


def chain(metrics: Metrics) -> list[Operator]:
    executor = ToyExecutor()
    slot = Slot(LiveModel(executor, toy_graph, FixedThreshold(7.0)))
    return [
        BuildGraph(ToyCutter(4), toy_graph, metrics, slot=slot),
        InferGae(executor, metrics, lambda line: None),
        FlagAnomalies(FixedThreshold(7.0), metrics),
        ToAlerts(ToySink(), "toy@1"),
    ]


def test_a_span_per_window_with_one_per_stage_inside() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing, metrics = Tracing(provider), Metrics()
    source = Numbers([stream(3), stream(7).slice(3, 7), stream(10).slice(7, 10)])
    EmbeddedEngine(source, tracing.traced(chain(metrics)), metrics=metrics).run()
    spans = exporter.get_finished_spans()
    windows = [span for span in spans if span.name == "window"]
    assert [dict(span.attributes or {}) for span in windows] == [
        {
            "morpheus_gae.flows": flows,
            "morpheus_gae.hosts": 2 * flows,
            "morpheus_gae.pairs": flows,
            "morpheus_gae.alerts": alerts,
            "morpheus_gae.model": "toy@0123456789ab",
        }
        for flows, alerts in ((4, 0), (4, 1), (2, 2))
    ]
    for window in windows:
        inside = [s for s in spans if s.parent is not None and s.parent.span_id == window.context.span_id]
        assert [span.name for span in inside] == STAGES
        assert inside[0].start_time == window.start_time
        assert inside[-1].end_time == window.end_time
        for before, after in pairwise(inside):
            assert before.start_time <= before.end_time <= after.start_time <= after.end_time
    assert len(spans) == 3 * 5
    tracing.close()


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "x"}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_the_environment_decides(environment: dict[str, str], kind: str | None) -> None:
    assert asked_for(environment) == kind


def test_off_costs_nothing_and_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("opentelemetry"):
            monkeypatch.setitem(sys.modules, name, None)
    assert open_tracing(pytest.fail, {}) is None


def test_what_cannot_be_had_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    assert open_tracing(said.append, {"OTEL_TRACES_EXPORTER": "zipkin"}) is None
    assert (
        open_tracing(said.append, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
        is None
    )
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert open_tracing(said.append, {"OTEL_TRACES_EXPORTER": "otlp"}) is None
    assert "exporter zipkin" in said[0]
    assert "protocol grpc" in said[1]
    assert "pip install 'morpheus-gae[otel]'" in said[2]


def test_a_pipeline_sends_what_the_environment_asks_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    path = tmp_path / "flows.csv"
    path.write_text(
        "IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS\n10.0.0.1,10.0.0.2,1,2,3\n"
    )
    options = Settings(input=(str(path),), output=str(tmp_path / "a.jsonl"), model="toy", threshold=0.0)
    build_pipeline(
        [], options, say=lambda line: None, open_executor=lambda m, k: ToyExecutor(), terminal=False
    ).run()
    told = capfd.readouterr().err
    assert '"service.name": "morpheus-gae"' in told
    assert '"morpheus_gae.flows": 1' in told
    # never a host
    assert "10.0.0." not in told


def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    came: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("NO_PROXY", "*")
        tracing = open_tracing(pytest.fail)
        assert tracing is not None
        EmbeddedEngine(Numbers([stream(3)]), tracing.traced(chain(Metrics()))).run()
        tracing.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    ((path, body),) = came
    assert path == "/v1/traces"
    assert b"build-graph" in body
