from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from morpheus_gae.engine.observe.bounded import CONNECTION_SECONDS, REQUEST_BYTES
from morpheus_gae.engine.observe.health import Health
from morpheus_gae.engine.observe.http import MetricsServer
from morpheus_gae.engine.observe.metrics import Metrics
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


def raw(server: MetricsServer, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection((server.host, server.port), timeout=30)
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    found = b""
    with connection, suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            found += part
    return found


def said(server: MetricsServer, sent: bytes) -> bytes:
    return rest(raw(server, sent))


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/nothing"])
def test_head_is_get_without_a_body(server: MetricsServer, path: str) -> None:
    def fields(answer: bytes) -> list[bytes]:
        head = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
        return [line for line in head if not line.startswith((b"Date:", b"Content-Length:"))]

    got = said(server, b"GET %s HTTP/1.1\r\n\r\n" % path.encode())
    head = said(server, b"HEAD %s HTTP/1.1\r\n\r\n" % path.encode())
    assert fields(head) == fields(got)
    assert b"Connection: close" in fields(head)
    assert head.endswith(b"\r\n\r\n")
    assert not got.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X-\x1b"])
def test_other_methods_are_told_which_there_are(server: MetricsServer, method: str) -> None:
    answer = said(server, f"{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 405 ")
    assert b"\r\nAllow: GET, HEAD\r\n" in answer
    assert b"\x1b" not in answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * REQUEST_BYTES, b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * REQUEST_BYTES, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (REQUEST_BYTES // 6), b"431"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/9.9.9\r\n\r\n", b"400"),
        (b"GET / <script>\x1b HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/2.0\r\n\r\n", b"505"),
    ],
)
def test_what_is_no_request_or_a_large_one(server: MetricsServer, sent: bytes, status: bytes) -> None:
    answer = said(server, sent)
    assert answer.startswith(b"HTTP/1.0 " + status)
    assert b"script" not in answer
    assert b"\x1b" not in answer


@pytest.mark.parametrize("sent", [b"\r\n", b"\r\n\r\n", b"\n"])
def test_nothing_is_no_request(server: MetricsServer, sent: bytes) -> None:
    assert said(server, sent) == b""


def test_one_request_a_connection(server: MetricsServer) -> None:
    answer = said(server, b"GET /healthz HTTP/1.1\r\nConnection: keep-alive\r\n\r\n" * 3)
    assert answer.count(b"alive\n") == 1


def test_a_form_that_is_none_gets_the_plain_one(server: MetricsServer) -> None:
    status, _, kind = get(server, "/metrics", Accept="application/openmetrics-text; version=one")
    assert (status, kind.split(";")[0]) == (200, "text/plain")


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clocked() -> Iterator[tuple[MetricsServer, Metrics, Clock]]:
    metrics, clock = Metrics(), Clock()
    server = MetricsServer(metrics, Health(), 0, most=3, clock=clock)
    yield server, metrics, clock
    server.close()


def dripped(connection: socket.socket) -> None:
    """A byte now and then, until the other side has had enough."""
    connection.settimeout(0.01)
    with connection:
        while True:
            try:
                connection.sendall(b"a")
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


@pytest.mark.parametrize("wait", [rest, dripped])
@pytest.mark.parametrize("sent", [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nX: "])
def test_a_connection_has_its_time(
    clocked: tuple[MetricsServer, Metrics, Clock], sent: bytes, wait: Callable[[socket.socket], object]
) -> None:
    server, metrics, clock = clocked
    slow = raw(server, sent)
    # taken before this one, which is answered
    assert get(server, "/healthz")[0] == 200
    clock.now = CONNECTION_SECONDS - 0.1
    assert get(server, "/healthz")[0] == 200
    assert metrics.http_cut_off == 0
    clock.now = CONNECTION_SECONDS
    wait(slow)
    assert get(server, "/healthz")[0] == 200
    assert metrics.http_cut_off == 1


def test_whoever_does_not_read_has_the_same_time() -> None:
    metrics, clock = Metrics(), Clock()
    # more than the system takes for a reader that does not read
    metrics.bad_records.update({f"{i}{'x' * 1000}": 1 for i in range(20_000)})
    server = MetricsServer(metrics, Health(), 0, clock=clock)
    connection = raw(server, b"GET /metrics HTTP/1.1\r\n\r\n")
    # the answer has begun
    assert connection.recv(1) == b"H"
    clock.now = CONNECTION_SECONDS
    while not metrics.http_cut_off:
        assert get(server, "/healthz")[0] == 200
    assert len(rest(connection)) < 20_000_000
    server.close()


def test_no_more_connections_than_there_is_room_for(clocked: tuple[MetricsServer, Metrics, Clock]) -> None:
    server, metrics, clock = clocked
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(raw(server, b"GET /"))
        for refused in range(1, 6):
            assert said(server, b"").startswith(b"HTTP/1.0 503 ")
            assert metrics.http_refused == refused
        clock.now = CONNECTION_SECONDS
        # those that hang make room
        while not said(server, b"GET /healthz HTTP/1.1\r\n\r\n").endswith(b"alive\n"):
            pass
    assert metrics.http_cut_off == 3


def test_closing_ends_what_hangs() -> None:
    server = MetricsServer(Metrics(), Health(), 0)
    slow = raw(server, b"GET /metr")
    assert get(server, "/healthz")[0] == 200
    server.close()
    assert rest(slow) == b""
