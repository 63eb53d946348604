from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from morpheus_gae.engine.health import Health
from morpheus_gae.engine.http import MetricsServer
from morpheus_gae.engine.metrics import Metrics
from morpheus_gae.errors import UsageError


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    made = MetricsServer(Metrics(), Health(), 0)
    yield made
    made.close()


def get(server: MetricsServer, path: str, **headers: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    finally:
        connection.close()


def test_metrics_in_the_form_that_is_asked_for(server: MetricsServer) -> None:
    status, body, kind = get(server, "/metrics?name[]=x")
    assert (status, kind.split(";")[0]) == (200, "text/plain")
    assert "morpheus_gae_flows_total 0.0" in body
    status, body, kind = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_probes_and_nothing_else(server: MetricsServer) -> None:
    assert get(server, "/healthz")[:2] == (200, "alive\n")
    assert get(server, "/readyz")[0] == 503
    assert get(server, "/")[0] == 404
    assert get(server, "/healthz/more")[0] == 404


def test_loopback_alone_by_default(server: MetricsServer) -> None:
    assert server.host == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.port}/metrics"


def test_a_port_that_is_taken_and_a_host_that_is_none(server: MetricsServer) -> None:
    with pytest.raises(UsageError, match=rf"--metrics_port {server.port} on 127\.0\.0\.1 cannot be opened"):
        MetricsServer(Metrics(), Health(), server.port)
    with pytest.raises(UsageError, match=r"on 192\.0\.2\.1 cannot be opened"):
        MetricsServer(Metrics(), Health(), 0, "192.0.2.1")


def test_closing_frees_the_port() -> None:
    first = MetricsServer(Metrics(), Health(), 0)
    first.close()
    second = MetricsServer(Metrics(), Health(), first.port)
    assert get(second, "/healthz")[0] == 200
    second.close()
